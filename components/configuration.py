"""What typed settings say as the rules read it, and which setting stands behind each place."""

import shlex
from datetime import date
from typing import Any

from components.bundle import GUEST_FILES
from fly.toml import intended
from gateway.database_url import url_parameters
from gateway.from_files import server_flags
from gateway.render import litellm_config
from gateway.server import server_arguments, server_environment
from stacks.configuration import Configuration, Document
from stacks.paths import Part, Path, spell
from stacks.settings import Settings
from stacks.values import Store

# Where what stands in each document comes from; the longest beginning that is known decides, and
# what follows it is kept where the value here ends with "...".
_FLY: dict[Path, str] = {
    ("app",): "fly.app",
    ("primary_region",): "fly.primary",
    ("kill_signal",): "fly.kill.signal",
    ("kill_timeout",): "fly.kill.timeout_s",
    ("build",): "image",
    ("deploy", "strategy"): "fly.strategy",
    ("deploy", "wait_timeout"): "fly.wait_timeout_s",
    ("processes",): "server",
    ("env",): "server.environment...",
    ("http_service", "internal_port"): "server.port",
    ("http_service", "force_https"): "fly.public_url",
    ("http_service", "min_machines_running"): "fly.regions",
    ("http_service", "concurrency"): "fly.concurrency...",
    ("http_service", "checks"): "fly.check",
    ("http_service", "checks", 0, "path"): "fly.check.path",
    ("http_service", "checks", 0, "interval"): "fly.check.interval_s",
    ("http_service", "checks", 0, "timeout"): "fly.check.timeout_s",
    ("http_service", "checks", 0, "grace_period"): "fly.check.grace_period_s",
    ("metrics",): "metrics",
    ("metrics", 0, "port"): "metrics.port",
    ("metrics", 0, "path"): "metrics.path",
    ("vm",): "fly.size",
    ("vm", 0, "memory"): "fly.memory_mb",
    (): "fly",
}
_SERVER: dict[Path, str] = {
    ("port",): "server.port",
    ("num_workers",): "server.workers",
    ("run_gunicorn",): "server.kind",
    ("run_granian",): "server.kind",
    ("keepalive_timeout",): "server.keepalive_timeout_s",
    ("timeout_worker_healthcheck",): "server.worker_healthcheck_timeout_s",
    ("max_requests_before_restart",): "server.max_requests_before_restart",
    ("max_requests_before_restart_jitter",): "server.max_requests_before_restart_jitter",
    ("prometheus_metrics_port",): "metrics.port",
    (): "server",
}
_ENVIRONMENT: dict[Path, str] = {
    ("GRACEFUL_SHUTDOWN_TIMEOUT",): "server.graceful_shutdown_timeout_s",
    ("REDIS_HOST",): "redis.host",
    ("REDIS_PORT",): "redis.port",
    ("POSTHOG_API_URL",): "posthog.api_url",
    (): "server.environment...",
}
_DATABASE_URL: dict[Path, str] = {("sslmode",): "postgres.sslmode", (): "postgres"}
_PROVIDER_KEYS = frozenset(
    {"api_base", "api_key", "vertex_project", "vertex_location", "vertex_credentials"}
)
_CHAIN_KEYS = frozenset({"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"})


def configuration_of(
    settings: Settings, *, secrets: frozenset[str] | None, today: date
) -> Configuration:
    """Return what the settings say, without the proof's probes: they are the project's own.

    `server` holds a keep-alive also where it is not written, because the chosen server ignores it:
    what was asked for and will not be is what a rule tells about.
    """
    command = shlex.join(server_arguments(settings))
    server = server_flags(command)
    if settings.server.keepalive_timeout_s is not None:
        server.setdefault("keepalive_timeout", str(settings.server.keepalive_timeout_s))
    environment = server_environment(settings)
    table = intended(settings, command=command, environment=environment, files=GUEST_FILES)
    postgres = settings.postgres if settings.store is Store.DATABASE else None
    return Configuration(
        litellm=litellm_config(settings, with_probes=False),
        fly={key: value for key, value in table.items() if value != []},
        server=server,
        environment=environment,
        database_url=None if postgres is None else url_parameters(postgres),
        secrets=secrets,
        environment_name=settings.environment,
        settings=settings.model_dump(mode="json"),
        version=settings.image.version,
        today=today,
    )


def settings_path(path: Path, settings: Settings) -> str:
    """Return the spelled settings path behind a place of `configuration_of(settings)`.

    `("litellm", "model_list", 3, "litellm_params", "timeout")` is `models[3].timeout`. A place
    that no one setting decides gives the nearest that does.
    """
    document, rest = Document(str(path[0])), path[1:]
    match document:
        case Document.LITELLM:
            return spell(_litellm(rest, settings))
        case Document.FLY:
            return _mapped(rest, _FLY)
        case Document.SERVER:
            return _mapped(rest, _SERVER)
        case Document.ENVIRONMENT:
            return _mapped(rest, _ENVIRONMENT)
        case Document.DATABASE_URL:
            return _database(rest, settings)
        case Document.SETTINGS:
            return spell(rest)


def _mapped(path: Path, table: dict[Path, str]) -> str:
    for length in range(len(path), -1, -1):
        found = table.get(path[:length])
        if found is not None:
            rest = spell(path[length:]) if found.endswith("...") else ""
            dot = "." if rest and not rest.startswith("[") else ""
            return f"{found.removesuffix('...')}{dot}{rest}"
    return spell(path)


def _litellm(path: Path, settings: Settings) -> Path:
    match path:
        case ("model_list", int(index), *rest) if index < len(settings.models):
            return _model(index, tuple(rest), settings)
        case ("model_list", *_):
            return ("models",)
        case (str(section), str(key), int(position), *rest) if key in _CHAIN_KEYS:
            return (section, key, *_chain(section, key, position, tuple(rest), settings))
        case ("litellm_settings", str(key), *rest):
            return _litellm_setting(key, tuple(rest), settings)
        case _:
            return path


def _model(index: int, path: Path, settings: Settings) -> Path:
    model, here = settings.models[index], ("models", index)
    match path:
        case ("model_name", *_) | ("model_info", "id", *_):
            return (*here, "name")
        case ("litellm_params", "model", *_) if model.model is None:
            return (*here, "name")
        case ("litellm_params", str(key), *_) if key in _PROVIDER_KEYS:
            return ("providers", model.provider, key)
        case ("litellm_params", "num_retries", *_) if model.num_retries is None:
            return (*here, "rescue") if model.rescue is not None else ("rescue",)
        case ("litellm_params" | "model_info", str(key), *_) if key in type(model).model_fields:
            return (*here, key)
    return here


def _chain(section: str, key: str, position: int, path: Path, settings: Settings) -> Path:
    """Return the chain's source, which the path may leave out, and the position of a target."""
    if path:
        return path
    chains: Any = getattr(getattr(settings, section, None), key, None) or {}
    sources: tuple[Part, ...] = tuple(chains)
    return sources[position : position + 1]


def _litellm_setting(key: str, path: Path, settings: Settings) -> Path:
    """Return where a value comes from that `metrics` or `posthog` may have added."""
    position = path[0] if path else None
    own = getattr(settings.litellm_settings, key, None) or ()
    added = isinstance(position, int) and position >= len(own)
    if key == "callbacks" and settings.metrics is not None and (added or not own):
        return ("metrics",)
    posthog = key in {"success_callback", "failure_callback"} and settings.posthog is not None
    if posthog and (added or not own):
        return ("posthog",)
    return ("litellm_settings", key, *path)


def _database(path: Path, settings: Settings) -> str:
    postgres = settings.postgres
    if path and postgres is not None:
        for group in ("prisma", "libpq"):
            if str(path[0]) in type(getattr(postgres, group)).model_fields:
                return spell(("postgres", group, *path))
    return _mapped(path, _DATABASE_URL)
