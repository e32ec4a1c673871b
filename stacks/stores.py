"""What the gateway's Postgres and Redis are, and how DATABASE_URL is put together."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.fly import DataMachine
from stacks.managed_plans import ManagedPlan, PoolMode
from stacks.values import (
    Amount,
    AppName,
    Count,
    Frozen,
    Host,
    MebiBytes,
    Port,
    PostgresName,
    RegionCode,
    Seconds,
    SecretName,
)


class PrismaParameters(Frozen):
    """What LiteLLM's Prisma engine reads from DATABASE_URL; whole seconds, floats do not parse.

    Source: the closed list of quaint's url.rs, prisma/prisma-engines. `connection_limit` and
    `pool_timeout` are overridden by LiteLLM's command line, so they stand in
    `general_settings.database_connection_pool_limit` instead.
    """

    max_connection_lifetime: Seconds | None = 540
    """Fly's proxy cuts connections older than 600 s when it restarts."""
    max_idle_connection_lifetime: Seconds | None = 50
    connect_timeout: Seconds | None = 5
    socket_timeout: Seconds | None = None
    """Caps every query, not idleness: 10 breaks spend reports."""
    pool_timeout: Seconds | None = None
    connection_limit: Count | None = None
    statement_cache_size: Annotated[int, Field(strict=True, ge=0)] | None = None
    pgbouncer: bool | None = None
    application_name: str | None = None


class LibpqParameters(Frozen):
    """What psql and other libpq clients read; Prisma discards every one of them in silence."""

    keepalives: Literal[0, 1] | None = None
    keepalives_idle: Seconds | None = None
    keepalives_interval: Seconds | None = None
    keepalives_count: Count | None = None
    tcp_user_timeout: (
        Annotated[int, Field(strict=True, ge=0, description="milliseconds")] | None
    ) = None
    target_session_attrs: str | None = None


class ManagedCluster(Frozen):
    """A cluster of Fly's Managed Postgres. What it is changed in later: Fly's dashboard."""

    name: AppName | None = None
    """`<gateway app>-db` when left out; it finds the cluster again after an interrupted run."""
    plan: ManagedPlan = ManagedPlan.BASIC
    disk_size_gb: Annotated[int, Field(strict=True, ge=1, le=1000, description="GB")] = 10
    """At creation 500 at most. It only ever grows, also by itself when it fills."""
    pg_major_version: Literal[16, 17] = 17
    pool_mode: PoolMode = PoolMode.TRANSACTION
    region: RegionCode | None = None
    """The gateway's primary region when left out."""


class Postgres(Frozen):
    """The database behind `store: database`.

    `single` is one machine and volume of ours, `managed` a cluster of Fly's Managed Postgres,
    `existing` any other cluster: with `app`, role and database are made in it, without it is only
    used.
    """

    kind: Literal["single", "managed", "existing"] = "single"
    database: PostgresName = "litellm"
    role: PostgresName = "litellm"
    sslmode: Literal["disable", "prefer", "require"] | None = None
    """`require` with `managed`, else `disable` when left out: that only inside Fly's private
    network, which is encrypted already."""
    prisma: PrismaParameters = PrismaParameters()
    libpq: LibpqParameters = LibpqParameters()
    max_connections: Amount = 300
    """Of the server. Not with `managed`: its plan says it."""
    managed: ManagedCluster = ManagedCluster()
    """`managed` only."""
    app: AppName | None = None
    """`single`: `<gateway app>-db` when left out. `existing`: the cluster's app, in whose primary
    machine role and database are made."""
    image: str = "postgres:18"
    """`single` only."""
    machine: DataMachine = DataMachine()
    """`single` only."""
    host: Host | None = None
    """`existing`: where the cluster listens; `<app>.flycast` when left out."""
    port: Port = 5432
    """`existing` only."""
    superuser: PostgresName = "postgres"
    superuser_password: SecretName = "POSTGRES_PASSWORD"
    role_password: SecretName = "POSTGRES_ROLE_PASSWORD"
    protect: bool = False
    """True on live: Pulumi refuses to delete it and keeps the data on destroy."""

    @property
    def encryption(self) -> str:
        """The `sslmode` that is written."""
        return self.sslmode or ("require" if self.kind == "managed" else "disable")

    @property
    def pooled_by_transaction(self) -> bool:
        """True when a connection is another one of the server's at each transaction."""
        return self.kind == "managed" and self.managed.pool_mode is PoolMode.TRANSACTION


class Redis(Frozen):
    """The Redis that workers share for cooldowns and the response cache."""

    kind: Literal["app", "existing"] = "app"
    app: AppName | None = None
    """`app`: `<gateway app>-redis` when left out."""
    image: str = "valkey/valkey:9"
    machine: DataMachine = DataMachine(memory_mb=512, volume_gb=1)
    maxmemory_mb: MebiBytes = 256
    maxmemory_policy: Literal[
        "noeviction", "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu", "volatile-ttl"
    ] = "allkeys-lru"
    host: Host | None = None
    port: Port = 6379
    password: SecretName = "REDIS_PASSWORD"
    protect: bool = False
