"""How the proxy is started: its arguments, and the environment that decides how it runs."""

from dataclasses import dataclass

from gateway.own_variables import vertex_variables
from gateway.render import PATH_IN_MACHINE
from stacks.settings import Settings
from stacks.values import ServerKind, Store

KIND_FLAG = {
    ServerKind.UVICORN: (),
    ServerKind.GUNICORN: ("--run_gunicorn",),
    ServerKind.GRANIAN: ("--run_granian",),
}
SCHEMA_UPDATE = "DISABLE_SCHEMA_UPDATE"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A variable whose value the project decides; `why` names the measurement or the source."""

    name: str
    value: str
    why: str


ALWAYS_PINNED = (
    Pinned(
        "PYTHON_GC_THRESHOLD",
        "50000,50,50",
        "one full collection of the 300 MB heap takes 0.6-0.85 s and hits the first 75 requests: "
        "p99 759 -> 136 ms (measured, local gateway section 3)",
    ),
    Pinned(
        "INITIAL_RETRY_DELAY",
        "0.05",
        "LiteLLM's own 0.5 s doubles at every try and is slept after the last one too (measured)",
    ),
    Pinned(
        "MAX_RETRY_DELAY", "0.2", "with the two beside it a retried rescue takes 275 ms, not 2.4 s"
    ),
    Pinned("JITTER", "0.05", "LiteLLM's own adds up to 0.75 s to every sleep (litellm utils.py)"),
    Pinned(
        "LITELLM_LOCAL_MODEL_COST_MAP",
        "True",
        "no price map is fetched at boot: the same image gives the same gateway",
    ),
    Pinned("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True", "likewise for the beta headers"),
    Pinned("LITELLM_LOCAL_BLOG_POSTS", "True", "likewise for the blog posts of the admin page"),
    Pinned("LITELLM_MODE", "PRODUCTION", "no .env file is loaded (facts on LiteLLM, section 5)"),
)

# They change what the settings say without a trace in any rendered file (facts, section 7).
HIDDEN_OVERRIDES = frozenset(
    {
        "REQUEST_TIMEOUT",
        "ROUTER_MAX_FALLBACKS",
        "DEFAULT_COOLDOWN_TIME_SECONDS",
        "SINGLE_DEPLOYMENT_TRAFFIC_FAILURE_THRESHOLD",
        "STORE_MODEL_IN_DB",
        "NUM_WORKERS",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY",
    }
)


def server_arguments(settings: Settings) -> tuple[str, ...]:
    """Return what follows `litellm`. A flag that the chosen server ignores is not written."""
    server = settings.server
    uvicorn = server.kind is ServerKind.UVICORN
    flags = (
        ("--prometheus_metrics_port", settings.metrics.port if settings.metrics else None),
        ("--keepalive_timeout", server.keepalive_timeout_s if uvicorn else None),
        (
            "--timeout_worker_healthcheck",
            server.worker_healthcheck_timeout_s if uvicorn and server.workers > 1 else None,
        ),
        ("--max_requests_before_restart", server.max_requests_before_restart),
        ("--max_requests_before_restart_jitter", server.max_requests_before_restart_jitter),
    )
    return (
        *("--config", PATH_IN_MACHINE),
        *("--host", "0.0.0.0"),  # noqa: S104 - Fly's proxy reaches it over the machine's network
        *("--port", str(server.port)),
        *KIND_FLAG[server.kind],
        *("--num_workers", str(server.workers)),
        *(part for flag, value in flags if value is not None for part in (flag, str(value))),
        *(part for name, value in server.flags.items() for part in _flag(name, value)),
    )


def _flag(name: str, value: str) -> tuple[str, ...]:
    return (f"--{name}", value) if value else (f"--{name}",)


def server_environment(settings: Settings) -> dict[str, str]:
    """Return the plain variables of the server's machines; a pinned one wins over the settings'."""
    return {
        **settings.server.environment,
        **{pinned.name: pinned.value for pinned in pinned_variables(settings)},
    }


def migration_arguments(settings: Settings) -> tuple[str, ...]:
    """Return what follows `litellm` on the one-off machine that migrates; ends by itself.

    Without `--config`, on purpose: `disable_prisma_schema_update` in the file would turn the
    migration into a printed comparison that ends in 0 (proxy_cli.py and should_update_prisma_schema
    of 1.106.2: the file's key wins over the variable). DATABASE_URL is read from the environment.
    """
    del settings
    return ("--skip_server_startup",)


def migration_entrypoint(settings: Settings) -> tuple[str, ...]:
    """Return what the migration's machine starts in place of the image's entrypoint; often nothing.

    Behind a pooler Prisma must migrate round it, and reads the address from DATABASE_URL alone
    (schema.prisma of 1.106.2 names no other; migration_lock.py asks for DIRECT_URL beside it). The
    secret is put into that variable by the machine itself: its value is in no configuration. The
    image's own entrypoint does nothing else but start `litellm` with the words it is given.
    """
    postgres = settings.postgres
    if postgres is None or postgres.kind != "managed":
        return ()
    return ("sh", "-c", 'DATABASE_URL="$DIRECT_URL" exec litellm "$@"', "litellm")


def migration_environment(settings: Settings) -> dict[str, str]:
    """Return the server's variables without the one that forbids a migration."""
    environment = server_environment(settings)
    environment.pop(SCHEMA_UPDATE, None)
    return environment


def environment_clashes(settings: Settings) -> dict[str, str]:
    """Return the pinned or hidden variables that `server.environment` sets, and its values."""
    closed = {pinned.name for pinned in pinned_variables(settings)} | HIDDEN_OVERRIDES
    given = settings.server.environment
    return {name: given[name] for name in given if name in closed}


def pinned_variables(settings: Settings) -> tuple[Pinned, ...]:
    """Return every variable that follows from the settings, each with its reason."""
    return (
        *ALWAYS_PINNED,
        *_drain(settings),
        *_redis(settings),
        *_vertex(settings),
        *_posthog(settings),
        *_schema(settings),
        *_pages(settings),
    )


def _drain(settings: Settings) -> tuple[Pinned, ...]:
    seconds = str(settings.server.graceful_shutdown_timeout_s)
    return (Pinned("GRACEFUL_SHUTDOWN_TIMEOUT", seconds, "how long requests in flight may finish"),)


def _redis(settings: Settings) -> tuple[Pinned, ...]:
    redis = settings.redis
    if redis is None:
        return ()
    router = settings.router_settings
    host = redis.host or f"{settings.redis_app}.flycast"
    # The response cache reads exactly these two names; the router reads the names it is given.
    hosts = dict.fromkeys(("REDIS_HOST", router.redis_host or "REDIS_HOST"), host)
    ports = dict.fromkeys(("REDIS_PORT", router.redis_port or "REDIS_PORT"), str(redis.port))
    return tuple(
        Pinned(name, value, "where the workers' shared state is")
        for name, value in (hosts | ports).items()
    )


def _vertex(settings: Settings) -> tuple[Pinned, ...]:
    why = "an environment's own: the YAML refers to it, so that all environments share the YAML"
    return tuple(Pinned(name, value, why) for name, value in vertex_variables(settings).values())


def _posthog(settings: Settings) -> tuple[Pinned, ...]:
    if settings.posthog is None:
        return ()
    return (Pinned("POSTHOG_API_URL", settings.posthog.api_url, "where events are sent"),)


def _schema(settings: Settings) -> tuple[Pinned, ...]:
    if settings.store is Store.FILE:
        return ()
    return (Pinned(SCHEMA_UPDATE, "True", "a one-off machine migrates, before any server starts"),)


def _pages(settings: Settings) -> tuple[Pinned, ...]:
    docs = ("NO_DOCS", "NO_REDOC", "NO_OPENAPI")
    why = "pages that LiteLLM shows to everybody, without a key (measured, docs/security.md)"
    closed = (() if settings.server.admin_ui else ("DISABLE_ADMIN_UI",)) + (
        () if settings.server.api_docs else docs
    )
    return tuple(Pinned(name, "True", why) for name in closed)
