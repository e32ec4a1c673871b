"""What of a fly.toml's services Fly's proxy cannot do, and flyctl passes on in silence."""

from collections.abc import Iterator

from fly.rules.reading import (
    CONTRACT,
    VALIDATION_GO,
    Table,
    groups,
    named_groups,
    quoted,
    services,
    table,
    tables_in,
    toml_of,
    whole,
)
from stacks.configuration import Configuration
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule

MOST_PORT = 65535
TYPES = ("requests", "connections")
HTTP = "[http_service]\ninternal_port = 4000\n"
LIMITS = f'{HTTP}[http_service.concurrency]\ntype = "requests"\n'


def _port(configuration: Configuration) -> Iterator[Finding]:
    for path, service in services(toml_of(configuration)):
        value = service.get("internal_port")
        if value is None:
            yield Finding(
                (*path, "internal_port"),
                "",
                "flyctl leaves the port out, and no request reaches the machine",
                "set the port of the server: internal_port = 4000",
            )
        elif not 1 <= (whole(value) or 0) <= MOST_PORT:
            yield Finding(
                (*path, "internal_port"),
                quoted(value),
                f"a port is a whole number from 1 to {MOST_PORT}",
                "set the port of the server: internal_port = 4000",
            )


def _concurrency(configuration: Configuration) -> Iterator[tuple[Path, Table]]:
    for path, service in services(toml_of(configuration)):
        limits = service.get("concurrency")
        if limits is not None:
            yield (*path, "concurrency"), table(limits)


def _soft_above_hard(configuration: Configuration) -> Iterator[Finding]:
    for path, limits in _concurrency(configuration):
        soft, hard = whole(limits.get("soft_limit")), whole(limits.get("hard_limit"))
        if soft is not None and hard is not None and 1 <= hard <= soft:
            yield Finding(
                (*path, "soft_limit"),
                str(soft),
                f"the soft limit must be below the hard limit ({hard}): it is where Fly prefers "
                "another machine, the hard one is where it queues; flyctl accepts this unsaid",
                f"set {max(1, hard * 2 // 3)}, or raise the hard limit",
            )


def _impossible_limit(configuration: Configuration) -> Iterator[Finding]:
    for path, limits in _concurrency(configuration):
        for key in ("soft_limit", "hard_limit"):
            value = limits.get(key)
            if value is not None and (whole(value) or 0) < 1:
                yield Finding(
                    (*path, key),
                    quoted(value),
                    "a limit is a whole number above zero; flyctl sends any number",
                    "set a number of requests, or remove it",
                )
        kind = limits.get("type")
        if kind is not None and kind not in TYPES:
            yield Finding(
                (*path, "type"),
                quoted(kind),
                "Fly counts requests or connections; flyctl sends any text",
                'set type = "requests"',
                (Put((*path, "type"), "requests"),),
            )


def _stopped_machines(configuration: Configuration) -> Iterator[Finding]:
    for path, service in services(toml_of(configuration)):
        value = service.get("auto_stop_machines")
        if value is not True and value != "stop":
            continue
        least = whole(service.get("min_machines_running")) or 0
        if least < 1:
            yield Finding(
                (*path, "auto_stop_machines"),
                quoted(value),
                "Fly stops every machine that has nothing to do, and the next request waits for a "
                "boot: LiteLLM's takes 9 to 46 s (measured)",
                'set "off", or min_machines_running = 1 or more',
            )


def _negative_least(configuration: Configuration) -> Iterator[Finding]:
    for path, service in services(toml_of(configuration)):
        value = service.get("min_machines_running")
        if value is not None and (whole(value) is None or (whole(value) or 0) < 0):
            yield Finding(
                (*path, "min_machines_running"),
                quoted(value),
                "a number of machines is zero or more; flyctl sends any number",
                "set 1",
            )


def _groups(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known, declared = groups(toml), table(toml.get("processes"))
    for path, service in services(toml):
        if declared and not service.get("processes"):
            yield Finding(
                (*path, "processes"),
                "",
                "flyctl refuses a service that names no process group once [processes] exists",
                f"set processes = [{', '.join(map(quoted, known))}]",
                (Put((*path, "processes"), list(known)),) if len(known) == 1 else (),
            )
        for position, name in named_groups(service):
            if name not in known:
                yield Finding(
                    (*path, "processes", position),
                    quoted(name),
                    f"the process groups are {', '.join(known)}",
                    "name one of them",
                )


def _port_twice(configuration: Configuration) -> Iterator[Finding]:
    seen: dict[tuple[int, str], str] = {}
    for path, service in services(toml_of(configuration)):
        taken: list[tuple[Path, int]] = []
        if path == ("fly", "http_service"):
            taken = [(path, 80), (path, 443)]
        for place, port in tables_in(service.get("ports"), (*path, "ports")):
            number = whole(port.get("port"))
            if number is not None:
                taken.append(((*place, "port"), number))
        protocol = str(service.get("protocol") or "tcp")
        for place, number in taken:
            first = seen.setdefault((number, protocol), _name(place))
            if first != _name(place):
                yield Finding(
                    place,
                    str(number),
                    f"{first} has this port already, and only one service can be behind it",
                    "give each service a port of its own",
                )


def _name(path: Path) -> str:
    return ".".join(str(part) for part in path[1:])


def _limits(soft: int, hard: int) -> Example:
    return Example(fly=f"{LIMITS}soft_limit = {soft}\nhard_limit = {hard}\n")


RULES = (
    Rule(
        id="F011",
        title="A service has no port inside the machine",
        severity=Severity.ERROR,
        about="http_service.internal_port",
        evidence=(CONTRACT, "facts on LiteLLM, section 13.7"),
        remedy="Set the port that the server listens on.",
        failing=Example(fly="[http_service]\nforce_https = true\n"),
        passing=Example(fly=f"{HTTP}force_https = true\n"),
        find=_port,
    ),
    Rule(
        id="F012",
        title="The soft limit is not below the hard limit",
        severity=Severity.ERROR,
        about="http_service.concurrency.soft_limit",
        evidence=(CONTRACT, "facts on Fly, section 1.5: checked nowhere in internal/appconfig"),
        remedy="Set a soft limit below the hard one, for example two thirds of it.",
        failing=_limits(200, 150),
        passing=_limits(100, 150),
        find=_soft_above_hard,
    ),
    Rule(
        id="F013",
        title="A limit of concurrency is none",
        severity=Severity.ERROR,
        about="http_service.concurrency",
        evidence=(CONTRACT,),
        remedy="Set whole numbers above zero, and count requests or connections.",
        failing=_limits(-5, 150),
        passing=_limits(100, 150),
        find=_impossible_limit,
    ),
    Rule(
        id="F014",
        title="A request may have to wait for a machine to boot",
        severity=Severity.WARNING,
        about="http_service.auto_stop_machines",
        evidence=("facts on the local gateway, section 1 (measured)",),
        remedy='Set `auto_stop_machines = "off"`, or keep a machine running.',
        failing=Example(
            fly=f'{HTTP}auto_stop_machines = "stop"\nmin_machines_running = 0\n',
        ),
        passing=Example(fly=f'{HTTP}auto_stop_machines = "stop"\nmin_machines_running = 1\n'),
        find=_stopped_machines,
    ),
    Rule(
        id="F015",
        title="The least number of machines is none",
        severity=Severity.ERROR,
        about="http_service.min_machines_running",
        evidence=(CONTRACT,),
        remedy="Set zero or more.",
        failing=Example(fly=f"{HTTP}min_machines_running = -1\n"),
        passing=Example(fly=f"{HTTP}min_machines_running = 2\n"),
        find=_negative_least,
    ),
    Rule(
        id="F016",
        title="A service belongs to no process group",
        severity=Severity.ERROR,
        about="http_service.processes",
        evidence=(f"{VALIDATION_GO} (validateServicesSection)", CONTRACT),
        remedy='Set `processes = ["app"]`.',
        failing=Example(fly=f'[processes]\napp = "--port 4000"\n{HTTP}'),
        passing=Example(fly=f'[processes]\napp = "--port 4000"\n{HTTP}processes = ["app"]\n'),
        find=_groups,
    ),
    Rule(
        id="F017",
        title="Two services share one public port",
        severity=Severity.ERROR,
        about="services.ports.port",
        evidence=(CONTRACT,),
        remedy="Give each service a port of its own.",
        failing=Example(
            fly=f"{HTTP}[[services]]\ninternal_port = 4001\n[[services.ports]]\nport = 443\n"
        ),
        passing=Example(
            fly=f"{HTTP}[[services]]\ninternal_port = 4001\n[[services.ports]]\nport = 8443\n"
        ),
        find=_port_twice,
    ),
)
