"""Settings as hypothesis draws them: every section, typed and with extras, as texts can say it."""

from typing import Any

from hypothesis import strategies as st

from stacks.litellm import (
    AllowedFailsPolicy,
    CacheParams,
    GeneralSettings,
    LitellmSettings,
    Metrics,
    Model,
    PostHog,
    Provider,
    RetryPolicy,
    RouterSettings,
)
from stacks.settings import Image, Server, Settings
from stacks.values import Rescue, ServerKind

NUMBERS = st.integers(1, 900)
WORDS = st.sampled_from(["one", "two words", "drei: vier", "#five", "a'b", 'c"d', "é", "null", "1"])
GROUPS = ("openai/gpt-5.5", "claude", "vertex/gemini", "openai/*", "a b")
SECRETS = st.sampled_from(["OPENAI_API_KEY", "AZURE_EU_KEY", "CLAUDE_KEY"])
REFERENCES = st.sampled_from(["os.environ/FURTHER_ONE", "os.environ/FURTHER_TWO"])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1.5]) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


def extras(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings from some of the keys to anything, references among it."""
    return st.dictionaries(st.sampled_from(keys), JSON | REFERENCES, max_size=2)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


PROVIDERS = optional(
    api_key=SECRETS,
    api_base=st.just("https://api.example/v1"),
    vertex_project=WORDS,
    vertex_location=WORDS,
    extras=extras("api_version", "region"),
).map(Provider.model_validate)

MODELS = optional(
    name=st.sampled_from(GROUPS),
    provider=st.sampled_from(["openai", "azure", "text-completion-openai"]),
    model=st.sampled_from(["openai/gpt-5.5", "azure/gpt", "anthropic/claude-sonnet-4-6"]),
    mode=st.sampled_from(["chat", "embedding", "rerank"]),
    api_key=SECRETS,
    api_base=st.just("https://other.example"),
    rescue=st.sampled_from(Rescue),
    num_retries=st.integers(0, 3),
    timeout=NUMBERS,
    max_retries=st.integers(0, 3),
    rpm=NUMBERS,
    weight=NUMBERS,
    extras=extras("order", "tags", "organization"),
    info=extras("base_model", "tier"),
    entry=extras("blocked"),
)


@st.composite
def models(draw: st.DrawFn) -> tuple[Model, ...]:
    """Return deployments with ids of their own, several of one group among them."""
    drawn = draw(st.lists(MODELS, max_size=4))
    defaults = {"name": "claude", "provider": "openai"}
    return tuple(
        Model.model_validate({**defaults, **fields, "id": f"id {index}"})
        for index, fields in enumerate(drawn)
    )


TARGETS = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True)
CHAINS = st.dictionaries(st.sampled_from([*GROUPS, "*"]), TARGETS, max_size=3)

LITELLM = optional(
    drop_params=st.booleans(),
    callbacks=st.lists(st.sampled_from(["otel", "langfuse"]), min_size=1, max_size=2).map(tuple),
    cache=st.booleans(),
    cache_params=optional(ttl=NUMBERS, extras=extras("supported_call_types", "host")).map(
        CacheParams.model_validate
    ),
    request_timeout=NUMBERS,
    default_fallbacks=TARGETS,
    extras=extras("turn_off_message_logging", "fallbacks", "ssl_verify"),
).map(LitellmSettings.model_validate)

GENERAL = optional(
    master_key=st.just("LITELLM_MASTER_KEY"),
    request_timeout=NUMBERS,
    background_health_checks=st.booleans(),
    extras=extras("alerting", "pass_through_endpoints"),
).map(GeneralSettings.model_validate)

ROUTER = optional(
    redis_host=st.just("REDIS_HOST"),
    routing_strategy=st.sampled_from(["simple-shuffle", "least-busy"]),
    num_retries=st.integers(0, 3),
    retry_policy=optional(RateLimitErrorRetries=st.integers(0, 3)).map(RetryPolicy.model_validate),
    allowed_fails=st.integers(0, 3),
    allowed_fails_policy=optional(TimeoutErrorAllowedFails=st.integers(0, 3)).map(
        AllowedFailsPolicy.model_validate
    ),
    timeout=NUMBERS,
    fallbacks=CHAINS,
    context_window_fallbacks=CHAINS,
    extras=extras("model_group_alias", "tag_filtering"),
).map(RouterSettings.model_validate)

SERVERS = st.builds(
    Server,
    kind=st.just(ServerKind.UVICORN),
    workers=st.integers(2, 8),
    port=st.integers(1024, 4000),
    keepalive_timeout_s=st.none() | NUMBERS,
    worker_healthcheck_timeout_s=st.none() | NUMBERS,
    max_requests_before_restart=st.none() | NUMBERS,
    graceful_shutdown_timeout_s=NUMBERS,
    environment=st.dictionaries(st.sampled_from(["LITELLM_LOG", "lower"]), WORDS, max_size=2),
    flags=st.dictionaries(
        st.sampled_from(["detailed_debug", "limit_concurrency"]), st.just("") | WORDS, max_size=2
    ),
)

FLY = st.fixed_dictionaries(
    {
        "organization": st.just("acme"),
        "app": st.sampled_from(["acme-gateway", "a"]),
        "regions": st.dictionaries(
            st.sampled_from(["iad", "lhr"]), NUMBERS, min_size=1, max_size=1
        ),
        "size": st.sampled_from(["shared-cpu-4x", "performance-2x"]),
        "memory_mb": st.integers(1, 64).map(lambda n: 256 * n),
        "strategy": st.sampled_from(["bluegreen", "rolling"]),
        "kill": optional(signal=st.sampled_from(["SIGTERM", "SIGINT"]), timeout_s=NUMBERS),
        "concurrency": optional(soft_limit=NUMBERS, hard_limit=NUMBERS),
        "check": optional(interval_s=NUMBERS, extras=st.just({"headers": {"X-A": "b c"}})),
        "auto_stop": st.sampled_from(["off", "stop"]),
        "vm": st.sampled_from([{}, {"cpus": 2}]),
        "extras": st.sampled_from(
            [{}, {"swap_size_mb": 512, "http_service": {"auto_start_machines": False}}]
        ),
    }
)


@st.composite
def all_settings(draw: st.DrawFn) -> Settings:
    """Return one environment whose texts say all of it: no proof, no Postgres, one region."""
    redis = draw(st.none() | st.just({"kind": "existing", "host": "redis.example", "port": 6380}))
    providers = {name: draw(PROVIDERS) for name in ("openai", "azure", "text-completion-openai")}
    sections = st.dictionaries(
        st.sampled_from(["mcp_servers", "guardrails", "credential_list", "teams", "x y"]),
        JSON | REFERENCES,
        max_size=3,
    )
    return Settings.model_validate(
        {
            "environment": "dev",
            "store": "file",
            "postgres": None,
            "redis": redis,
            "fly": draw(FLY),
            "image": Image(version=draw(st.sampled_from(["1.106.2", "1.109.1"]))),
            "server": draw(SERVERS),
            "providers": providers,
            "models": draw(models()),
            "rescue": draw(st.sampled_from(Rescue)),
            "litellm_settings": draw(LITELLM),
            "general_settings": draw(GENERAL),
            "router_settings": draw(ROUTER),
            "sections": draw(sections),
            "metrics": draw(st.none() | st.just(Metrics(port=4001))),
            "posthog": draw(st.none() | st.just(PostHog())),
        }
    )
