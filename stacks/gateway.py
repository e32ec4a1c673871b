"""The gateway that local, dev and live share: models, chains, resilience, cache, server.

It is the configuration that the investigation of May 2026 deployed, with each setting that does
nothing on LiteLLM 1.106.2 put where it works. A comment marks every such correction and names its
source: a file of litellm 1.106.2, an issue of BerriAI/litellm, or a measurement on one machine
with the real 1.106.2. What differs between environments stands in `Pulumi.<environment>.yaml`.
"""

from stacks.litellm import (
    CacheParams,
    GeneralSettings,
    LitellmSettings,
    Metrics,
    Model,
    Provider,
    RetryPolicy,
    RouterSettings,
)
from stacks.settings import Definition, Image, Server
from stacks.values import ModelGroup, Rescue, ServerKind

SONNET: ModelGroup = "anthropic/claude-sonnet-4-6"
HAIKU: ModelGroup = "anthropic/claude-haiku-4-5"

PROVIDERS = {
    "openai": Provider(api_key="OPENAI_API_KEY"),
    "anthropic": Provider(api_key="ANTHROPIC_API_KEY"),
    "xai": Provider(api_key="XAI_API_KEY"),
    # Corrected: dev and live authenticated to Vertex in two ways. VERTEX_CREDENTIALS_JSON is no
    # name that LiteLLM reads by itself; it works as `vertex_credentials` of each deployment
    # (llms/vertex_ai/vertex_llm_base.py:125). Project and location are each environment's own.
    "vertex_ai": Provider(vertex_credentials="VERTEX_CREDENTIALS_JSON"),
}

# Corrected: the investigation kept its models in LiteLLM's database, where a renamed model breaks
# a chain in silence. Here they stand beside the chains that name them.
# Left out: xai/grok-code-fast-1, retired 2026-08-15 (use xai/grok-4.3), and
# vertex_ai/gemini-3.1-flash-lite-preview, retired 2026-05-25 (use vertex_ai/gemini-3.1-flash-lite).
# LiteLLM's own price map knows neither date (`deprecation_date` is empty for both in 1.106.2).
MODELS = (
    Model(name="openai/gpt-5.5", provider="openai"),
    Model(name="openai/gpt-5.4", provider="openai"),
    Model(name="openai/gpt-5.4-mini", provider="openai"),
    Model(name="openai/gpt-5.4-nano", provider="openai"),
    Model(name="anthropic/claude-opus-4-7", provider="anthropic"),
    Model(name="anthropic/claude-opus-4-6", provider="anthropic"),
    Model(name=SONNET, provider="anthropic"),
    Model(name=HAIKU, provider="anthropic"),
    Model(name="xai/grok-4.3", provider="xai"),
    Model(name="vertex_ai/gemini-3.1-pro-preview", provider="vertex_ai"),
    Model(name="vertex_ai/gemini-3.5-flash", provider="vertex_ai"),
    Model(name="vertex_ai/gemini-3.1-flash-lite", provider="vertex_ai"),
)

# Corrected: four of the six published chains never left their provider, and one provider's services
# fail together (arXiv 2501.12469): their last target, behind the published one, is added here. It
# has to stand in the chain itself: `"*"` does not rescue a target that failed (seen on 1.106.2).
CHAINS: dict[ModelGroup, tuple[ModelGroup, ...]] = {
    "openai/gpt-5.5": ("openai/gpt-5.4", SONNET),
    "openai/gpt-5.4": ("openai/gpt-5.4-mini", SONNET),
    "vertex_ai/gemini-3.1-pro-preview": ("vertex_ai/gemini-3.5-flash", SONNET),
    "xai/grok-4.3": (SONNET,),
    "anthropic/claude-opus-4-7": (SONNET, "openai/gpt-5.5"),
    "anthropic/claude-opus-4-6": (SONNET, "openai/gpt-5.5"),
    # Corrected: `litellm_settings.default_fallbacks` is dropped by the first database sync, which
    # applies the router's own list over it (proxy_server.py:7998-8020, router.py:12712-12753);
    # "*" inside that list survives.
    "*": (HAIKU,),
    # Added: the group that has just failed is skipped, so that `"*"` rescues everyone but its own
    # target.
    HAIKU: ("xai/grok-4.3",),
}

LITELLM_SETTINGS = LitellmSettings(
    drop_params=True,
    set_verbose=False,
    cache=True,
    cache_params=CacheParams(type="redis", ttl=300),
    # Corrected: `general_settings.request_timeout: 90` is not read and 6000 s holds instead (the
    # answer's own x-litellm-timeout). Here it is, and it is the only bound of a Vertex stream,
    # which ignores the router's two (measured).
    request_timeout=90,
    # Corrected: `stream_timeout` has left this section, see ROUTER_SETTINGS; `default_fallbacks`
    # as well, see CHAINS; the callbacks follow from `metrics` and `posthog`.
)

GENERAL_SETTINGS = GeneralSettings(
    master_key="LITELLM_MASTER_KEY",
    database_url="DATABASE_URL",
    # Corrected: models and chains are YAML, the database holds keys, teams and spend. With models
    # in the database, every sync re-applies settings (CHAINS says what that cost).
    store_model_in_db=False,
    use_redis_transaction_buffer=True,
    database_connection_pool_limit=10,  # per worker (BerriAI/litellm PR #18780)
    disable_prisma_schema_update=True,  # a one-off machine migrates before each rollout
    # Added: without it the table of spend logs only ever grows (BerriAI/litellm #16582, #29342).
    maximum_spend_logs_retention_period="30d",
)

ROUTER_SETTINGS = RouterSettings(
    redis_host="REDIS_HOST",
    redis_port="REDIS_PORT",
    redis_password="REDIS_PASSWORD",  # noqa: S106 (a name, not a value)
    routing_strategy="simple-shuffle",
    # Corrected: 3 retries cost 9.2 s of sleep before every single rescue. One, and it holds only
    # for models without a chain: `rescue` gives the others none (37-72 ms instead; measured).
    num_retries=1,
    # Added: a Retry-After of up to 60 s is slept out at every try, with the target ready all
    # along, and a retried hang is paid twice (measured: 8.2-9.8 s for Retry-After 4).
    retry_policy=RetryPolicy(RateLimitErrorRetries=0, TimeoutErrorRetries=0),
    # Corrected: 3 equals the module's default and is read as "not set", so that a dead group of one
    # deployment is never cooled down (cooldown_handlers.py:644, BerriAI/litellm #40405).
    allowed_fails=2,
    cooldown_time=30,
    # Added: with `request_timeout` out of force nothing bounded a hang (> 60 s, measured).
    timeout=90,
    # Corrected: was `litellm_settings.stream_timeout`, an attribute that nothing reads. It bounds
    # the silence between two chunks as well, so reasoning models need it long.
    stream_timeout=60,
    fallbacks=CHAINS,
)

SERVER = Server(
    # Corrected: `--run_gunicorn` ignores the keep-alive flag and closes idle connections after
    # 2 s; uvicorn honours it, and needs a patient supervisor with several workers or it can
    # boot-loop (measured: 14 workers killed in 90 s, none ever ready).
    kind=ServerKind.UVICORN,
    workers=4,
    keepalive_timeout_s=75,
    worker_healthcheck_timeout_s=120,
    max_requests_before_restart=10_000,
    # Added: without jitter all workers restart together.
    max_requests_before_restart_jitter=1_000,
)

DEFINITION = Definition(
    image=Image(version="1.106.2"),
    server=SERVER,
    providers=PROVIDERS,
    models=MODELS,
    rescue=Rescue.NOW,
    litellm_settings=LITELLM_SETTINGS,
    general_settings=GENERAL_SETTINGS,
    router_settings=ROUTER_SETTINGS,
    # Corrected: `/metrics/` without authentication on the public port showed hashed keys, team
    # names and client addresses to everyone (measured); it has a private port of its own, so
    # `require_auth_for_metrics_endpoint` is not needed.
    metrics=Metrics(port=4001),
)
