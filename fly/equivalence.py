"""When two fly.tomls say the same: defaults written out, units equal, no order of tables."""

from collections.abc import Mapping
from typing import Any

from fly import guests
from fly.durations import NS_PER_S, parse_ns
from fly.toml import GROUP

AUTO_STOP = {True: "stop", False: "off"}

_DURATIONS = frozenset({"kill_timeout", "wait_timeout", "interval", "timeout", "grace_period"})
_IN_SECONDS = frozenset({"kill_timeout", "wait_timeout"})  # a bare number; else nanoseconds
_DEFAULTS: Mapping[str, Any] = {"kill_signal": "SIGINT", "kill_timeout": 5.0}
_DEPLOY: Mapping[str, Any] = {"strategy": "rolling", "wait_timeout": 300.0}


def normal(toml: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one form of all fly.tomls that say the same, but for commands and variables.

    `[env]` and the command of the group that runs the gateway are left out: they are compared as
    variables and as flags. `toml` is plain data of any shape.
    """
    whole = {**_DEFAULTS, **_plain({**toml, "vm": sizes(toml), "compute": [], "computes": []})}
    whole.pop("env", None)
    whole["deploy"] = {**_DEPLOY, **_mapping(whole.get("deploy"))}
    whole["vm"] = [_vm(row) for row in whole["vm"]] or [_vm({})]
    whole["metrics"] = _rows(whole, "metrics", "metric")
    whole["files"] = {str(row.get("guest_path")): row for row in _rows(whole, "files")}
    whole["http_service"] = _service(_mapping(whole.get("http_service")))
    groups = _mapping(whole.pop("processes", None))
    ours = gateway_group(groups)
    whole["processes"] = {name: line for name, line in groups.items() if name != ours}
    return {key: value for key, value in whole.items() if value not in ({}, [], None)}


def gateway_group(processes: Mapping[str, Any]) -> str | None:
    """Return the process group that runs LiteLLM; None where there is none."""
    texts = {name: line for name, line in processes.items() if isinstance(line, str)}
    named = next((name for name, line in texts.items() if "--config" in line), None)
    return named if named is not None else next(iter(texts), None)


def sizes(toml: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tables of `[[vm]]`, that of the gateway's group first; flyctl takes the last one.

    Without one of its own the group gets the first that is for all groups.
    """
    rows = _rows(dict(toml), "vm", "compute", "computes")
    groups = _mapping(toml.get("processes"))
    ours = [row for row in rows if _names(row) & {gateway_group(groups) or GROUP, GROUP}]
    chosen = next(iter(ours[-1:] or [row for row in rows if not _names(row)] or rows), None)
    return [] if chosen is None else [chosen, *(row for row in rows if row is not chosen)]


def _names(row: Mapping[str, Any]) -> set[str]:
    named = row.get("processes")
    return {str(name) for name in named} if isinstance(named, list) else set()


def _service(service: dict[str, Any]) -> dict[str, Any]:
    if not service:
        return service
    stop = service.get("auto_stop_machines", "off")
    service["auto_stop_machines"] = AUTO_STOP[stop] if isinstance(stop, bool) else stop
    service.setdefault("force_https", False)
    if service["auto_stop_machines"] not in ("stop", "suspend"):
        service.pop("min_machines_running", None)  # nothing stops, so nothing is kept running
    else:
        service.setdefault("min_machines_running", 0)
    if "concurrency" in service:
        service["concurrency"] = _mapping(service["concurrency"])
    service["checks"] = [{"method": "GET", **row} for row in _rows(service, "checks")]
    return service


def _vm(row: Mapping[str, Any]) -> dict[str, Any]:
    said = row.get("size")
    size = said if isinstance(said, str) and said else guests.DEFAULT_SIZE
    known = guests.SIZES.get(size)
    memory = row.get("memory", row.get("memory_mb", known.memory_mb if known else None))
    rest = {key: value for key, value in row.items() if key not in ("memory", "memory_mb")}
    return {**rest, "size": size, "memory": _memory(memory)}


def _memory(value: Any) -> Any:
    try:
        return guests.memory_mb(value)
    except (TypeError, ValueError):
        return value


def _plain(value: Any, key: str = "") -> Any:
    """Write durations as seconds, and leave out which groups a table is for."""
    if isinstance(value, Mapping):
        return {k: _plain(item, k) for k, item in value.items() if k != "processes" or not key}
    if isinstance(value, list):
        return [_plain(item, key or "[]") for item in value]
    return _seconds(value, key) if key in _DURATIONS else value


def _seconds(value: Any, key: str) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if key in _IN_SECONDS else value / NS_PER_S
    try:
        return parse_ns(value) / NS_PER_S
    except (TypeError, ValueError):
        return value


def _rows(table: dict[str, Any], *keys: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key in keys:
        value = table.pop(key, [])
        rows = [value] if isinstance(value, Mapping) else value
        if isinstance(rows, list):
            found += [dict(row) for row in rows if isinstance(row, Mapping)]
    return found


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return dict(value) if isinstance(value, Mapping) else {}
