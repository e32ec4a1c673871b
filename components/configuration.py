"""What typed settings say as the rules read it, and which setting stands behind each place."""

import shlex
from collections.abc import Mapping
from datetime import date
from typing import Any

from components.bundle import GUEST_FILES
from fly.toml import extras_clashes, intended
from gateway.database_url import url_parameters
from gateway.from_files import server_flags
from gateway.render import litellm_config
from gateway.server import server_arguments, server_environment
from stacks.configuration import Configuration, Document
from stacks.extras import SECTIONS
from stacks.litellm import Model, Provider
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
    ("http_service", "auto_stop_machines"): "fly.auto_stop",
    ("http_service", "force_https"): "fly.force_https",
    ("http_service", "min_machines_running"): "fly.min_machines_running",
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
    ("vm", 0): "fly.vm...",
    ("vm", 0, "size"): "fly.size",
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
    ("config",): "server",
    ("host",): "server",
    (): "server.flags...",
}
_ENVIRONMENT: dict[Path, str] = {
    ("GRACEFUL_SHUTDOWN_TIMEOUT",): "server.graceful_shutdown_timeout_s",
    ("REDIS_HOST",): "redis.host",
    ("REDIS_PORT",): "redis.port",
    ("POSTHOG_API_URL",): "posthog.api_url",
    ("VERTEXAI_PROJECT",): "providers.vertex_ai.vertex_project",
    ("VERTEXAI_LOCATION",): "providers.vertex_ai.vertex_location",
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
    table = intended(
        _without_clashes(settings), command=command, environment=environment, files=GUEST_FILES
    )
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


def _without_clashes(settings: Settings) -> Settings:
    """Leave out what is rendered twice, of which `fly.checks` tells."""
    if not extras_clashes(settings):
        return settings
    return settings.model_copy(update={"fly": settings.fly.model_copy(update={"extras": {}})})


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
            return _fly(rest, settings)
        case Document.SERVER:
            return _mapped(rest, _SERVER)
        case Document.ENVIRONMENT:
            written = bool(rest) and rest[0] in settings.server.environment
            return _mapped(rest, {(): _ENVIRONMENT[()]} if written else _ENVIRONMENT)
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


def _fly(path: Path, settings: Settings) -> str:
    """Return an extra of fly.toml where it stands there, else the setting that is rendered."""
    inner: Any = settings.fly.extras
    for length, part in enumerate(path):
        inner = inner.get(part) if isinstance(inner, Mapping) else None
        if inner is not None and not isinstance(inner, Mapping):
            return spell(("fly", "extras", *path[: length + 1]))
    if (
        path[:3] == ("http_service", "checks", 0)
        and path[3:]
        and path[3] in settings.fly.check.extras
    ):
        return spell(("fly", "check", "extras", *path[3:]))
    return _mapped(path, _FLY)


def _litellm(path: Path, settings: Settings) -> Path:
    match path:
        case ("model_list", int(index), *rest) if index < len(settings.models):
            model = settings.models[index]
            shared = _shared(model, tuple(rest), settings)
            return shared or ("models", index, *_model(model, tuple(rest)))
        case ("model_list", *_):
            return ("models",)
        case (str(section), *_) if section not in SECTIONS:
            return ("sections", *path)
        case ("litellm_settings", str(key), *rest) if key not in settings.litellm_settings.extras:
            return _litellm_setting(key, tuple(rest), settings)
        case (str(section), str(key), *rest):
            return (section, *_of_section(section, key, tuple(rest), settings))
        case _:
            return path


def _of_section(section: str, key: str, path: Path, settings: Settings) -> Path:
    if key in getattr(settings, section).extras:
        return ("extras", key, *path)
    if key in _CHAIN_KEYS and path and isinstance(path[0], int):
        return (key, *_chain(section, key, path[0], path[1:], settings))
    return (key, *path)


def _shared(model: Model, path: Path, settings: Settings) -> Path:
    """Return the setting behind a parameter that many models have from one place; else `()`."""
    key = path[1] if len(path) > 1 and path[0] == "litellm_params" else None
    if not isinstance(key, str) or key in model.extras or getattr(model, key, None) is not None:
        return ()
    if key == "num_retries":
        return ("rescue",) if model.rescue is None else ()
    if key in _PROVIDER_KEYS:
        return ("providers", model.provider, key)
    provider = settings.providers.get(model.provider, Provider())
    return ("providers", model.provider, "extras", *path[1:]) if key in provider.extras else ()


def _model(model: Model, path: Path) -> Path:
    """Return the path behind a part of an entry, below the model."""
    found: Path = ()
    match path:
        case ("model_name", *_):
            found = ("name",)
        case ("litellm_params", str(key), *rest):
            found = _parameter(model, key, tuple(rest))
        case ("model_info", str(key), *rest) if key in model.info:
            found = ("info", key, *rest)
        case ("model_info", "id", *_):
            found = ("name",) if model.id is None else ("id",)
        case ("model_info", "mode", *_):
            found = ("mode",)
        case (str(key), *_) if key in model.entry:
            found = ("entry", *path)
        case _:
            pass
    return found


def _parameter(model: Model, key: str, path: Path) -> Path:
    if key in model.extras:
        return ("extras", key, *path)
    if key == "model" and model.model is None:
        return ("name",)
    if key == "num_retries" and model.num_retries is None:
        return ("rescue",)
    return (key,) if key in type(model).model_fields else ()


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
    cache = settings.litellm_settings.cache_params
    if key == "cache_params" and cache is not None and path and path[0] in cache.extras:
        return ("litellm_settings", key, "extras", *path)
    return ("litellm_settings", key, *path)


def _database(path: Path, settings: Settings) -> str:
    postgres = settings.postgres
    if path and postgres is not None:
        for group in ("prisma", "libpq"):
            if str(path[0]) in type(getattr(postgres, group)).model_fields:
                return spell(("postgres", group, *path))
    return _mapped(path, _DATABASE_URL)
