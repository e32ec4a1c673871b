"""How the `[http_service]` of a fly.toml, or its first `[[services]]`, becomes settings."""

from collections.abc import Mapping
from typing import Any

from fly.equivalence import AUTO_STOP
from fly.importing_table import ImportedFly, TomlTable, left
from stacks.importing import Change, Kind
from stacks.values import Amount, HttpPath, Port

_DURATIONS = ("interval", "timeout", "grace_period")
_TYPES = ("requests", "connections")
_LEAST = range(1001)


def import_service(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    """Read the service; what no setting says is put into `extras`."""
    http = whole.table("http_service")
    if not http.rest and "services" in whole.rest:
        http = _from_services(whole)
    fly, given = made.fly, bool(http.rest)
    made.internal_port = http.take("internal_port", Port)
    http.rest.pop("processes", None)
    if given and not http.take("force_https", (True, False)):
        fly["force_https"] = False
    stop = http.rest.pop("auto_stop_machines", "off")
    stop = AUTO_STOP[stop] if isinstance(stop, bool) else stop
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
    given_limits = {key: value for key, value in limits.items() if value is not None}
    fly |= {"concurrency": given_limits} if given_limits else {}
    kept: dict[str, Any] = {}
    left(concurrency, made, kept, "concurrency")
    checks = http.rows("checks")
    if checks:
        fly["check"] = _check(checks[0], made)
        if checks[1:]:
            kept["checks"] = [dict(row) for row in checks[1:]]
    left(http, made, extras, "http_service", kept)


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
