"""Which single settings LiteLLM ignores, reads otherwise than written, or suffers from.

Each row was observed on 1.106.2 or read in its source; ids are those of the facts on LiteLLM,
section 11, and L05x-L06x for what was measured later.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.budget import budget_of
from gateway.chains import WILDCARD, default_fallbacks_are_lost, general_chains
from stacks.problem import Severity
from stacks.settings import Settings
from stacks.values import ServerKind, Store

ERROR, WARNING = Severity.ERROR, Severity.WARNING

DRAIN_MARGIN_S = 10  # between the server's own drain limit and Fly's SIGKILL
LONGEST_LIFETIME_S = 600  # Fly's proxy cuts older connections when it restarts
SHORTEST_QUERY_LIMIT_S = 30  # spend reports take longer than 10 s


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: when `broken` holds, the value at `path` is a problem."""

    id: str
    path: tuple[str, ...]
    broken: Callable[[Settings], bool]
    really: str
    next_step: str
    severity: Severity = ERROR


def _uncovered(settings: Settings) -> bool:
    """Tell whether some model's callers would get 429 while its group is cooled down."""
    chains = general_chains(settings)
    return WILDCARD not in chains and any(model.name not in chains for model in settings.models)


def _retries_rate_limits(settings: Settings) -> bool:
    policy = settings.router_settings.retry_policy
    retried = settings.router_settings.num_retries or settings.litellm_settings.num_retries
    return bool(retried) and (policy is None or policy.RateLimitErrorRetries != 0)


def _several_workers(settings: Settings) -> bool:
    return settings.server.workers > 1 or settings.fly.machines > 1


def _needs_cache_redis(settings: Settings) -> bool:
    params = settings.litellm_settings.cache_params
    return bool(settings.litellm_settings.cache) and (params is None or params.type == "redis")


def _shows_metrics(settings: Settings) -> bool:
    section = settings.litellm_settings
    on = settings.metrics is not None or "prometheus" in (section.callbacks or ())
    return on and section.require_auth_for_metrics_endpoint is False


def _database(settings: Settings) -> bool:
    return settings.store is Store.DATABASE


def _lifetime_is_long(settings: Settings) -> bool:
    postgres = settings.postgres
    if not _database(settings) or postgres is None:
        return False
    return (postgres.prisma.max_connection_lifetime or LONGEST_LIFETIME_S + 1) > LONGEST_LIFETIME_S


def _query_limit_is_short(settings: Settings) -> bool:
    limit = settings.postgres.prisma.socket_timeout if settings.postgres else None
    return limit is not None and limit < SHORTEST_QUERY_LIMIT_S


def _over_budget(settings: Settings) -> bool:
    budget = budget_of(settings)
    return budget is not None and not budget.fits


def _redis_password_name(settings: Settings) -> bool:
    if settings.redis is None:
        return False
    named = settings.router_settings.redis_password
    read_by_cache = _needs_cache_redis(settings) and settings.redis.password != "REDIS_PASSWORD"  # noqa: S105 - a name
    return read_by_cache or (named is not None and named != settings.redis.password)


RULES = (
    Rule(
        "L002",
        ("general_settings", "request_timeout"),
        lambda s: s.general_settings.request_timeout is not None,
        "LiteLLM does not read it in this section; 6000 s holds instead (x-litellm-timeout)",
        "move it to `litellm_settings.request_timeout`",
    ),
    Rule(
        "L002",
        ("litellm_settings", "stream_timeout"),
        lambda s: s.litellm_settings.stream_timeout is not None,
        "LiteLLM does not read it in this section: it becomes an attribute that nobody uses",
        "move it to `router_settings.stream_timeout`",
    ),
    Rule(
        "L003",
        ("litellm_settings", "default_fallbacks"),
        default_fallbacks_are_lost,
        "with `store_model_in_db` the first sync puts router_settings.fallbacks over it "
        "(router.py 12712-12753)",
        'write the list as `"*"` in `router_settings.fallbacks`',
    ),
    Rule(
        "L004",
        ("router_settings", "allowed_fails"),
        lambda s: (
            s.router_settings.allowed_fails == 3  # noqa: PLR2004 - the module's own default
            and s.router_settings.allowed_fails_policy is None
        ),
        'LiteLLM reads 3 as "not set": a dead group of one deployment is never cooled down '
        "(BerriAI/litellm #40405)",
        "set 2, or give an `allowed_fails_policy`",
    ),
    Rule(
        "L050",
        ("router_settings", "allowed_fails"),
        lambda s: s.router_settings.allowed_fails == 0 and _uncovered(s),
        "one failure takes a model without a chain to 429 for the whole cooldown_time",
        'set 2, or give every model a chain, for example with `"*"`',
    ),
    Rule(
        "L005",
        ("litellm_settings", "request_timeout"),
        lambda s: s.litellm_settings.request_timeout is None,
        "6000 s holds then, and a Vertex stream that hangs has no other bound (measured)",
        "set `litellm_settings.request_timeout`, for example 90",
    ),
    Rule(
        "L010",
        ("router_settings", "redis_host"),
        lambda s: _several_workers(s) and (s.redis is None or s.router_settings.redis_host is None),
        "without Redis each worker keeps cooldowns and limits of its own",
        "give `redis` settings and set `router_settings.redis_host: REDIS_HOST` (port and "
        "password likewise), or run one worker on one machine",
    ),
    Rule(
        "L011",
        ("general_settings", "use_redis_transaction_buffer"),
        lambda s: (
            bool(s.general_settings.use_redis_transaction_buffer)
            and _database(s)
            and s.redis is None
        ),
        "LiteLLM refuses to start with it and without Redis (proxy_server.py 10549)",
        "give `redis` settings, or leave it out",
    ),
    Rule(
        "L060",
        ("litellm_settings", "cache"),
        lambda s: _needs_cache_redis(s) and s.redis is None,
        "LiteLLM refuses to start with a Redis cache and without REDIS_HOST",
        "give `redis` settings, or leave the cache out",
    ),
    Rule(
        "L033",
        ("redis", "password"),
        _redis_password_name,
        "the response cache reads REDIS_PASSWORD, the router what `redis_password` names; any "
        "other name is silently no password",
        "name it REDIS_PASSWORD in both places",
    ),
    Rule(
        "L033",
        ("posthog", "api_key"),
        lambda s: s.posthog is not None and s.posthog.api_key != "POSTHOG_API_KEY",
        "LiteLLM reads POSTHOG_API_KEY and no other name; without it no event is sent",
        "name the secret POSTHOG_API_KEY",
    ),
    Rule(
        "L012",
        ("litellm_settings", "require_auth_for_metrics_endpoint"),
        _shows_metrics,
        "/metrics/ on the public port then shows hashed keys, team names and client addresses "
        "to everyone",
        "leave it out: `metrics` serves them on a private port of their own",
    ),
    Rule(
        "L014",
        ("server", "keepalive_timeout_s"),
        lambda s: s.server.kind is ServerKind.GUNICORN and s.server.keepalive_timeout_s is not None,
        "gunicorn ignores it here and closes an idle connection after 2 s (measured)",
        "set `server.keepalive_timeout_s: null`, or `server.kind: uvicorn`",
    ),
    Rule(
        "L015",
        ("server", "max_requests_before_restart"),
        lambda s: (
            s.server.workers > 1
            and s.server.max_requests_before_restart is not None
            and s.server.max_requests_before_restart_jitter is None
        ),
        "without jitter all workers of a machine restart together",
        "set `server.max_requests_before_restart_jitter`, for example to a tenth of it",
        WARNING,
    ),
    Rule(
        "L016",
        ("server", "max_requests_before_restart"),
        lambda s: (
            s.server.kind is ServerKind.GRANIAN and s.server.max_requests_before_restart is not None
        ),
        "granian ignores it: workers never restart",
        "set it to null, or `server.kind: uvicorn`",
    ),
    Rule(
        "L051",
        ("server", "worker_healthcheck_timeout_s"),
        lambda s: (
            s.server.kind is ServerKind.UVICORN
            and s.server.workers > 1
            and s.server.worker_healthcheck_timeout_s is None
        ),
        "uvicorn kills a worker that is silent for 5 s, and importing LiteLLM takes 12 s: several "
        "workers can restart each other for ever (measured)",
        "set `server.worker_healthcheck_timeout_s: 120`",
    ),
    Rule(
        "L052",
        ("metrics", "port"),
        lambda s: s.metrics is not None and s.metrics.port == s.server.port,
        "the server listens on this port; LiteLLM refuses to start with both on one",
        "choose another port, for example 4001",
    ),
    Rule(
        "L040",
        ("fly", "kill", "timeout_s"),
        lambda s: s.fly.kill.timeout_s < s.server.graceful_shutdown_timeout_s + DRAIN_MARGIN_S,
        "Fly kills the machine before requests in flight have ended: the server drains for "
        "`server.graceful_shutdown_timeout_s`, and needs 10 s around it",
        "raise it, or lower `server.graceful_shutdown_timeout_s`",
    ),
    Rule(
        "L055",
        ("postgres",),
        lambda s: _database(s) and s.postgres is None,
        "`store: database` needs a Postgres",
        "give `postgres` settings, or set `store: file`",
    ),
    Rule(
        "L022",
        ("postgres", "prisma", "max_connection_lifetime"),
        _lifetime_is_long,
        "Fly's proxy cuts connections older than 600 s when it restarts, and a pool that is busy "
        "has no other protection",
        "set 540",
        WARNING,
    ),
    Rule(
        "L025",
        ("postgres", "prisma", "socket_timeout"),
        _query_limit_is_short,
        "it caps every query, not idleness: spend reports take longer",
        "leave it out, or set 30 or more",
        WARNING,
    ),
    Rule(
        "L024",
        ("postgres", "prisma", "connection_limit"),
        lambda s: s.postgres is not None and s.postgres.prisma.connection_limit is not None,
        "LiteLLM's command line writes its own value over it",
        "set `general_settings.database_connection_pool_limit` instead",
        WARNING,
    ),
    Rule(
        "L024",
        ("postgres", "prisma", "pool_timeout"),
        lambda s: s.postgres is not None and s.postgres.prisma.pool_timeout is not None,
        "LiteLLM's command line writes its own value over it",
        "set `general_settings.database_connection_timeout` instead",
        WARNING,
    ),
    Rule(
        "L023",
        ("postgres", "max_connections"),
        _over_budget,
        "a release opens more connections at its worst moment than are left beside the reserve: "
        "machines x workers x database_connection_pool_limit, twice while blue and green overlap",
        "raise it with the server's own limit, or lower one of the three",
    ),
    Rule(
        "L061",
        ("general_settings", "disable_prisma_schema_update"),
        lambda s: _database(s) and s.general_settings.disable_prisma_schema_update is False,
        "false wins over the servers' DISABLE_SCHEMA_UPDATE: every machine migrates as it starts",
        "leave it out; a one-off machine migrates before each rollout",
        WARNING,
    ),
    Rule(
        "L056",
        ("router_settings", "num_retries"),
        _retries_rate_limits,
        "a 429's Retry-After of up to 60 s is slept out at every try, with the target ready "
        "all along (measured)",
        "set `router_settings.retry_policy.RateLimitErrorRetries: 0`",
        WARNING,
    ),
    Rule(
        "L057",
        ("router_settings", "retry_policy", "DefaultRetries"),
        lambda s: bool(
            s.router_settings.retry_policy and s.router_settings.retry_policy.DefaultRetries
        ),
        "a policy skips the question whether an error can be retried: clients' own 400s are, too",
        "set 0, or name the classes of error",
        WARNING,
    ),
)
