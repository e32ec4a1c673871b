"""What one environment of the gateway is: the definition that all share, and what is its own."""

from typing import Annotated

from pydantic import Field, StringConstraints

from stacks.fly import Fly
from stacks.litellm import (
    GeneralSettings,
    LitellmSettings,
    Metrics,
    Model,
    PostHog,
    Provider,
    RouterSettings,
)
from stacks.stores import Postgres, Redis
from stacks.values import (
    Amount,
    EnvironmentName,
    EnvironmentVariable,
    Extras,
    Frozen,
    ImageDigest,
    LitellmVersion,
    ModelGroup,
    Port,
    PromotionFile,
    ProofFault,
    ProofForm,
    ProviderName,
    PublicKey,
    Rescue,
    Seconds,
    SecretName,
    SecretSource,
    ServerKind,
    Signature,
    Signer,
    Store,
)

FlagName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$"),
    Field(description="a flag without its dashes", examples=["detailed_debug"]),
]

SCHEMA_VERSION = 3  # part of the bundle digest: raise when equal settings would render differently


class Image(Frozen):
    """The pinned LiteLLM image; a digest, where given, is what runs."""

    version: LitellmVersion = "1.106.2"
    repository: str = "ghcr.io/berriai/litellm"
    tag: str | None = None
    """`v<version>` when left out."""
    digest: ImageDigest | None = None
    """`gateway image pin` writes it; live's comes with the promotion."""
    signature: Signature = Signature.WHEN_POSSIBLE
    signer: Signer | None = None
    """By the version, when left out, or `own-key` when there is a `key`."""
    key: PublicKey | None = None
    transparency_log: bool = True
    """False for signatures that are in no public log (Rekor): those of an own key, perhaps."""

    @property
    def reference(self) -> str:
        """What a machine's `config.image` says."""
        named = f"{self.repository}:{self.tag or f'v{self.version}'}"
        return f"{named}@{self.digest}" if self.digest else named


class Server(Frozen):
    """The proxy's process: server, workers, port, drain."""

    kind: ServerKind = ServerKind.UVICORN
    workers: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    port: Port = 4000
    keepalive_timeout_s: Seconds | None = 75
    worker_healthcheck_timeout_s: Seconds | None = 120
    max_requests_before_restart: Amount | None = None
    max_requests_before_restart_jitter: Amount | None = None
    graceful_shutdown_timeout_s: Seconds = 30
    admin_ui: bool = True
    """False: LiteLLM's login pages say that the admin page is disabled (`DISABLE_ADMIN_UI`). The
    page itself and the routes behind it stay, and want the master key: docs/security.md."""
    api_docs: bool = True
    """False: no description of the API for everybody at /, /redoc and /openapi.json."""
    environment: dict[EnvironmentVariable, str] = Field(default_factory=dict)
    """Added to the environment that `gateway.server` pins; never a secret."""
    flags: dict[FlagName, str] = Field(default_factory=dict)
    """Further flags of LiteLLM's command line, without dashes; "" for one that takes no value."""


class Proof(Frozen):
    """How every declared fallback is proven on each release."""

    forms: Annotated[tuple[ProofForm, ...], Field(min_length=1)] = (
        ProofForm.CHAT,
        ProofForm.CHAT_STREAM,
    )
    faults: tuple[ProofFault, ...] = (ProofFault.RATE_LIMIT,)
    """Beside `refused`, which is always asked. From outside the machine only that one can be."""
    samples: Annotated[int, Field(strict=True, ge=1, le=20)] = 3
    """Rescues of each edge and form from a refused connection; of other faults one is enough."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=16)] = 4
    attempt_timeout_s: Seconds = 1
    """How long a probe's primary may hang before LiteLLM goes on; part of the rendered YAML."""
    request_timeout_s: Seconds = 15
    total_timeout_s: Seconds = 50
    total_requests: Amount = 1000
    total_cost_usd: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """By the prices that LiteLLM states with its answers."""
    cold_rescue_ms: Amount = 5000
    """How much later than the target itself the first rescue of an edge and form may answer."""
    warm_rescue_ms: Amount = 2000
    """The same for every further one."""
    fault_port: Port = 4009
    """Closed, but for the time of a proof: there the probes' dead primaries are, on 127.0.0.1."""
    probe_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "proof"
    """Probe groups are called `<prefix>/<position>/<source>`."""
    keep_evidence: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 50
    """Evidence files kept; beyond them only the newest that passed and those of promotions."""


class Promotion(Frozen):
    """Where an environment's bundles come from: with this it deploys what was promoted only."""

    source: EnvironmentName
    """The environment whose proven bundle is promoted."""
    file: PromotionFile | None = None
    """The promotion that is deployed; `gateway promote` and `gateway rollback` write it here."""
    proof_age_h: Amount = 24
    """How old the proof of the source's bundle may be, in hours."""
    soak_h: Amount | None = None
    """For how many hours the source must have run the bundle; not asked when left out."""
    retirement_days: Amount = 30
    """A model that its provider retires within so many days is not promoted."""
    load_test: bool = False
    """Whether a load test of the bundle must have passed (`gateway promote --load-test FILE`)."""


class Definition(Frozen):
    """What every environment has in common."""

    image: Image = Image()
    server: Server = Server()
    providers: dict[ProviderName, Provider] = Field(default_factory=dict)
    models: tuple[Model, ...] = ()
    rescue: Rescue = Rescue.NOW
    litellm_settings: LitellmSettings = LitellmSettings()
    general_settings: GeneralSettings = GeneralSettings()
    router_settings: RouterSettings = RouterSettings()
    sections: Extras = Field(default_factory=dict)
    """Further sections of LiteLLM's file (`mcp_servers`, `guardrails`, `credential_list` ...)."""
    metrics: Metrics | None = None
    posthog: PostHog | None = None
    proof: Proof = Proof()


class Settings(Definition):
    """One environment, complete. Values of secrets are never inside: only their names."""

    environment: EnvironmentName
    store: Store = Store.DATABASE
    fly: Fly
    postgres: Postgres | None = Postgres()
    redis: Redis | None = Redis()
    promotion: Promotion | None = None
    secrets: dict[SecretName, SecretSource] = Field(default_factory=dict)
    """Where values come from. A name with the source `config` is sent even if nothing reads it."""

    @property
    def postgres_app(self) -> str:
        """The name of the app that holds Postgres."""
        return (self.postgres.app if self.postgres else None) or f"{self.fly.app}-db"

    @property
    def postgres_cluster(self) -> str:
        """The name of the cluster of Managed Postgres."""
        return (self.postgres.managed.name if self.postgres else None) or f"{self.fly.app}-db"

    @property
    def redis_app(self) -> str:
        """The name of the app that holds Redis."""
        return (self.redis.app if self.redis else None) or f"{self.fly.app}-redis"

    def chain_sources(self) -> frozenset[ModelGroup]:
        """Return the groups that own a general chain, without `"*"`."""
        return frozenset(self.router_settings.fallbacks or {}) - {"*"}
