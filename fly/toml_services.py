"""How the services and checks of a fly.toml become those of a machine configuration."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fly.durations import UNITS_NS
from fly.toml_values import Reader, Table, go_text, kept, present

MS = UNITS_NS["ms"]  # what a bare number counts in [[services]] and [checks]
NS = 1  # and within [http_service]

AUTOSTOP: dict[Any, bool | str] = {
    "off": False,
    "stop": True,
    "suspend": "suspend",
    False: False,
    True: True,
}
CHECK_DURATIONS = ("interval", "timeout", "grace_period")
CHECK_TEXTS = ("method", "path", "protocol", "tls_skip_verify", "tls_server_name")


@dataclass(frozen=True, slots=True)
class Groups:
    """The process groups of a fly.toml; what names no group belongs to the `default` one."""

    names: tuple[str, ...]
    default: str

    def match(self, group: str, table: Table) -> bool:
        """Tell whether what the table describes is for this group."""
        processes = table.get("processes") or [""]
        return any((name or self.default) == group for name in processes)


def services(reader: Reader, toml: Table, groups: Groups, group: str) -> list[dict[str, Any]]:
    """Return the group's services: that of [http_service] first, then [[services]] in order."""
    made = []
    http = reader.table(toml.get("http_service"), "http_service")
    if http:
        check_processes(reader, toml, groups, http, "http_service")
        if groups.match(group, http):
            made.append(_http_service(reader, http))
    for index, service in enumerate(reader.tables(toml.get("services"), "services")):
        place = f"services[{index}]"
        check_processes(reader, toml, groups, service, place)
        if groups.match(group, service):
            made.append(_service(reader, service, place))
    return made


def checks(reader: Reader, toml: Table, groups: Groups, group: str) -> dict[str, Any]:
    """Return the group's [checks]; one without a port takes that of the group's http_service."""
    http = reader.table(toml.get("http_service"), "http_service")
    fallback = http.get("internal_port") if http and groups.match(group, http) else None
    made = {}
    for name, check in reader.table(toml.get("checks"), "checks").items():
        if not groups.match(group, check):
            continue
        place = f"checks.{name}"
        port = check.get("port", fallback)
        if port is None:
            reader.refuse(
                f"{place}.port", "", "the group has no http_service to take a port from", "set it"
            )
        if check.get("type") not in {"http", "tcp"}:
            expected = '"http" or "tcp" was expected'
            reader.refuse(f"{place}.type", check.get("type", ""), expected, 'set type = "http"')
        row = {"port": port, "type": check.get("type"), **_check(reader, check, place, MS)}
        if isinstance(row.get("method"), str):
            row["method"] = row["method"].upper()
        made[name] = row
    return made


def check_processes(reader: Reader, toml: Table, groups: Groups, table: Table, place: str) -> None:
    """Refuse what flyctl refuses: a service that names no group, or one that does not exist."""
    named = table.get("processes") or []
    if toml.get("processes") and not named:
        reader.refuse(
            f"{place}.processes",
            "",
            "flyctl wants each service to name its groups once [processes] exists",
            f"set processes = [{', '.join(repr(name) for name in groups.names)}]",
        )
    for name in named:
        if name not in groups.names:
            expected = f"the process groups are {', '.join(groups.names)}"
            reader.refuse(f"{place}.processes", name, expected, "name one of them")


def _http_service(reader: Reader, http: Table) -> dict[str, Any]:
    place = "http_service"
    options = _mapped(http, "http_options", _http_options)
    http_port = {"port": 80, "handlers": ["http"], **kept(http, ["force_https"]), **options}
    tls = _mapped(http, "tls_options", _tls_options)
    https_port = {"port": 443, "handlers": ["http", "tls"], **tls, **options}
    return {
        "protocol": "tcp",
        **_common(reader, http, place),
        "ports": [http_port, https_port],
        **_listed(_http_checks(reader, http.get("checks"), f"{place}.checks", NS)),
        **_mapped(http, "concurrency", _concurrency),
        "force_instance_key": None,
    }


def _service(reader: Reader, service: Table, place: str) -> dict[str, Any]:
    tcp = [
        {"type": "tcp", **_durations(reader, check, f"{place}.tcp_checks[{index}]", MS)}
        for index, check in enumerate(
            reader.tables(service.get("tcp_checks"), f"{place}.tcp_checks")
        )
    ]
    http = _http_checks(reader, service.get("http_checks"), f"{place}.http_checks", MS)
    ports = [_port(port) for port in reader.tables(service.get("ports"), f"{place}.ports")]
    return {
        **kept(service, ["protocol"]),
        **_common(reader, service, place),
        **({"ports": ports} if ports else {}),
        **_listed([*tcp, *http]),
        **_mapped(service, "concurrency", _concurrency),
        "force_instance_key": None,
    }


def _common(reader: Reader, table: Table, place: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if port := reader.integer(table, "internal_port", place):
        made["internal_port"] = port
    autostop = table.get("auto_stop_machines")
    if isinstance(autostop, bool | str) and autostop in AUTOSTOP:
        made["autostop"] = AUTOSTOP[autostop]
    elif autostop is not None:
        expected = '"off", "stop" or "suspend" was expected'
        reader.refuse(f"{place}.auto_stop_machines", autostop, expected, 'set "off" to keep it on')
    if table.get("auto_start_machines") is not None:
        made["autostart"] = table["auto_start_machines"]
    return made | present(table, ["min_machines_running"])


def _port(port: Table) -> dict[str, Any]:
    return {
        **present(port, ["port", "start_port", "end_port"]),
        **kept(port, ["handlers", "force_https"]),
        **_mapped(port, "tls_options", _tls_options),
        **_mapped(port, "http_options", _http_options),
        **_mapped(port, "proxy_proto_options", lambda options: kept(options, ["version"])),
    }


def _concurrency(table: Table) -> dict[str, Any]:
    return kept(table, ["type", "hard_limit", "soft_limit"])


def _tls_options(table: Table) -> dict[str, Any]:
    return {**kept(table, ["alpn", "versions"]), **present(table, ["default_self_signed"])}


def _http_options(table: Table) -> dict[str, Any]:
    return {
        **present(table, ["compress", "h2_backend", "idle_timeout", "headers_read_timeout"]),
        **_mapped(table, "response", _http_response),
        **kept(table, ["replay_cache"]),
    }


def _http_response(table: Table) -> dict[str, Any]:
    return {**kept(table, ["headers"]), **present(table, ["pristine"])}


def _mapped(
    table: Table, key: str, make: Callable[[Table], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    return {key: make(table[key])} if isinstance(table.get(key), dict) else {}


def _http_checks(reader: Reader, value: Any, place: str, number_ns: int) -> list[dict[str, Any]]:
    return [
        {"type": "http", **_check(reader, check, f"{place}[{index}]", number_ns)}
        for index, check in enumerate(reader.tables(value, place))
    ]


def _check(reader: Reader, check: Table, place: str, number_ns: int) -> dict[str, Any]:
    return {
        **_durations(reader, check, place, number_ns),
        **present(check, CHECK_TEXTS),
        **_headers(reader, check.get("headers"), f"{place}.headers"),
    }


def _durations(reader: Reader, check: Table, place: str, number_ns: int) -> dict[str, Any]:
    read = {key: reader.duration(check, key, place, number_ns=number_ns) for key in CHECK_DURATIONS}
    return {key: text for key, text in read.items() if text is not None}


def _headers(reader: Reader, value: Any, place: str) -> dict[str, Any]:
    """Read headers, a table or the older list of {name, value}, sorted by name."""
    if isinstance(value, list):
        rows = reader.tables(value, place)
        pairs: Iterable[tuple[str, Any]] = [
            (str(row.get("name", "")), row.get("value", "")) for row in rows
        ]
    else:
        pairs = reader.table(value, place).items()
    headers = [{"name": name, "values": [go_text(text)]} for name, text in sorted(pairs)]
    return {"headers": headers} if headers else {}


def _listed(checks_: list[dict[str, Any]]) -> dict[str, Any]:
    return {"checks": checks_} if checks_ else {}
