"""How a fly.toml becomes settings of an environment, and what of it stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fly import guests
from fly.importing_table import TomlTable, fits
from fly.toml import GROUP
from fly.toml_values import go_text
from stacks.importing import Change, Kind
from stacks.values import (
    Amount,
    AppName,
    HttpPath,
    MebiBytes,
    Port,
    RegionCode,
    Strategy,
)

CONFIG_FLAG = "--config"
SHIPPED = ("litellm_config.yaml", "gateway_proof.py")  # rendered and shipped by every release
_AUTO_STOP: Mapping[Any, str] = {True: "stop", False: "off"}
# Fly's own, where a fly.toml says nothing (facts on Fly.io, section 1).
_KILL = {"signal": "SIGINT", "timeout_s": 5}
_WITHOUT_EFFECT = {
    "mounts": "nothing here makes its volume: left out",
    "mount": "nothing here makes its volume: left out",
}
_NOT_RUN = "kept, but no deployment of this project does it"


@dataclass(slots=True)
class ImportedFly:
    """What a fly.toml became: fields of `Fly`, and what other settings are made of."""

    fly: dict[str, Any] = field(default_factory=dict)
    image: str | None = None
    command: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """The rows of `[[metrics]]`; who writes them by other settings takes them out."""
    internal_port: int | None = None
    changes: list[Change] = field(default_factory=list)


def import_fly(toml: Mapping[str, Any]) -> ImportedFly:
    """Return the settings that render this fly.toml; `toml` is plain data.

    What Fly does where a key is missing is written out, so that the project's own defaults do not
    change it: signals, size, strategy.
    """
    whole, made, extras = TomlTable(toml, ("fly",)), ImportedFly(), dict[str, Any]()
    app = whole.take("app", AppName)
    if app is not None:
        made.fly["app"] = app
    made.fly["kill"] = {
        "signal": whole.take("kill_signal", _SIGNALS) or _KILL["signal"],
        "timeout_s": whole.seconds("kill_timeout") or _KILL["timeout_s"],
    }
    _deploy(whole, made, extras)
    _build(whole, made, extras)
    _processes(whole, made, extras)
    _environment(whole, made)
    _service(whole, made, extras)
    _regions(whole, made)
    _files(whole, made, extras)
    made.metrics = [dict(row) for row in whole.rows("metrics", "metric")]
    _vm(whole, made, extras)
    for key, why in _WITHOUT_EFFECT.items():
        if whole.rest.pop(key, None):
            whole.lose(key, why)
    extras |= whole.keep()
    if extras:
        made.fly["extras"] = extras
    made.changes += whole.changes
    return made


def _deploy(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    deploy = whole.table("deploy")
    made.fly["strategy"] = deploy.take("strategy", Strategy) or Strategy.ROLLING.value
    wait = deploy.seconds("wait_timeout")
    made.fly |= {} if wait is None else {"wait_timeout_s": wait}
    for key in deploy.rest:
        deploy.lose(key, _NOT_RUN)
    _left(deploy, made, extras, "deploy")


def _build(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    build = whole.table("build")
    made.image = build.take("image", str)
    for key in build.rest:
        build.lose(key, _NOT_RUN)
    _left(build, made, extras, "build")


def _processes(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    """Take the group that runs LiteLLM; it becomes the one that a deployment rolls out."""
    groups = whole.table("processes")
    texts = {name: line for name, line in groups.rest.items() if isinstance(line, str)}
    chosen = next((name for name, line in texts.items() if CONFIG_FLAG in line), None)
    chosen = chosen if chosen is not None else next(iter(texts), None)
    if chosen is not None:
        made.command = groups.rest.pop(chosen)
        if chosen != GROUP:
            groups.lose(chosen, f"the process group is called {GROUP}")
        for name in groups.rest:
            groups.lose(name, f"kept, but only the group {GROUP} is deployed")
    _left(groups, made, extras, "processes")


def _environment(whole: TomlTable, made: ImportedFly) -> None:
    env = whole.table("env")
    for name, value in env.rest.items():
        if isinstance(value, Mapping | list):
            env.lose(name, "one value was expected: left out")
        else:
            made.environment[name] = go_text(value)
    made.changes += env.changes


def _service(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    http = whole.table("http_service")
    if not http.rest and "services" in whole.rest:
        http = _from_services(whole)
    fly = made.fly
    made.internal_port = http.take("internal_port", Port)
    http.rest.pop("processes", None)
    if http.rest and not http.take("force_https", bool):
        fly["force_https"] = False
    stop = http.rest.pop("auto_stop_machines", "off")
    stop = _AUTO_STOP[stop] if isinstance(stop, bool) else stop
    if stop in ("stop", "suspend"):
        fly["auto_stop"] = stop
    elif stop != "off":
        http.lose("auto_stop_machines", "no such choice: off is written")
    least = http.take("min_machines_running", _LEAST)
    fly["min_machines_running"] = least or 0
    concurrency = http.table("concurrency")
    limits = {
        key: concurrency.take(key, kind)
        for key, kind in (("type", _TYPES), ("soft_limit", Amount), ("hard_limit", Amount))
    }
    fly["concurrency"] = {key: value for key, value in limits.items() if value is not None}
    kept: dict[str, Any] = {}
    _left(concurrency, made, kept, "concurrency")
    checks = http.rows("checks")
    if checks:
        fly["check"] = _check(checks[0], made)
        if checks[1:]:
            kept["checks"] = [dict(row) for row in checks[1:]]
    _left(http, made, extras, "http_service", kept)


def _check(row: Mapping[str, Any], made: ImportedFly) -> dict[str, Any]:
    table = TomlTable(row, ("fly", "http_service", "checks", 0))
    found = {
        "path": table.take("path", HttpPath),
        "interval_s": table.seconds("interval"),
        "timeout_s": table.seconds("timeout"),
        "grace_period_s": table.seconds("grace_period"),
    }
    if str(table.rest.get("method", "GET")).upper() == "GET":
        table.rest.pop("method", None)
    rest = table.keep("kept as it stands in fly.check.extras")
    made.changes += table.changes
    fields = {key: value for key, value in found.items() if value is not None}
    return fields | ({"extras": rest} if rest else {})


def _from_services(whole: TomlTable) -> TomlTable:
    """Read the first of `[[services]]` as the `[http_service]` that says the same."""
    first, *others = whole.rows("services") or [{}]
    if others:
        whole.rest["services"] = [dict(row) for row in others]
    table = {
        key: value
        for key, value in first.items()
        if key not in ("ports", "http_checks", "protocol", "script_checks", "tcp_checks")
    }
    ports = first.get("ports", [])
    rows = [row for row in ports if isinstance(row, Mapping)] if isinstance(ports, list) else []
    table["force_https"] = any(row.get("force_https") is True for row in rows)
    tls = next((row["tls_options"] for row in rows if "tls_options" in row), None)
    table |= {} if tls is None else {"tls_options": tls}
    table |= {"checks": _in_text(first["http_checks"])} if first.get("http_checks") else {}
    made = TomlTable(table, ("fly", "http_service"))
    numbers = {row.get("port") for row in rows}
    if numbers != {80, 443} or first.get("tcp_checks") or first.get("script_checks"):
        said = "it becomes [http_service], which listens on 80 and 443 and is checked over HTTP"
        whole.changes.append(Change(("fly", "services", 0), Kind.LOST, said))
    else:
        said = "it becomes the [http_service] that says the same"
        whole.changes.append(Change(("fly", "services", 0), Kind.SAME, said))
    return made


def _in_text(checks: Any) -> list[dict[str, Any]]:
    """Write a bare number of a service's check, which counts milliseconds, as a duration."""
    rows = [row for row in checks if isinstance(row, Mapping)] if isinstance(checks, list) else []
    return [
        {
            key: f"{value}ms" if type(value) is int and key in _DURATIONS else value
            for key, value in row.items()
        }
        for row in rows
    ]


def _regions(whole: TomlTable, made: ImportedFly) -> None:
    """Count as many machines as must run; without effect on the rest, unless machines stop."""
    region, least = whole.take("primary_region", RegionCode), made.fly["min_machines_running"]
    count = max(least, 1)
    if region is not None:
        made.fly["regions"] = {region: count}
    if least == count or "auto_stop" not in made.fly:
        del made.fly["min_machines_running"]


def _files(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    kept = []
    for row in whole.rows("files"):
        path = ("fly", "files", str(row.get("guest_path")))
        local = str(row.get("local_path", ""))
        if row.get("local_path") and local.rpartition("/")[2].endswith((".yaml", ".yml")):
            said = f"{SHIPPED[0]} is rendered and shipped with every release"
            made.changes.append(Change(path, Kind.SAME, said))
        elif row.get("local_path"):
            said = "only rendered files are shipped: left out; bake it into the image"
            made.changes.append(Change(path, Kind.LOST, said))
        else:
            kept.append({**row, "processes": [GROUP]})
            made.changes.append(Change(path, Kind.EXTRA, "kept as it stands in fly.extras.files"))
    if kept:
        extras["files"] = kept


def _vm(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    """Take the table of our group's size; Fly's smallest machine where there is none."""
    rows = whole.rows("vm", "compute", "computes")
    ours = [row for row in rows if GROUP in (row.get("processes") or [])]
    general = [row for row in rows if not row.get("processes")]
    chosen = ours[-1] if ours else next(iter(general or rows), {})
    vm = TomlTable(chosen, ("fly", "vm", 0))
    vm.rest.pop("processes", None)
    size = vm.take("size", str) or guests.DEFAULT_SIZE
    memory = _memory(vm, size)
    made.fly |= {"size": size} | ({} if memory is None else {"memory_mb": memory})
    rest = vm.keep("kept as it stands in fly.vm")
    made.fly |= {"vm": rest} if rest else {}
    made.changes += vm.changes
    others = [dict(row) for row in rows if row is not chosen]
    if others:
        extras["vm"] = others
        said = f"kept, but only the group {GROUP} is deployed"
        made.changes.append(Change(("fly", "vm", 1), Kind.LOST, said))


def _memory(vm: TomlTable, size: str) -> int | None:
    value = vm.rest.pop("memory", None)
    value = vm.rest.pop("memory_mb", None) if value is None else value
    if value is None:
        known = guests.SIZES.get(size)
        return None if known is None else known.memory_mb
    try:
        found = guests.memory_mb(value)
    except (TypeError, ValueError):
        found = 0
    if not fits(MebiBytes, found):
        vm.lose("memory", "no size of memory: left out")
        return None
    return found


def _left(
    table: TomlTable,
    made: ImportedFly,
    extras: dict[str, Any],
    key: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Put what is left of a table among the extras."""
    told = {change.path[-1] for change in table.changes}
    rest = {**table.rest, **(more or {})}
    said = f"kept as it stands in fly.extras.{key}"
    made.changes += table.changes
    made.changes += [
        Change((*table.path, name), Kind.EXTRA, said) for name in rest if name not in told
    ]
    if rest:
        extras[key] = rest


_DURATIONS = ("interval", "timeout", "grace_period")
_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT")
_TYPES = ("requests", "connections")
_LEAST = range(1001)
