"""What is in the way of an adoption, each with what to do; an adoption makes nothing itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.adoption import Adoption, Seen
from components.desired import Desired
from fly.release import GROUP, in_group
from gateway.secret_names import query_key_name
from stacks.places import configuration_file
from stacks.problem import Problem
from stacks.settings import Settings
from stacks.values import Deployer, SecretSource

TAKEN_OVER = frozenset(
    {"App", "IpAssignment", "Certificate", "Secrets", "GeneratedSecret", "Release"}
)
OF_STORES = frozenset(
    {
        "Volume",
        "DataMachine",
        "Database",
        "ExistingDatabase",
        "ManagedCluster",
        "ManagedDatabase",
        "ManagedUser",
    }
)
GET_ADDRESS = {"v6": "fly ips allocate-v6", "shared_v4": "fly ips allocate-v4 --shared"}


@dataclass(frozen=True, slots=True)
class Needs:
    """What the program declares of the gateway's own app, each sorted, and the `kinds` of all."""

    addresses: tuple[str, ...]
    hostnames: tuple[str, ...]
    secrets: tuple[str, ...]
    kinds: frozenset[str]

    @classmethod
    def of(cls, wanted: Sequence[Desired], app: str) -> "Needs":
        """Read the declared resources; a store's app has some of each kind too."""
        own = [each for each in wanted if each.inputs.get("app") == app]
        names = [name for e in own if e.kind == "Secrets" for name in e.inputs["names"]]
        return cls(
            addresses=tuple(sorted(e.inputs["type"] for e in own if e.kind == "IpAssignment")),
            hostnames=tuple(sorted(e.inputs["hostname"] for e in own if e.kind == "Certificate")),
            secrets=tuple(sorted(names)),
            kinds=frozenset(each.kind for each in wanted),
        )


def problems(settings: Settings, needs: Needs, seen: Seen, order: Adoption) -> tuple[Problem, ...]:
    """Return everything that is in the way, sorted; `order` holds what of the needs was found."""
    app = seen.app.name
    return tuple(
        sorted(
            {
                *_of_the_app(settings, seen),
                *_of_stores(settings, needs),
                *(
                    _no_address(app, kind)
                    for kind in needs.addresses
                    if kind not in order.addresses
                ),
                *(
                    _no_hostname(app, host)
                    for host in needs.hostnames
                    if host not in order.hostnames
                ),
                *_of_secrets(settings, needs.secrets, order.secrets),
            }
        )
    )


def _of_the_app(settings: Settings, seen: Seen) -> Iterator[Problem]:
    app, file = seen.app, configuration_file(settings.environment)
    if app.name != settings.fly.app:
        yield Problem(
            f"{file}: gateway:fly.app",
            "adopt.app",
            settings.fly.app,
            f"the app to take over is {app.name}: an app's name never changes",
            f"pulumi config set -s {settings.environment} --path gateway:fly.app {app.name}",
        )
    if app.organization not in {"", settings.fly.organization}:
        yield Problem(
            f"{file}: gateway:fly.organization",
            "adopt.organization",
            settings.fly.organization,
            f"app {app.name} is in organisation {app.organization}",
            f"pulumi config set -s {settings.environment} --path gateway:fly.organization"
            f" {app.organization}",
        )
    if settings.fly.deployer is not Deployer.MACHINES_API:
        yield Problem(
            f"{file}: gateway:fly.deployer",
            "adopt.deployer",
            settings.fly.deployer.value,
            "with it flyctl would deploy while the app is taken over, and restart its machines",
            f"pulumi config set -s {settings.environment} --path gateway:fly.deployer"
            f" {Deployer.MACHINES_API.value}, adopt, then set it back and deploy",
        )
    if not in_group(seen.machines):
        yield Problem(
            f"app {app.name}",
            "adopt.machines",
            "",
            f"it has no machine of the process group `{GROUP}`, which is what flyctl makes of a"
            " fly.toml without `[processes]` and what this project runs: nothing to take over",
            f"gateway deploy {settings.environment} makes a gateway where there is none",
        )


def _of_stores(settings: Settings, needs: Needs) -> Iterator[Problem]:
    file = configuration_file(settings.environment)
    postgres, redis = settings.postgres, settings.redis
    made = {
        "postgres": postgres is not None and (postgres.kind != "existing" or postgres.app),
        "redis": redis is not None and redis.kind != "existing",
    }
    kinds = {"postgres": postgres and postgres.kind, "redis": redis and redis.kind}
    for name in (name for name, makes in made.items() if makes):
        yield Problem(
            f"{file}: gateway:{name}.kind",
            "adopt.store",
            str(kinds[name]),
            f"this would make a {name} of its own beside what app {settings.fly.app} uses, or a"
            " role in it; an adoption makes nothing",
            f"set `kind: existing` with the `host` that it uses now and no `app`, or"
            f" `gateway:{name}: null`",
        )
    for kind in sorted(needs.kinds - TAKEN_OVER - OF_STORES):
        yield Problem(
            file,
            "adopt.kind",
            kind,
            "what the settings declare of this kind cannot be taken over, and an adoption makes"
            " nothing",
            "take it out of the settings, adopt, then put it back and deploy",
        )


def _no_address(app: str, kind: str) -> Problem:
    return Problem(
        f"app {app}",
        "adopt.address",
        kind,
        "it has no address of this type, and the gateway declares one; an adoption makes nothing",
        f"{GET_ADDRESS.get(kind, 'fly ips allocate')} -a {app} (restarts nothing), then adopt",
    )


def _no_hostname(app: str, hostname: str) -> Problem:
    return Problem(
        f"app {app}",
        "adopt.hostname",
        hostname,
        "it has no such host name, and `gateway:fly.hostnames` declares it; an adoption makes"
        " nothing",
        f"fly certs add {hostname} -a {app} (restarts nothing), or declare it after the adoption",
    )


def _of_secrets(
    settings: Settings, names: Sequence[str], held: Mapping[str, str]
) -> Iterator[Problem]:
    file = configuration_file(settings.environment)
    for name in names:
        if name not in held:
            yield Problem(
                f"app {settings.fly.app}",
                "adopt.secret",
                name,
                "the gateway needs this secret and the app has none of the name; an adoption sets"
                " nothing",
                f"write {name}=VALUE into a file that only you can read, then:"
                f" fly secrets import --stage -a {settings.fly.app} < FILE",
            )
    for name, source in settings.secrets.items():
        if source is SecretSource.GENERATED and name != query_key_name(settings):
            yield Problem(
                f"{file}: gateway:secrets.{name}",
                "adopt.generated",
                "generated",
                "the app's users and database know the value that it has; a new one would lock"
                " them out with the next change of any secret",
                f"pulumi config set -s {settings.environment} --path gateway:secrets.{name} config;"
                f" pulumi config set -s {settings.environment} --secret gateway:{name}",
            )
