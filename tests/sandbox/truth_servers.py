"""The configurations that the live truth tests ask: each setting stands where a test needs it."""

from typing import Any

from tests.sandbox.truth import ADDRESS, Plan, group

UNKNOWN = {"no_such_key": 1}

MAIN: dict[str, Any] = {
    "model_list": [
        group("good"),
        group("at-once"),
        group("first"),
        group("invalid"),
        group("retried", num_retries=1),
        group("retried-400", num_retries=2),
        group("retried-429", num_retries=1),
        group("never-retried"),
        group("circle-a"),
        group("circle-b"),
        group("circle-c"),
        group("skips"),
        group("itself"),
        group("hop-1"),
        group("hop-2"),
        group("behind-alias"),
        group("to-alias"),
        group("to-mapping"),
        group("openai/prefixed", "prefixed"),
        group("family/prefixed", "prefixed"),
        group("gpt-5.5"),
        group("long"),
        group("long-without-list"),
        group("limited", rpm=1),
    ],
    "router_settings": {
        "num_retries": 3,
        "allowed_fails": 1000,
        "model_group_alias": {"alias": "behind-alias", "good-alias": "good"},
        "fallbacks": [
            {"at-once": ["good"]},
            {"first": ["good"]},
            {"invalid": ["good"]},
            {"retried": ["good"]},
            {"retried-400": ["good"]},
            {"retried-429": ["good"]},
            {"never-retried": ["good"]},
            {"circle-a": ["circle-b"]},
            {"circle-b": ["circle-c"]},
            {"circle-c": ["circle-a", "circle-b"]},
            {"skips": ["no-such-group", "good"]},
            {"itself": ["itself"]},
            {"hop-1": ["hop-2"]},
            {"hop-2": ["good"]},
            {"behind-alias": ["good"]},
            {"to-alias": ["good-alias"]},
            {"to-mapping": [{"model": "good"}]},
            {"prefixed": ["good"]},
            {"openai/gpt-5.5": ["good"]},
            {"long": ["good"]},
        ],
        "context_window_fallbacks": [{"long": ["good"]}],
        **UNKNOWN,
    },
    "litellm_settings": {"fallbacks": [{"first": ["itself"]}], **UNKNOWN},
    "general_settings": UNKNOWN,
    **UNKNOWN,
}
"""Chains of every kind; nothing is ever cooled down."""

DEFAULTS: dict[str, Any] = {
    "model_list": [group("lone"), group("lone-chained"), group("good"), group("long")],
    "router_settings": {
        "allowed_fails": 3,
        "cooldown_time": 60,
        "retry_policy": {"NoSuchErrorRetries": 3},
        "fallbacks": [{"lone-chained": ["good"]}, {"long": ["good"]}],
        "num_retries": 0,
    },
    "litellm_settings": {"default_fallbacks": ["good"]},
}
"""`allowed_fails` at its default, no list of long prompts, and a default for all."""

BREAKER: dict[str, Any] = {
    "model_list": [
        group("lone"),
        group("lone-chained"),
        group("good"),
        group("policy", num_retries=None),
        {**group("counted"), "model_info": {"allowed_fails": 0}},
        {**group("counted-chained"), "model_info": {"allowed_fails": 0}},
    ],
    "router_settings": {
        "allowed_fails": 2,
        "cooldown_time": 60,
        "num_retries": 0,
        "retry_policy": {"BadRequestErrorRetries": 1},
        "fallbacks": [{"lone-chained": ["good"]}, {"counted-chained": ["good"]}],
    },
}
"""`allowed_fails` that counts."""

ZERO: dict[str, Any] = {
    "model_list": [
        group("lone"),
        group("lone-chained"),
        group("good"),
        *(group(f"line-{n}") for n in range(5)),
        *(group(f"flat-{n}") for n in range(5)),
    ],
    "router_settings": {
        "allowed_fails": 0,
        "cooldown_time": 60,
        "max_fallbacks": 2,
        "num_retries": 0,
        "fallbacks": [
            {"lone-chained": ["good"]},
            *({f"line-{n}": [f"line-{n + 1}"]} for n in range(3)),
            {"line-3": ["good"]},
            {"flat-0": ["flat-1", "flat-2", "flat-3", "good"]},
        ],
    },
}
"""`allowed_fails: 0`, and a depth of 2."""

STAR: dict[str, Any] = {
    "model_list": [
        group("good"),
        group("to-wildcard"),
        group("wild/*", "wild"),
        group("text", num_retries=None),
    ],
    "router_settings": {
        "num_retries": "three",
        "fallbacks": [{"to-wildcard": ["wild/any"]}, {"*": ["good"]}],
    },
}
"""A wildcard group beside the chain of everything, and a number that is none."""

PLAN = Plan(
    servers={
        "main": MAIN,
        "defaults": DEFAULTS,
        "breaker": BREAKER,
        "zero": ZERO,
        "star": STAR,
    },
)

VERTEX = {
    "model": "vertex_ai/gemini-VERSION",
    "api_base": "PROVIDERS",
    "vertex_project": "sandbox-project",
    "vertex_location": "global",
    "vertex_credentials": "os.environ/VERTEX_CREDENTIALS_JSON",
    "num_retries": 0,
}

TIMEOUTS: dict[str, Any] = {
    "model_list": [
        group("broken"),
        group("own", timeout=5),
        group("silent"),
        {"model_name": "gemini", "litellm_params": VERTEX},
        group("cached"),
    ],
    "router_settings": {"num_retries": 0, "timeout": 20, "stream_timeout": 1},
    "litellm_settings": {
        "request_timeout": 4,
        "cache": True,
        "cache_params": {"type": "local"},
    },
}
"""Every time-out that is read, with a number of its own; and a cache."""

DEAD_TIMEOUTS: dict[str, Any] = {
    "model_list": [group("broken")],
    "router_settings": {"num_retries": 0},
    "general_settings": {"request_timeout": 7, "require_auth_for_metrics_endpoint": False},
    "litellm_settings": {"stream_timeout": 7, "callbacks": ["prometheus"]},
}
"""Settings where nobody reads them."""

SMALL: dict[str, Any] = {"model_list": [group("good")]}

SYNCED: dict[str, Any] = {
    "model_list": [group("a"), group("good")],
    "general_settings": {"store_model_in_db": True},
    "litellm_settings": {"default_fallbacks": ["good"]},
    "router_settings": {"fallbacks": [{"a": ["good"]}]},
}


def router(**settings: Any) -> dict[str, Any]:
    return {"model_list": [group("a")], "router_settings": settings}


def module(**settings: Any) -> dict[str, Any]:
    return {"model_list": [group("a")], "litellm_settings": settings}


def cache(**params: Any) -> dict[str, Any]:
    return module(cache=True, cache_params=params)


FILES: dict[str, dict[str, Any]] = {
    "text-targets": router(fallbacks=[{"a": "good"}]),
    "health-check": router(health_check_interval=5),
    "strategy": router(routing_strategy="no-such-strategy"),
    "unset-redis": router(redis_host="os.environ/NO_SUCH_NAME", redis_port=6379),
    "callback": module(callbacks=["no_such_callback"]),
    "success-callback": module(success_callback=["no_such_callback"]),
    "cache-key": cache(type="redis", host="127.0.0.1", port=9, no_such_key=1),
    "cache-type": cache(type="no-such-cache"),
    "included": {"router_settings": {"timeout": 9}, "model_list": [group("b")]},
    "including": {
        "include": ["included.yaml"],
        **router(fallbacks=[{"a": ["b"]}], num_retries=1),
    },
    "synced": SYNCED,
}


def loading(file: str, **more: Any) -> dict[str, Any]:
    return {"do": "load", "arguments": [f"FOLDER/{file}.yaml"], **more}


def starting(*flags: str, **more: Any) -> dict[str, Any]:
    return {"do": "start", "arguments": ["--config", "FOLDER/small.yaml", *flags], **more}


URL = "postgresql://u:p@127.0.0.1:9/d?connection_limit=3&pool_timeout=5"

PROXY_PLAN = Plan(
    servers={
        "timeouts": TIMEOUTS,
        "dead": DEAD_TIMEOUTS,
        "gunicorn": SMALL,
        "short": SMALL,
    },
    flags={
        "dead": ["--keepalive_timeout", "30", "--limit_concurrency", "4"],
        "gunicorn": ["--run_gunicorn", "--keepalive_timeout", "30", "--limit_concurrency", "4"],
        "short": ["--max_requests_before_restart", "20"],
    },
    cases={
        "keys": {"do": "keys", "arguments": []},
        **{name: loading(name) for name in FILES if name not in ("included", "synced")},
        "synced": loading("synced", row={}),
        "database": loading("synced", row={"fallbacks": [{"a": ["from-database"]}]}),
        "no-key": starting(environment={"LITELLM_MASTER_KEY": None}),
        "known-key": starting(environment={"LITELLM_MASTER_KEY": "sk-1234"}),
        "granian": starting(
            *("--run_granian", "--max_requests_before_restart", "9"),
            *("--host", ADDRESS, "--port", "PORT:granian"),
        ),
        "url": starting("--skip_server_startup", environment={"DATABASE_URL": URL}),
    },
    files={**FILES, "small": SMALL},
)
