"""What a check found, each finding with its place, in the order in which a reader meets them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ops.check_input import Input, Location
from stacks.problem import Problem, Severity
from stacks.rule import Result
from stacks.suppressions import Applied, Suppression

_PLACE = re.compile(
    r"(?P<file>.+?):(?P<line>[0-9]+):(?P<column>[0-9]+)(?:: (?P<key>.*))?", re.DOTALL
)


class Entry(NamedTuple):
    """One finding as it is told; `fixable`: `--fix` can mend it. `suppression` hides it."""

    rule: str
    severity: Severity
    at: Location
    value: str
    expected: str
    next_step: str
    title: str = ""
    verified: bool = True
    fixable: bool = False
    suppression: Suppression | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON fields; a position that nobody knows is null."""
        hidden = self.suppression
        found: dict[str, Any] = {
            "rule": self.rule,
            "severity": self.severity.value,
            "file": self.at.file,
            "line": self.at.line or None,
            "column": self.at.column or None,
            "key": self.at.key,
            "value": self.value,
            "expected": self.expected,
            "next_step": self.next_step,
            "title": self.title,
            "verified": self.verified,
            "fixable": self.fixable,
        }
        if hidden is not None:
            found["suppressed"] = {
                "reason": hidden.reason,
                "until": hidden.until.isoformat(),
                "place": hidden.place,
            }
        return found


class Report(NamedTuple):
    """One check; `unread` is what could not be checked, and then nothing else was."""

    files: tuple[str, ...]
    version: str
    version_from: str
    rules: int
    entries: tuple[Entry, ...] = ()
    suppressed: tuple[Entry, ...] = ()
    unread: tuple[Entry, ...] = ()
    seconds: float = 0.0

    def number(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return Counter(entry.severity for entry in self.entries)[severity]

    def fails(self, fail_on: Severity) -> bool:
        """Tell whether the answer is no: an error, or with WARNING anything at all."""
        return any(fail_on is Severity.WARNING or e.severity is fail_on for e in self.entries)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "files": list(self.files),
            "version": self.version,
            "version_from": self.version_from,
            "rules": self.rules,
            "seconds": round(self.seconds, 3),
            "counts": {
                "error": self.number(Severity.ERROR),
                "warning": self.number(Severity.WARNING),
                "suppressed": len(self.suppressed),
            },
            "findings": [entry.as_json() for entry in self.entries],
            "suppressed": [entry.as_json() for entry in self.suppressed],
            "problems": [entry.as_json() for entry in self.unread],
        }


def report(
    given: Input,
    applied: Applied,
    *,
    rules: int,
    fixable: Iterable[Result] = (),
    seconds: float = 0,
) -> Report:
    """Put a report together; with files that could not be read, of them alone."""
    order = {file: position for position, file in enumerate(given.files)}
    version = given.configuration.version
    found = Report(given.files, version, given.version_from, rules, seconds=seconds)
    if given.unread:
        return found._replace(unread=_sorted(map(entry_of_problem, given.unread), order))
    mendable = {id(result) for result in fixable}
    entries = [_entry(result, given, fixable=id(result) in mendable) for result in applied.kept]
    told = {(entry.rule, entry.at) for entry in entries}
    problems = map(entry_of_problem, (*given.problems, *applied.problems))
    entries += [entry for entry in problems if (entry.rule, entry.at) not in told]
    hidden = [
        _entry(result, given, fixable=False)._replace(suppression=by)
        for result, by in applied.suppressed
    ]
    return found._replace(entries=_sorted(entries, order), suppressed=_sorted(hidden, order))


def entry_of_problem(problem: Problem) -> Entry:
    """Return what is told of a problem, whose place may be spelled with a position."""
    return Entry(
        problem.id,
        problem.severity,
        location(problem.place),
        problem.value,
        problem.expected,
        problem.next_step,
    )


def location(place: str) -> Location:
    """Read a place as problems spell it: `file:line:column: key`, `file: key`, `file`."""
    positioned = _PLACE.fullmatch(place)
    if positioned is not None:
        file, line, column, key = positioned.groups()
        return Location(file, int(line), int(column), key or "")
    file, _, key = place.partition(": ")
    return Location(file, key=key)


def _entry(result: Result, given: Input, *, fixable: bool) -> Entry:
    finding = result.finding
    return Entry(
        result.rule_id,
        result.severity,
        given.locate(finding.path),
        finding.value,
        finding.expected,
        given.next_step(result),
        result.title,
        result.verified,
        fixable,
    )


def _sorted(entries: Iterable[Entry], order: Mapping[str, int]) -> tuple[Entry, ...]:
    def place(entry: Entry) -> tuple[int, str, int, int, str, str]:
        at = entry.at
        return (order.get(at.file, len(order)), at.file, at.line, at.column, entry.rule, at.key)

    return tuple(sorted(entries, key=place))
