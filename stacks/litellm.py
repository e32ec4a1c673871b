"""What LiteLLM's own three settings sections can say, under LiteLLM's own names.

`None` always means "not rendered". Keys that LiteLLM accepts but does not honour can be written,
so that any existing file can be expressed; `gateway.checks` says what they really do.
"""

from typing import Annotated, Literal

from pydantic import Field

from stacks.values import (
    Amount,
    Count,
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


class Provider(Frozen):
    """How one provider's models are reached; keys are names of secrets."""

    api_key: SecretName | None = None
    api_base: HttpUrl | None = None
    vertex_project: str | None = None
    vertex_location: str | None = None
    vertex_credentials: SecretName | None = None


class Model(Frozen):
    """One deployment and the model group it forms."""

    name: ModelGroup
    provider: ProviderName
    model: str | None = None
    """The provider's own model string, with LiteLLM's prefix; `name` when left out."""
    mode: Literal["chat", "embedding", "responses"] = "chat"
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


class CacheParams(Frozen):
    """The response cache; host, port and password come from REDIS_* when left out."""

    type: Literal["redis", "local", "s3", "disk"] = "redis"
    ttl: Seconds | None = None
    namespace: str | None = None


class LitellmSettings(Frozen):
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


class GeneralSettings(Frozen):
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


class RouterSettings(Frozen):
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


class PostHog(Frozen):
    """Events per request to PostHog; rendered as success and failure callbacks."""

    api_key: SecretName = "POSTHOG_API_KEY"
    api_url: HttpUrl = "https://us.i.posthog.com"


class Metrics(Frozen):
    """Prometheus on a private port of its own, which needs no key and no public path."""

    port: Port = 4001
    path: Literal["/metrics/"] = "/metrics/"
    """With the trailing slash: Fly's scraper does not follow LiteLLM's redirect."""
