"""What an environment's Fly machines are: size, place, checks, limits, replacement."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.values import (
    Amount,
    AppName,
    Count,
    Deployer,
    Extras,
    Frozen,
    GibiBytes,
    HostName,
    HttpPath,
    HttpUrl,
    MebiBytes,
    OrganizationSlug,
    RegionCode,
    Seconds,
    Strategy,
)


class Concurrency(Frozen):
    """When Fly's proxy prefers another machine (soft) and when it queues (hard)."""

    type: Literal["requests", "connections"] = "requests"
    soft_limit: Amount = 100
    hard_limit: Amount = 150


class Check(Frozen):
    """The HTTP check that gates routing and the rollout."""

    path: HttpPath = "/health/readiness"
    interval_s: Seconds = 15
    timeout_s: Seconds = 5
    grace_period_s: Seconds = 60
    extras: Extras = Field(default_factory=dict)
    """Further keys of this check in fly.toml, such as `headers`."""


class Kill(Frozen):
    """How a machine is asked to stop; `timeout_s` must exceed the server's drain time."""

    signal: Literal["SIGTERM", "SIGINT", "SIGQUIT"] = "SIGTERM"
    timeout_s: Seconds = 45


class Fly(Frozen):
    """The gateway app and its machines."""

    organization: OrganizationSlug
    app: AppName
    regions: dict[RegionCode, Count] = Field(
        description="a mapping of a region code to its number of machines", min_length=1
    )
    primary: RegionCode | None = None
    """The primary region; may be left out where there is only one. An order among `regions`
    could not say it: Pulumi hands mappings over with sorted keys."""
    size: str = "shared-cpu-4x"
    memory_mb: MebiBytes = 8192
    vm: Extras = Field(default_factory=dict)
    """Further keys of the table `vm` in fly.toml, such as `cpus`."""
    auto_stop: Literal["off", "stop", "suspend"] = "off"
    """A machine that was stopped boots for as long as its first client waits."""
    min_machines_running: Annotated[int, Field(strict=True, ge=0, le=1000)] | None = None
    """Of the primary region, for `auto_stop`; all of them when left out."""
    force_https: bool | None = None
    """Whether http is redirected; as the public address begins with https when left out."""
    concurrency: Concurrency = Concurrency()
    check: Check = Check()
    kill: Kill = Kill()
    strategy: Strategy = Strategy.BLUEGREEN
    deployer: Deployer = Deployer.MACHINES_API
    """Who deploys; `flyctl` needs that program and Pulumi's command plugin (docs/deploy.md)."""
    wait_timeout_s: Seconds = 300
    """How long one machine may take from its creation to passing checks."""
    public_url: HttpUrl | None = None
    """Where users reach the gateway; `https://<app>.fly.dev` when left out."""
    hostnames: tuple[HostName, ...] = ()
    """Names of your own under which the gateway answers, each with a certificate by Fly; their DNS
    records are told by `gateway status`."""
    api: Literal["fly", "sandbox"] = "fly"
    """`sandbox` refuses every API address that is not loopback."""
    extras: Extras = Field(default_factory=dict)
    """Further keys and tables of fly.toml, laid beside those that are rendered."""

    @property
    def primary_region(self) -> str:
        """The region named by `primary`, else the only one, else the first by alphabet."""
        return self.primary or min(self.regions)

    @property
    def machines(self) -> int:
        """Machines in all regions together."""
        return sum(self.regions.values())

    @property
    def url(self) -> str:
        """The public address without a trailing slash."""
        return (self.public_url or f"https://{self.app}.fly.dev").rstrip("/")


class DataMachine(Frozen):
    """The one machine and volume behind Postgres `single` or Redis `app`."""

    size: str = "shared-cpu-1x"
    memory_mb: MebiBytes = 1024
    region: RegionCode | None = None
    """The gateway's primary region when left out."""
    volume_gb: GibiBytes = 10
