"""How an environment's settings become its fly.toml, the contract that whatever deploys reads."""

import json
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path as File
from typing import Any

import jinja2

from stacks.paths import Path
from stacks.settings import Settings

GROUP = "app"  # the one process group: every section names it, for flyctl drops what names none
TEMPLATE = File(__file__).parent.parent / "templates" / "fly.toml.j2"


class RenderError(Exception):
    """Raised when a rendered text reads back differently: a defect of the template or a filter."""


def render_fly_toml(
    settings: Settings,
    *,
    command: str,
    environment: Mapping[str, str],
    files: Mapping[str, str],
) -> str:
    """Return the text of fly.toml, parsed back and compared with `intended` first.

    `command` is one shell-quoted line of arguments for the image's entry point, `environment` what
    stands in `[env]`, `files` maps paths in the machine to paths beside the toml. Equal arguments
    give equal bytes, in whatever order the mappings are.
    """
    meant = intended(settings, command=command, environment=environment, files=files)
    text = _template(TEMPLATE).render(name=settings.environment, toml=meant)
    parsed = tomllib.loads(text)
    if _without_empty_lists(parsed) != _without_empty_lists(meant):
        wrong = [key for key in meant if parsed.get(key, []) != meant[key]]
        raise RenderError(f"fly.toml reads back differently at {', '.join(wrong) or 'its top'}")
    return text


def _without_empty_lists(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value != []}


def intended(
    settings: Settings,
    *,
    command: str,
    environment: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the text says once parsed; lists that are empty here are absent there.

    Durations are texts with a unit: flyctl reads a bare number of a check as nanoseconds. Raises
    RenderError for an extra key that is rendered already: `extras_clashes` names it.
    """
    whole = _rendered(settings, command=command, environment=environment, files=files)
    clashes = laid_beside(whole, settings.fly.extras)
    if clashes:
        raise RenderError(f"fly.extras says again what is rendered: {', '.join(clashes)}")
    return whole


def extras_clashes(settings: Settings) -> tuple[Path, ...]:
    """Return the paths of those of Fly's extras that are rendered from other settings."""
    fly = settings.fly
    plain = fly.model_copy(update={"vm": {}, "check": fly.check.model_copy(update={"extras": {}})})
    whole = _rendered(
        settings.model_copy(update={"fly": plain}), command="", environment={}, files={}
    )
    vm, (check,) = whole["vm"][0], whole["http_service"]["checks"]
    spelled = laid_beside({**whole, "env": None}, fly.extras)
    return (
        *(("fly", "extras", *key.split(".")) for key in spelled),
        *(("fly", "vm", key) for key in fly.vm if key in vm),
        *(
            ("fly", "check", "extras", key)
            for key in fly.check.extras
            if key in set(check) - {"method"}
        ),
    )


def laid_beside(rendered: dict[str, Any], extras: Mapping[str, Any], path: str = "") -> list[str]:
    """Add the extras to what is rendered: tables deeply, rows at the end; return what clashes.

    What is null is left out: TOML has none.
    """
    clashes: list[str] = []
    for key, value in extras.items():
        present = rendered.get(key)
        if key not in rendered and value is not None:
            rendered[key] = _without_null(value)
        elif isinstance(present, dict) and isinstance(value, Mapping):
            clashes += laid_beside(present, value, f"{path}{key}.")
        elif isinstance(present, list) and isinstance(value, list) and _tables(present, value):
            present += [_without_null(row) for row in value]
        elif value is not None:
            clashes.append(f"{path}{key}")
    return clashes


def _tables(*lists: list[Any]) -> bool:
    return all(isinstance(row, Mapping) for rows in lists for row in rows)


def _without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def _rendered(
    settings: Settings,
    *,
    command: str,
    environment: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    fly, metrics = settings.fly, settings.metrics
    group = [GROUP]
    return {
        "app": fly.app,
        "primary_region": fly.primary_region,
        "kill_signal": fly.kill.signal,
        "kill_timeout": f"{fly.kill.timeout_s}s",
        "build": {"image": settings.image.reference},
        "deploy": {"strategy": fly.strategy.value, "wait_timeout": f"{fly.wait_timeout_s}s"},
        "processes": {GROUP: command},
        "env": dict(sorted(environment.items())),
        "http_service": _http_service(settings),
        "files": [
            {"guest_path": guest_path, "local_path": local_path, "processes": group}
            for guest_path, local_path in sorted(files.items())
        ],
        "metrics": [{"port": metrics.port, "path": metrics.path, "processes": group}]
        if metrics
        else [],
        "vm": [{"size": fly.size, "memory": f"{fly.memory_mb}mb", "processes": group} | fly.vm],
    }


def _http_service(settings: Settings) -> dict[str, Any]:
    fly = settings.fly
    return {
        "internal_port": settings.server.port,
        "force_https": fly.url.startswith("https://")
        if fly.force_https is None
        else fly.force_https,
        "auto_stop_machines": fly.auto_stop,
        "min_machines_running": fly.regions.get(fly.primary_region, 0)
        if fly.min_machines_running is None
        else fly.min_machines_running,
        "processes": [GROUP],
        "concurrency": fly.concurrency.model_dump(),
        "checks": [
            {
                "method": "GET",
                "path": fly.check.path,
                "interval": f"{fly.check.interval_s}s",
                "timeout": f"{fly.check.timeout_s}s",
                "grace_period": f"{fly.check.grace_period_s}s",
            }
            | fly.check.extras
        ],
    }


def toml_value(value: object) -> str:
    """Return a value as TOML writes it, in one line; texts are always escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{toml_key(str(key))} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    # JSON's escapes are TOML's, but for U+007F, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def toml_key(key: str) -> str:
    """Return `key` as TOML writes it: bare where it may be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else toml_value(key)


def further(table: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """Return a table without the keys that the template writes itself."""
    return {key: value for key, value in table.items() if key not in known}


@lru_cache(maxsize=4)
def _template(path: File) -> jinja2.Template:
    """Compile the template once: it costs more than all rendering."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (the text is TOML, every value goes through toml_value)
    )
    environment.filters |= {"toml": toml_value, "toml_key": toml_key, "further": further}
    return environment.from_string(path.read_text(encoding="utf-8"))
