"""How an environment's settings become its fly.toml, the contract that whatever deploys reads."""

import json
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from stacks.settings import Settings

GROUP = "app"  # the one process group: every section names it, for flyctl drops what names none
TEMPLATE = Path(__file__).parent.parent / "templates" / "fly.toml.j2"


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
    text = _template(TEMPLATE).render(name=settings.environment, **meant)
    parsed = tomllib.loads(text)
    if parsed != {key: value for key, value in meant.items() if value != []}:
        wrong = [key for key in meant if parsed.get(key, []) != meant[key]]
        raise RenderError(f"fly.toml reads back differently at {', '.join(wrong) or 'its top'}")
    return text


def intended(
    settings: Settings,
    *,
    command: str,
    environment: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the text says once parsed; lists that are empty here are absent there.

    Durations are texts with a unit: flyctl reads a bare number of a check as nanoseconds.
    """
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
        "vm": [{"size": fly.size, "memory": f"{fly.memory_mb}mb", "processes": group}],
    }


def _http_service(settings: Settings) -> dict[str, Any]:
    fly = settings.fly
    return {
        "internal_port": settings.server.port,
        "force_https": fly.url.startswith("https://"),
        "auto_stop_machines": "off",  # a stopped machine would boot for as long as a client waits
        "min_machines_running": fly.regions.get(fly.primary_region, 0),
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
        ],
    }


def toml_value(value: object) -> str:
    """Return a truth value, a list or a text as TOML writes it; texts are always escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    # JSON's escapes are TOML's, but for U+007F, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def toml_key(key: str) -> str:
    """Return `key` as TOML writes it: bare where it may be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else toml_value(key)


@lru_cache(maxsize=4)
def _template(path: Path) -> jinja2.Template:
    """Compile the template once: it costs more than all rendering."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (the text is TOML, every value goes through toml_value)
    )
    environment.filters |= {"toml": toml_value, "toml_key": toml_key}
    return environment.from_string(path.read_text(encoding="utf-8"))
