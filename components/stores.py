"""Which resources each kind of Postgres is, and the secrets that the gateway gets from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.existing_database import ExistingDatabase
from components.managed_postgres import ManagedPostgres
from components.postgres import Postgres
from gateway.database_url import database_url, redacted, url_digest
from gateway.secret_names import DATABASE_URL, DIRECT_URL
from stacks.settings import Settings


@dataclass(frozen=True, slots=True)
class Provided:
    """What came of a Postgres; `resources` are those that a release waits for."""

    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    outputs: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict)
    resources: tuple[pulumi.Resource, ...] = ()


def provide_postgres(
    name: str,
    settings: Settings,
    role_password: Callable[[], pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> Provided:
    """Declare the Postgres of an environment; nothing when it has none.

    `role_password` answers the password of an existing cluster's role, and is asked for no other.
    """
    postgres = settings.postgres
    if postgres is None:
        return Provided()
    match postgres.kind:
        case "managed":
            managed = ManagedPostgres(name, settings, opts)
            return _provided(
                managed.database_url,
                secrets={DIRECT_URL: managed.direct_url},
                outputs={
                    "database": managed.connected,
                    "postgres_cluster": managed.cluster_id,
                    "direct_url": _shown(managed.direct_url),
                },
                resources=(managed,),
            )
        case "single":
            single = Postgres(name, settings, opts)
            url = single.role_password.apply(lambda value: database_url(settings, value))
            outputs = {"database": single.connected, "postgres_address": single.address}
            return _provided(url, outputs=outputs, resources=(single,))
        case "existing":
            password = role_password()
            url = password.apply(lambda value: database_url(settings, value))
            if postgres.app is None:
                return _provided(url)
            made = ExistingDatabase(
                f"{name}-database",
                app=postgres.app,
                superuser=postgres.superuser,
                role=postgres.role,
                database=postgres.database,
                password=password,
                opts=opts,
            )
            return _provided(url, outputs={"database": made.connected}, resources=(made,))


def _provided(
    url: pulumi.Output[str],
    *,
    secrets: Mapping[str, pulumi.Input[str]] | None = None,
    outputs: Mapping[str, pulumi.Input[Any]] | None = None,
    resources: tuple[pulumi.Resource, ...] = (),
) -> Provided:
    told = {
        "database_url": _shown(url),
        "database_url_digest": pulumi.Output.unsecret(url.apply(url_digest)),
    }
    return Provided({DATABASE_URL: url, **(secrets or {})}, {**told, **(outputs or {})}, resources)


def _shown(url: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the URL without its password: everybody may read it."""
    return pulumi.Output.unsecret(url.apply(redacted))
