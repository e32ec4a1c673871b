"""Which drift somebody decided to live with: whose decision, why, and until when."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from ops.drift_findings import Finding, Ignored
from stacks.dated_entries import Form, fits, read_dated_entries
from stacks.problem import Problem, Severity

IGNORE_FILE = "drift_ignore.yaml"

_FORM = Form(
    top="ignore",
    keys=("resource", "path", "environment", "owner", "reason", "until"),
    required=("resource", "owner", "reason", "until"),
    example='{resource: gateway-release, path: "machines.*.guest.memory_mb", owner: "who",'
    ' reason: "why", until: 2027-03-31}',
    problem="drift.ignore",
)


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


def read_entries(root: Path) -> tuple[Entry, ...]:
    """Return the entries of the project's file; none without one. `ProblemError` holds mistakes."""
    file = root / IGNORE_FILE
    if not file.is_file():
        return ()
    return entries_of(file.read_bytes())


def entries_of(raw: bytes) -> tuple[Entry, ...]:
    """Return the entries that a text holds; `ProblemError` holds every mistake in it."""
    return tuple(Entry(**entry) for entry in read_dated_entries(raw, IGNORE_FILE, _FORM))


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
