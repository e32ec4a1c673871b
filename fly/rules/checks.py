"""Which health checks of a fly.toml ask for something else than they say."""

from collections.abc import Iterator
from dataclasses import dataclass

from fly.rules.reading import (
    CONTRACT,
    MS,
    VALIDATION_GO,
    Table,
    groups,
    named_groups,
    quoted,
    seconds,
    services,
    table,
    tables_in,
    toml_of,
    whole,
)
from stacks.configuration import Configuration
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Edit, Example, Finding, Put, Rule

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"}
)
LEAST_S, MOST_S = 1, 60  # what service checks are raised and lowered to
LEAST_OF_TOP_LEVEL_S = 2
FROM_MILLISECONDS = 1000  # a bare number from here on was hardly meant to count seconds
DURATIONS = ("interval", "timeout", "grace_period")
NS = 1
HTTP = "[http_service]\ninternal_port = 4000\n"


@dataclass(frozen=True, slots=True)
class Check:
    """One check; a bare number of its durations counts `number_ns`."""

    path: Path
    entry: Table
    number_ns: int
    http: bool
    top_level: bool = False


def checks_of(toml: Table) -> Iterator[Check]:
    """Yield every check: those of services, which gate routing, then top-level ones."""
    for path, service in services(toml):
        own = path == ("fly", "http_service")
        for key, http in (
            (("checks", True),) if own else (("http_checks", True), ("tcp_checks", False))
        ):
            for place, entry in tables_in(service.get(key), (*path, key)):
                yield Check(place, entry, NS if own else MS, http)
    for name, entry in table(toml.get("checks")).items():
        if isinstance(name, str):
            http = table(entry).get("type") == "http"
            yield Check(("fly", "checks", name), table(entry), MS, http, top_level=True)


def _bare_numbers(configuration: Configuration) -> Iterator[Finding]:
    for check in checks_of(toml_of(configuration)):
        if check.number_ns != NS:
            continue
        for key in DURATIONS:
            number = whole(check.entry.get(key))
            if not number:
                continue
            place = (*check.path, key)
            meant = f"{number}s" if number < FROM_MILLISECONDS else f"{number}ms"
            edits: tuple[Edit, ...] = ()
            if number < FROM_MILLISECONDS:
                edits = (Put(place, meant),)
            yield Finding(
                place,
                str(number),
                f"flyctl reads a bare number here as nanoseconds: {number} ns",
                f'write it with its unit: {key} = "{meant}"',
                edits,
            )


def _no_duration(configuration: Configuration) -> Iterator[Finding]:
    for check in checks_of(toml_of(configuration)):
        for key in DURATIONS:
            value = check.entry.get(key)
            if value is not None and value != "" and seconds(value, check.number_ns) is None:
                yield Finding(
                    (*check.path, key),
                    quoted(value),
                    "flyctl refuses it: this is no duration in Go's spelling",
                    'write a number with its unit, such as "15s", "1m30s" or "500ms"',
                )


def _out_of_bounds(configuration: Configuration) -> Iterator[Finding]:
    for check in checks_of(toml_of(configuration)):
        least = LEAST_OF_TOP_LEVEL_S if check.top_level else LEAST_S
        for key in DURATIONS:
            value = check.entry.get(key)
            found = seconds(value, check.number_ns)
            if found is None or (check.number_ns == NS and whole(value) is not None):
                continue
            place = (*check.path, key)
            if found > MOST_S:
                what = (
                    "flyctl refuses it" if check.top_level and key == "timeout" else "it is lowered"
                )
                yield Finding(place, quoted(value), f"{what}: 60 seconds is the most", 'set "60s"')
            elif key == "interval" and found < least:
                what = "flyctl refuses it" if check.top_level else "it is raised"
                yield Finding(place, quoted(value), f"{what}: {least} s is the least", 'set "15s"')


def _longer_than_interval(configuration: Configuration) -> Iterator[Finding]:
    for check in checks_of(toml_of(configuration)):
        interval = seconds(check.entry.get("interval"), check.number_ns)
        timeout = seconds(check.entry.get("timeout"), check.number_ns)
        if interval is not None and timeout is not None and timeout > interval > 0:
            yield Finding(
                (*check.path, "timeout"),
                quoted(check.entry.get("timeout")),
                "the next check begins before this one has ended (interval = "
                f"{quoted(check.entry.get('interval'))})",
                "set a time-out no longer than the interval, for example 5 s",
            )


def _request(configuration: Configuration) -> Iterator[Finding]:
    for check in checks_of(toml_of(configuration)):
        if not check.http:
            continue
        path, method = check.entry.get("path"), check.entry.get("method")
        if path is None or path == "":
            yield Finding(
                (*check.path, "path"),
                "",
                "flyctl sends the check without a path: it asks for something else than health",
                'set path = "/health/readiness"',
            )
        elif not isinstance(path, str) or not path.startswith("/"):
            yield Finding(
                (*check.path, "path"),
                quoted(path),
                "a path begins with a slash; flyctl sends any text",
                f'set path = "/{path}"' if isinstance(path, str) else "write it as one string",
                (Put((*check.path, "path"), f"/{path}"),) if isinstance(path, str) else (),
            )
        if method is not None and not _is_method(method):
            yield Finding(
                (*check.path, "method"),
                quoted(method),
                "this is no method of HTTP; flyctl sends any text",
                'set method = "GET"',
                (Put((*check.path, "method"), "GET"),),
            )


def _is_method(value: object) -> bool:
    return isinstance(value, str) and value.upper() in METHODS


def _groups(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known = groups(toml)
    for check in checks_of(toml):
        if not check.top_level:
            continue
        for position, name in named_groups(check.entry):
            if name not in known:
                yield Finding(
                    (*check.path, "processes", position),
                    quoted(name),
                    f"the process groups are {', '.join(known)}: flyctl drops this check unsaid",
                    "name one of them",
                )


def _no_check(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    if table(toml.get("deploy")).get("strategy") == "bluegreen":
        return  # an error of its own
    gated = any(not check.top_level for check in checks_of(toml))
    service = next(services(toml), None)
    if service is not None and not gated:
        yield Finding(
            (*service[0], "checks" if service[0] == ("fly", "http_service") else "http_checks"),
            "",
            "no check of a service: a deploy waits only until each machine has run for 10 s, and "
            "requests are routed to machines that are still booting; top-level [checks] gate "
            "nothing",
            'add a [[http_service.checks]] with path = "/health/readiness" and '
            'grace_period = "60s"',
        )


def _check(text: str) -> Example:
    return Example(fly=f'{HTTP}[[http_service.checks]]\npath = "/health/readiness"\n{text}\n')


RULES = (
    Rule(
        id="F020",
        title="A duration of a check counts nanoseconds",
        severity=Severity.ERROR,
        about="http_service.checks.interval",
        evidence=(CONTRACT,),
        remedy='Write durations with their unit: `"15s"`.',
        failing=_check("interval = 15"),
        passing=_check('interval = "15s"'),
        find=_bare_numbers,
    ),
    Rule(
        id="F021",
        title="A duration of a check is none",
        severity=Severity.ERROR,
        about="http_service.checks.interval",
        evidence=(CONTRACT,),
        remedy='Write durations with their unit: `"15s"`.',
        failing=_check('interval = "soon"'),
        passing=_check('interval = "15s"'),
        find=_no_duration,
    ),
    Rule(
        id="F022",
        title="A duration of a check is outside Fly's bounds",
        severity=Severity.WARNING,
        about="http_service.checks.timeout",
        evidence=(f"{VALIDATION_GO} (validateServiceCheckDurations)", CONTRACT),
        remedy="Stay between 1 s (2 s in top-level checks) and 60 s.",
        failing=_check('grace_period = "10m"'),
        passing=_check('grace_period = "60s"'),
        find=_out_of_bounds,
    ),
    Rule(
        id="F023",
        title="A check takes longer than the time between two",
        severity=Severity.WARNING,
        about="http_service.checks.timeout",
        evidence=(CONTRACT,),
        remedy="Set a time-out no longer than the interval.",
        failing=_check('interval = "5s"\ntimeout = "10s"'),
        passing=_check('interval = "15s"\ntimeout = "5s"'),
        find=_longer_than_interval,
    ),
    Rule(
        id="F024",
        title="A check asks for no path, or by no method",
        severity=Severity.ERROR,
        about="http_service.checks.path",
        evidence=(CONTRACT, "facts on LiteLLM, section 13.7"),
        remedy='Set `path = "/health/readiness"` and `method = "GET"`.',
        failing=Example(fly=f'{HTTP}[[http_service.checks]]\ninterval = "15s"\n'),
        passing=_check('interval = "15s"'),
        find=_request,
    ),
    Rule(
        id="F025",
        title="A check belongs to a process group that does not exist",
        severity=Severity.ERROR,
        about="checks.processes",
        evidence=(CONTRACT,),
        remedy="Name a group of `[processes]`.",
        failing=Example(
            fly='[processes]\napp = ""\n[checks.alive]\ntype = "tcp"\nport = 4000\n'
            'processes = ["web"]\n'
        ),
        passing=Example(
            fly='[processes]\napp = ""\n[checks.alive]\ntype = "tcp"\nport = 4000\n'
            'processes = ["app"]\n'
        ),
        find=_groups,
    ),
    Rule(
        id="F026",
        title="Nothing looks whether a new machine works",
        severity=Severity.WARNING,
        about="http_service.checks",
        evidence=(
            "facts on flyctl's contract, section 3 (measured): without a check only a smoke test",
            "facts on Fly, section 1.2: top-level checks do not gate routing",
        ),
        remedy="Add a check of the service.",
        failing=Example(fly=HTTP),
        passing=_check('interval = "15s"'),
        find=_no_check,
    ),
)
