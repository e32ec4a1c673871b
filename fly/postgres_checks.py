"""What of the settings of Postgres does not go together, by the kind that was chosen."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from fly.regions import region_problems
from stacks.managed_plans import MOST_DISK_AT_CREATION_GB
from stacks.problem import Problem, Severity
from stacks.settings import Settings
from stacks.stores import Postgres
from stacks.values import SecretSource

Place = Callable[[str], str]

# A field that is not here means something with every kind.
OF_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "managed": ("managed",),
        "image": ("single",),
        "machine": ("single",),
        "host": ("existing",),
        "port": ("existing",),
        "app": ("single", "existing"),
        "max_connections": ("single", "existing"),
        "superuser": ("single", "existing"),
        "superuser_password": ("single", "existing"),
    }
)
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "app": "a managed cluster is no app; its name is gateway:postgres.managed.name",
        "max_connections": "the plan says it: gateway:postgres.managed.plan",
    }
)


def postgres_problems(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield all of it; `place` says where a setting was written."""
    postgres = settings.postgres
    if postgres is None:
        return
    yield from _foreign(postgres, settings.environment, place)
    if postgres.kind == "managed":
        yield from _managed(postgres, place)
    if postgres.kind == "existing":
        yield from _existing(postgres, settings, place)


def _foreign(postgres: Postgres, environment: str, place: Place) -> Iterator[Problem]:
    for name in sorted(postgres.model_fields_set & OF_KINDS.keys()):
        kinds = OF_KINDS[name]
        if postgres.kind in kinds or getattr(postgres, name) == _default(name):
            continue
        value = getattr(postgres, name)
        instead = _INSTEAD.get(name) if postgres.kind == "managed" else None
        yield Problem(
            place(f"postgres.{name}"),
            "postgres.kind",
            json.dumps(value) if isinstance(value, str | int) else "",
            f"means nothing with gateway:postgres.kind = {postgres.kind}, only with "
            f"{' and '.join(kinds)}" + (f": {instead}" if instead else ""),
            f"remove it, or: pulumi config set -s {environment} --path gateway:postgres.kind"
            f" {kinds[0]}",
        )


def _default(name: str) -> object:
    return Postgres.model_fields[name].get_default()


def _managed(postgres: Postgres, place: Place) -> Iterator[Problem]:
    cluster = postgres.managed
    if cluster.region is not None:
        yield from region_problems(cluster.region, place("postgres.managed.region"))
    for field, what in (("database", "a database"), ("role", "a user")):
        name = getattr(postgres, field)
        if name != name.strip("_"):
            yield Problem(
                place(f"postgres.{field}"),
                "postgres.name",
                json.dumps(name),
                f"Managed Postgres takes no underscore at an end of the name of {what}",
                f"set {name.strip('_') or 'litellm'}",
            )
    if postgres.encryption == "disable":
        yield Problem(
            place("postgres.sslmode"),
            "postgres.sslmode",
            '"disable"',
            "Managed Postgres speaks TLS on every connection, and the password crosses Fly's proxy",
            "remove it: require is written then",
        )
    if cluster.disk_size_gb > MOST_DISK_AT_CREATION_GB:
        yield Problem(
            place("postgres.managed.disk_size_gb"),
            "postgres.disk",
            str(cluster.disk_size_gb),
            f"Fly makes a cluster with at most {MOST_DISK_AT_CREATION_GB} GB; it grows afterwards",
            f"set {MOST_DISK_AT_CREATION_GB} while there is no cluster yet",
            Severity.WARNING,
        )


def _existing(postgres: Postgres, settings: Settings, place: Place) -> Iterator[Problem]:
    source = settings.secrets.get(postgres.role_password)
    if postgres.app is None and source is SecretSource.GENERATED:
        yield Problem(
            place(f"secrets.{postgres.role_password}"),
            "postgres.password",
            '"generated"',
            "nobody tells the existing cluster a password that is generated here",
            "name the cluster's app in gateway:postgres.app, where it is then set; or give the "
            f"password: pulumi config set -s {settings.environment} --secret "
            f"gateway:{postgres.role_password}",
        )
    if postgres.app is None:
        return
    if postgres.role == postgres.superuser:
        yield Problem(
            place("postgres.role"),
            "postgres.role",
            json.dumps(postgres.role),
            "this is the cluster's superuser: its password would be changed for everybody",
            f"set a role of its own, for example litellm_{settings.environment}",
        )
    if postgres.app == settings.fly.app:
        yield Problem(
            place("postgres.app"),
            "fly.app",
            json.dumps(postgres.app),
            "gateway:fly.app has this name: the gateway's machines have no Postgres",
            "name the app of the cluster",
        )
