"""What LiteLLM's own three settings sections can say, under LiteLLM's own names.

`None` always means "not rendered". Keys that LiteLLM accepts but does not honour can be written,
so that any existing file can be expressed; `gateway check` says what they really do. What has no
key here, or a value that its key does not take, stands in `extras`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from stacks.values import (
    Amount,
    Count,
    Extras,
    Frozen,
    HttpUrl,
    ModelGroup,
    Port,
    ProviderName,
    Rescue,
    Seconds,
    SecretName,
)

Chains = Annotated[
    dict[ModelGroup, tuple[ModelGroup, ...]],
    Field(description='a mapping of a model group (or "*") to the list of its targets'),
]
Tries = Annotated[int, Field(strict=True, ge=0, le=20)]


Mode = Literal[
    "chat",
    "completion",
    "embedding",
    "responses",
    "rerank",
    "image_generation",
    "image_edit",
    "audio_transcription",
    "audio_speech",
    "moderation",
    "realtime",
    "batch",
    "ocr",
    "search",
    "video_generation",
]


class Extensible(Frozen):
    """A part of LiteLLM's file whose further keys are written as they stand."""

    extras: Extras = Field(default_factory=dict)
    """Further keys, or values that the typed keys do not take; never a key that is given twice."""

    def given(self) -> dict[str, Any]:
        """Return the typed keys that are given, at every depth with their extras behind them."""
        section: dict[str, Any] = {}
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Extensible):
                section[key] = value.given()
            elif key != "extras" and value is not None:
                section[key] = _plain(value)
        return section | self.extras


def _plain(value: Any) -> Any:
    if isinstance(value, Frozen):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


class Provider(Extensible):
    """How one provider's models are reached; keys are names of secrets."""

    api_key: SecretName | None = None
    api_base: HttpUrl | None = None
    vertex_project: str | None = None
    vertex_location: str | None = None
    vertex_credentials: SecretName | None = None


class Model(Extensible):
    """One deployment of a model group; several of one name share that group's requests."""

    name: ModelGroup
    provider: ProviderName
    model: str | None = None
    """The provider's own model string, with LiteLLM's prefix; `name` when left out."""
    id: str | None = None
    """The deployment's own, for a group that has several; `name` when left out."""
    mode: Mode | None = "chat"
    """Null writes none, so that LiteLLM's own table of models decides."""
    api_key: SecretName | None = None
    """Of this deployment alone, as are the four below; the provider's when left out."""
    api_base: HttpUrl | None = None
    vertex_project: str | None = None
    vertex_location: str | None = None
    vertex_credentials: SecretName | None = None
    rescue: Rescue | None = None
    """Overrides `Settings.rescue` for this model; without meaning where it owns no chain."""
    num_retries: Tries | None = None
    """Written as it stands; wins over `rescue`."""
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    max_retries: Tries | None = None
    rpm: Amount | None = None
    tpm: Amount | None = None
    weight: Count | None = None
    info: Extras = Field(default_factory=dict)
    """Further keys of `model_info`; `extras` are those of `litellm_params`."""
    entry: Extras = Field(default_factory=dict)
    """Further keys of the entry in `model_list`, beside these two."""


class RetryPolicy(Frozen):
    """Retries by exception class; LiteLLM accepts misspelt names in silence, these are exact."""

    BadRequestErrorRetries: Tries | None = None
    AuthenticationErrorRetries: Tries | None = None
    TimeoutErrorRetries: Tries | None = None
    RateLimitErrorRetries: Tries | None = None
    ContentPolicyViolationErrorRetries: Tries | None = None
    InternalServerErrorRetries: Tries | None = None
    ServiceUnavailableErrorRetries: Tries | None = None
    NotFoundErrorRetries: Tries | None = None
    DefaultRetries: Tries | None = None


class AllowedFailsPolicy(Frozen):
    """Failures before the breaker opens, by exception class."""

    BadRequestErrorAllowedFails: Tries | None = None
    AuthenticationErrorAllowedFails: Tries | None = None
    TimeoutErrorAllowedFails: Tries | None = None
    RateLimitErrorAllowedFails: Tries | None = None
    ContentPolicyViolationErrorAllowedFails: Tries | None = None
    InternalServerErrorAllowedFails: Tries | None = None
    ServiceUnavailableErrorAllowedFails: Tries | None = None
    BadGatewayErrorAllowedFails: Tries | None = None
    NotFoundErrorAllowedFails: Tries | None = None


class CacheParams(Extensible):
    """The response cache; host, port and password come from REDIS_* when left out."""

    type: Literal["redis", "local", "s3", "disk"] = "redis"
    ttl: Seconds | None = None
    namespace: str | None = None


class LitellmSettings(Extensible):
    """LiteLLM's section `litellm_settings`."""

    drop_params: bool | None = None
    set_verbose: bool | None = None
    success_callback: tuple[str, ...] | None = None
    failure_callback: tuple[str, ...] | None = None
    callbacks: tuple[str, ...] | None = None
    require_auth_for_metrics_endpoint: bool | None = None
    cache: bool | None = None
    cache_params: CacheParams | None = None
    request_timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    default_fallbacks: tuple[ModelGroup, ...] | None = None
    num_retries: Tries | None = None
    json_logs: bool | None = None


class GeneralSettings(Extensible):
    """LiteLLM's section `general_settings`."""

    master_key: SecretName | None = None
    database_url: SecretName | None = None
    store_model_in_db: bool | None = None
    use_redis_transaction_buffer: bool | None = None
    database_connection_pool_limit: Count | None = None
    database_connection_timeout: Seconds | None = None
    request_timeout: Seconds | None = None
    disable_prisma_schema_update: bool | None = None
    maximum_spend_logs_retention_period: str | None = None
    allow_requests_on_db_unavailable: bool | None = None
    enforce_fallback_model_access: bool | None = None
    max_in_flight_requests_per_worker: Amount | None = None
    max_queued_requests_per_worker: Amount | None = None
    admission_queue_timeout_seconds: Seconds | None = None
    background_health_checks: bool | None = None


class RouterSettings(Extensible):
    """LiteLLM's section `router_settings`."""

    redis_host: SecretName | None = None
    redis_port: SecretName | None = None
    redis_password: SecretName | None = None
    routing_strategy: (
        Literal[
            "simple-shuffle",
            "least-busy",
            "usage-based-routing-v2",
            "latency-based-routing",
            "cost-based-routing",
        ]
        | None
    ) = None
    num_retries: Tries | None = None
    retry_policy: RetryPolicy | None = None
    allowed_fails: Tries | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    cooldown_time: Seconds | None = None
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    max_fallbacks: Count | None = None
    enable_pre_call_checks: bool | None = None
    optional_pre_call_checks: tuple[str, ...] | None = None
    fallbacks: Chains | None = None
    context_window_fallbacks: Chains | None = None
    content_policy_fallbacks: Chains | None = None


class PostHogQuery(Frozen):
    """How the proof reads the events back; asked by `pulumi` and `gateway`, never by a machine."""

    project_id: Annotated[int, Field(strict=True, ge=1)]
    """In PostHog: Settings, Project, "Project ID"."""
    host: HttpUrl = "https://us.posthog.com"
    """Of the private API, which is not the address that events are sent to."""
    api_key: SecretName = "POSTHOG_PERSONAL_API_KEY"
    """A personal API key with the scope `query:read`; no machine gets it."""
    wait_s: Annotated[int, Field(strict=True, ge=1, le=300)] = 30
    """How long after a proof its events may come; nobody's traffic waits meanwhile."""


class PostHog(Frozen):
    """Events per request to PostHog; rendered as success and failure callbacks."""

    api_key: SecretName = "POSTHOG_API_KEY"
    api_url: HttpUrl = "https://us.i.posthog.com"
    query: PostHogQuery | None = None
    """Reads the events of a proof's rescues back, as one more source of its evidence."""


class Metrics(Frozen):
    """Prometheus on a private port of its own, which needs no key and no public path."""

    port: Port = 4001
    path: Literal["/metrics/"] = "/metrics/"
    """With the trailing slash: Fly's scraper does not follow LiteLLM's redirect."""
