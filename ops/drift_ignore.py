"""Which drift somebody decided to live with: whose decision, why, and until when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ops.drift_findings import Finding, Ignored
from stacks.paths import Path, spell
from stacks.problem import Problem, ProblemError, Severity
from stacks.source import Source
from stacks.source_yaml import read_yaml
from stacks.suppressions import day_of, fits

IGNORE_FILE = "drift_ignore.yaml"

_KEYS = ("resource", "path", "environment", "owner", "reason", "until")
_REQUIRED = ("resource", "owner", "reason", "until")
_FORM = (
    '{resource: gateway-release, path: "machines.*.guest.memory_mb", owner: "who",'
    ' reason: "why", until: 2027-03-31}'
)
_EMPTY = ("source.empty", "source.value")  # nothing to ignore; no such day: told by the entries


class Entry(NamedTuple):
    """One decision; `*` in `resource` and `path` stands for any characters.

    It holds on `until` and no longer on the day after. `place` is where it is written.
    """

    resource: str
    owner: str
    reason: str
    until: date
    place: str
    path: str = "*"
    environment: str | None = None

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is one of those it is about."""
        return fits(self.resource, finding.resource) and fits(self.path, finding.path)


class Applied(NamedTuple):
    """What is left of the findings, what was ignored, and what is wrong with the entries."""

    kept: tuple[Finding, ...]
    ignored: tuple[Ignored, ...]
    problems: tuple[Problem, ...]


def read_entries(root: FilePath) -> tuple[Entry, ...]:
    """Return the entries of the project's file; none without one. `ProblemError` holds mistakes."""
    file = root / IGNORE_FILE
    if not file.is_file():
        return ()
    return entries_of(file.read_bytes())


def entries_of(raw: bytes) -> tuple[Entry, ...]:
    """Return the entries that a text holds; `ProblemError` holds every mistake in it."""
    source = read_yaml(raw, IGNORE_FILE)
    problems = [
        problem
        for problem in source.problems
        if problem.severity is Severity.ERROR and problem.id not in _EMPTY
    ]
    rows = source.data.get("ignore", [])
    for key in source.data:
        if key != "ignore":
            problems.append(
                _mistake(source, (str(key),), "", "the file has one key, `ignore`", "remove it")
            )
    if not isinstance(rows, list):
        expected = "a list of entries is expected here"
        problems.append(_mistake(source, ("ignore",), "", expected, f"ignore:\n    - {_FORM}"))
        rows = []
    found = []
    for index, row in enumerate(rows):
        mistakes = list(_mistakes(source, index, row))
        problems += mistakes
        until = None if mistakes else day_of(row["until"])
        if until is not None:
            place = str(source.place(("ignore", index)))
            values = {key: row[key] for key in row if key != "until"}
            found.append(Entry(**values, until=until, place=place))
    if problems:
        raise ProblemError(problems)
    return tuple(found)


def applied(
    findings: Iterable[Finding], entries: Sequence[Entry], *, environment: str, today: date
) -> Applied:
    """Take the ignored findings out; an expired entry ignores nothing and is an error."""
    concerned = [each for each in entries if each.environment in {None, environment}]
    valid = [each for each in concerned if today <= each.until]
    kept: list[Finding] = []
    ignored: list[Ignored] = []
    used: set[str] = set()
    for finding in findings:
        by = next((entry for entry in valid if entry.covers(finding)), None)
        if by is None:
            kept.append(finding)
        else:
            used.add(by.place)
            ignored.append(Ignored(finding, by.owner, by.reason, by.until.isoformat()))
    problems = [_expired(each, kept) for each in concerned if today > each.until]
    problems += [_unused(each) for each in valid if each.place not in used and each.environment]
    return Applied(tuple(kept), tuple(ignored), tuple(problems))


def _mistakes(source: Source, index: int, row: Any) -> Iterator[Problem]:
    at: Path = ("ignore", index)
    if not isinstance(row, Mapping):
        yield _mistake(source, at, "", "an entry is a mapping", f"write it as {_FORM}")
        return
    for key in row:
        if key not in _KEYS:
            expected = f"an entry has the keys {', '.join(_KEYS)}"
            yield _mistake(source, (*at, str(key)), "", expected, "remove it")
    for key in _REQUIRED:
        if row.get(key) in (None, ""):
            yield _mistake(source, at, "", f"an entry needs `{key}`", f"write it as {_FORM}")
    for key in _KEYS[:-1]:
        if row.get(key) not in (None, "") and not isinstance(row[key], str):
            yield _mistake(source, (*at, key), "", "a text is expected here", "quote it")
    until = row.get("until")
    if until not in (None, "") and day_of(until) is None:
        expected = "a day is expected here, as year-month-day"
        yield _mistake(source, (*at, "until"), str(until), expected, "until: 2027-03-31")


def _mistake(source: Source, path: Path, value: str, expected: str, next_step: str) -> Problem:
    place = f"{source.place(path)}: {spell(path)}"
    return Problem(place, "drift.ignore", value, expected, next_step)


def _expired(entry: Entry, kept: Sequence[Finding]) -> Problem:
    again = sum(entry.covers(finding) for finding in kept)
    now = f"what it hid is told again ({again} found)" if again else "nothing of it is left"
    return Problem(
        entry.place,
        "drift.ignore_expired",
        f"{entry.resource} {entry.path} until {entry.until}",
        f'the day has passed, so {now}; the reason of {entry.owner} was "{entry.reason}"',
        "mend what it hid, or decide anew: a later `until`, and a reason that still holds"
        if again
        else "remove the entry",
    )


def _unused(entry: Entry) -> Problem:
    return Problem(
        entry.place,
        "drift.ignore_unused",
        f"{entry.resource} {entry.path}",
        "nothing that was found is what it is about",
        "remove the entry",
        Severity.WARNING,
    )
