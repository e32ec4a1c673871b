"""Where workers share their state, and where answers are cached."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.rules.flags import workers
from gateway.rules.numbers import count
from gateway.rules.quoting import did_you_mean, listed, shown
from gateway.spelling import nearest
from gateway.subject import Subject, mapping
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule
from stacks.versions import Versions, order

CACHE: Path = ("litellm", "litellm_settings", "cache")
CACHE_PARAMS: Path = ("litellm", "litellm_settings", "cache_params")
KINDS = frozenset(  # LiteLLMCacheType of 1.84.0 to 1.109.1, litellm/types/caching.py
    {"local", "redis", "redis-semantic", "s3", "disk", "qdrant-semantic", "azure-blob", "gcs"}
    | {"valkey-semantic"}
)
WITHOUT_DISK = "1.109.1"
TARGETS = ("host", "url", "redis_startup_nodes", "startup_nodes", "sentinel_nodes")
VARIABLES = ("REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES")
BUFFER = "litellm/proxy/proxy_server.py (validate_redis_transaction_buffer_config)"


def _cache_params(subject: Subject) -> Mapping[str, Any]:
    return mapping(subject.litellm_settings.get("cache_params"))


def _caches_in_redis(subject: Subject) -> bool:
    if subject.litellm_settings.get("cache") is not True:
        return False
    return str(_cache_params(subject).get("type", "redis")).startswith(("redis", "valkey"))


def _in_environment(subject: Subject) -> bool:
    secrets = subject.configuration.secrets or frozenset()
    own = mapping(subject.top.get("environment_variables"))
    return any(n in subject.environment or n in secrets or n in own for n in VARIABLES)


def _in_file(subject: Subject) -> bool:
    """Tell whether the file names a Redis that all parts of LiteLLM then use."""
    if mapping(subject.general_settings.get("coordination_redis")):
        return True
    return _caches_in_redis(subject) and any(_cache_params(subject).get(key) for key in TARGETS)


def _in_router(subject: Subject) -> bool:
    router = subject.router_settings
    return bool(router.get("redis_url") or (router.get("redis_host") and router.get("redis_port")))


def _shared_by(subject: Subject) -> str:
    """Say who needs a common state, `""` where there is one worker on one machine."""
    several = workers(subject)
    if several > 1:
        return f"{several} workers"
    machines = count(mapping(mapping(subject.configuration.settings).get("fly")).get("machines"))
    service = mapping(mapping(subject.configuration.fly).get("http_service"))
    machines = machines or count(service.get("min_machines_running")) or 1
    return f"{machines} machines" if machines > 1 else ""


def _no_common_state(subject: Subject) -> Iterator[Finding]:
    if subject.configuration.secrets is not None:
        yield from _workers_on_their_own(subject)


def _perhaps_no_common_state(subject: Subject) -> Iterator[Finding]:
    if subject.configuration.secrets is None:
        yield from _workers_on_their_own(subject)


def _workers_on_their_own(subject: Subject) -> Iterator[Finding]:
    shared_by = _shared_by(subject)
    if not subject.given or not shared_by:
        return
    if _in_router(subject) or _in_file(subject) or _in_environment(subject):
        return
    if _caches_in_redis(subject) and subject.configuration.secrets is None:
        return
    yield Finding(
        ("litellm", "router_settings", "redis_host"),
        "",
        f"without Redis each of {shared_by} keeps cooldowns, counters and limits of its own",
        "set `router_settings.redis_host: os.environ/REDIS_HOST`, `redis_port` and "
        "`redis_password` likewise, or run one worker on one machine",
    )


def _half_a_redis(subject: Subject) -> Iterator[Finding]:
    router = subject.router_settings
    if _in_router(subject) or _in_file(subject):
        return
    for key, missing in (("redis_host", "redis_port"), ("redis_port", "redis_host")):
        if router.get(key) and not router.get(missing):
            yield Finding(
                ("litellm", "router_settings", missing),
                "",
                f"the router takes a Redis only with both: `{key}` alone is left out in silence, "
                "and each worker keeps its own state unless REDIS_* variables name one",
                f"set `router_settings.{missing}`",
            )


def _buffer_without_redis(subject: Subject) -> Iterator[Finding]:
    if subject.general_settings.get("use_redis_transaction_buffer") is not True:
        return
    if subject.configuration.secrets is None or _in_file(subject) or _in_environment(subject):
        return
    yield Finding(
        ("litellm", "general_settings", "use_redis_transaction_buffer"),
        "true",
        "LiteLLM refuses to start with it and without Redis; the router's own `redis_host` does "
        "not count",
        "set REDIS_HOST, REDIS_PORT and REDIS_PASSWORD, or leave it out",
    )


def _cache_without_redis(subject: Subject) -> Iterator[Finding]:
    if not _caches_in_redis(subject) or subject.configuration.secrets is None:
        return
    if _in_file(subject) or _in_environment(subject):
        return
    yield Finding(
        CACHE,
        "true",
        "LiteLLM refuses to start with a Redis cache that neither `cache_params` nor REDIS_HOST "
        "gives an address",
        "set REDIS_HOST, REDIS_PORT and REDIS_PASSWORD, or leave the cache out",
    )


def _kind(subject: Subject) -> Iterator[Finding]:
    kind = _cache_params(subject).get("type")
    if kind is None or subject.litellm_settings.get("cache") is not True:
        return
    gone = kind == "disk" and order(subject.version) >= order(WITHOUT_DISK)
    if isinstance(kind, str) and (kind in KINDS or kind.startswith("os.environ/")) and not gone:
        return
    yield Finding(
        (*CACHE_PARAMS, "type"),
        shown(kind),
        f"LiteLLM {subject.version} has no cache of this kind, and refuses to start",
        did_you_mean(nearest(str(kind), KINDS), f"choose one of {', '.join(sorted(KINDS))}"),
    )


def _params_without_cache(subject: Subject) -> Iterator[Finding]:
    cache = subject.litellm_settings.get("cache")
    params = subject.litellm_settings.get("cache_params")
    if cache is True or not params:
        return
    if cache is False:
        return  # switched off on purpose, to be switched on again
    yield Finding(
        CACHE if cache is not None else CACHE_PARAMS,
        shown(cache) if cache is not None else listed(map(str, mapping(params))),
        "LiteLLM looks at `cache_params` only where `cache` is `true`: nothing is cached",
        "set `cache: true`, or remove `cache_params`",
        (Put(CACHE, True),) if isinstance(cache, str) and cache.lower() == "true" else (),  # noqa: FBT003 - a YAML value
    )


def _url_without_limits(subject: Subject) -> Iterator[Finding]:
    places: tuple[tuple[Path, Any], ...] = (
        (("litellm", "router_settings", "redis_url"), subject.router_settings.get("redis_url")),
        ((*CACHE_PARAMS, "url"), _cache_params(subject).get("url")),
    )
    for path, url in places:
        if url:
            yield Finding(
                path,
                "(the value is not shown)",
                "with a URL this release drops every other parameter of the connection, time-outs "
                "among them: a Redis that does not answer blocks each request for ever",
                "give host, port and password in place of the URL",
            )


def _redis(settings: str, **rest: Any) -> Example:
    return Example(litellm=settings, **rest)


FOUR = '[processes]\napp = "--config /app/config.yaml --run_gunicorn --num_workers 4"\n'
HERE = "router_settings: {redis_host: os.environ/REDIS_HOST, redis_port: os.environ/REDIS_PORT}\n"
KEY = frozenset({"LITELLM_MASTER_KEY"})
NAMES = KEY | {"REDIS_HOST", "REDIS_PORT"}

RULES = (
    Rule(
        id="L010",
        title="Several workers, and no Redis",
        severity=Severity.ERROR,
        about="router_settings.redis_host",
        evidence=("facts on LiteLLM, section 5", "litellm/router.py (DualCache)"),
        remedy="Name a Redis, or run one worker.",
        failing=_redis("router_settings: {num_retries: 0}\n", fly=FOUR, secrets=KEY),
        passing=_redis(HERE, fly=FOUR, secrets=NAMES),
        find=_no_common_state,
    ),
    Rule(
        id="L136",
        title="Several workers, and no Redis is named here",
        severity=Severity.WARNING,
        about="router_settings.redis_host",
        evidence=("facts on LiteLLM, section 5", "litellm/router.py (DualCache)"),
        remedy="Name a Redis, or run one worker.",
        failing=_redis("router_settings: {num_retries: 0}\n", fly=FOUR),
        passing=_redis(HERE, fly=FOUR),
        find=_perhaps_no_common_state,
    ),
    Rule(
        id="L123",
        title="The router's Redis lacks its host or its port",
        severity=Severity.WARNING,
        about="router_settings.redis_port",
        evidence=("litellm/router.py (Router.__init__)",),
        remedy="Give both.",
        failing=_redis("router_settings: {redis_host: os.environ/REDIS_HOST}\n"),
        passing=_redis(HERE),
        find=_half_a_redis,
    ),
    Rule(
        id="L011",
        title="The transaction buffer has no Redis",
        severity=Severity.ERROR,
        about="general_settings.use_redis_transaction_buffer",
        evidence=(BUFFER, "facts on LiteLLM, section 1 (measured)"),
        remedy="Set REDIS_HOST, REDIS_PORT and REDIS_PASSWORD, or leave it out.",
        failing=_redis("general_settings: {use_redis_transaction_buffer: true}\n", secrets=KEY),
        passing=_redis("general_settings: {use_redis_transaction_buffer: true}\n", secrets=NAMES),
        find=_buffer_without_redis,
    ),
    Rule(
        id="L060",
        title="The response cache has no Redis",
        severity=Severity.ERROR,
        about="litellm_settings.cache",
        evidence=("facts on LiteLLM, section 1 (measured)",),
        remedy="Set REDIS_HOST, REDIS_PORT and REDIS_PASSWORD, or leave the cache out.",
        failing=_redis("litellm_settings: {cache: true}\n", secrets=KEY),
        passing=_redis("litellm_settings: {cache: true}\n", secrets=NAMES),
        find=_cache_without_redis,
    ),
    Rule(
        id="L124",
        title="A kind of cache that LiteLLM does not have",
        severity=Severity.ERROR,
        about="litellm_settings.cache_params.type",
        evidence=("litellm/types/caching.py (LiteLLMCacheType)", "facts on LiteLLM, section 1"),
        remedy="Choose a kind that LiteLLM has.",
        failing=_redis("litellm_settings: {cache: true, cache_params: {type: reddis}}\n"),
        passing=_redis("litellm_settings: {cache: true, cache_params: {type: redis}}\n"),
        find=_kind,
    ),
    Rule(
        id="L126",
        title="`cache_params` without a cache",
        severity=Severity.WARNING,
        about="litellm_settings.cache_params",
        evidence=("litellm/proxy/proxy_server.py (load_config)",),
        remedy="Set `cache: true`, or remove `cache_params`.",
        failing=_redis("litellm_settings: {cache_params: {type: redis}}\n"),
        passing=_redis("litellm_settings: {cache: true, cache_params: {type: redis}}\n"),
        find=_params_without_cache,
    ),
    Rule(
        id="L125",
        title="A Redis given by URL has no time-outs",
        severity=Severity.WARNING,
        about="router_settings.redis_url",
        evidence=(
            "BerriAI/litellm PR #35273",
            "litellm/_redis.py (_get_redis_url_kwargs): 1.96.0 hands them on, 1.95.1 not yet",
        ),
        remedy="Give host, port and password.",
        failing=_redis("router_settings: {redis_url: os.environ/REDIS_URL}\n", version="1.95.1"),
        passing=_redis(HERE, version="1.95.1"),
        find=_url_without_limits,
        versions=Versions(until="1.96.0"),
    ),
)
