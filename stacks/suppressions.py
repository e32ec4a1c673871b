"""Which findings somebody decided to live with: where, why, and until when."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from stacks.dated_entries import Form, fits, read_dated_entries
from stacks.paths import Path
from stacks.problem import Problem, Severity
from stacks.rule import Result
from stacks.source import Source

SUPPRESSIONS_FILE = "suppressions.yaml"

_FORM = Form(
    top="suppressions",
    keys=("rule", "where", "environment", "reason", "until"),
    required=("rule", "reason", "until"),
    example='{rule: L004, where: "router_settings.*", reason: "why", until: 2027-03-31}',
    problem="suppressions.entry",
)

Spellings = Callable[[Path], Collection[str]]
"""The ways to write down where a finding is: a settings path, a key of the file."""


class Suppression(NamedTuple):
    """One entry: findings of `rule` at places that `where` matches count for nothing.

    `*` in `where` stands for any characters, everything else for itself. It holds on `until`, and
    no longer on the day after. `environment` None: in every one. `place` is where it is written.
    """

    rule: str
    reason: str
    until: date
    place: str
    where: str = "*"
    environment: str | None = None

    def expired(self, today: date) -> bool:
        """Tell whether the day has passed."""
        return today > self.until

    def concerns(self, environment: str | None) -> bool:
        """Tell whether it is about what is looked at; files belong to no environment."""
        return self.environment is None or self.environment == environment

    def covers(self, result: Result, spellings: Spellings) -> bool:
        """Tell whether a finding is one of those it is about."""
        if self.rule != result.rule_id:
            return False
        if self.where == "*":
            return True
        return any(fits(self.where, key) for key in spellings(result.finding.path))


class Applied(NamedTuple):
    """What is left of the findings, what was suppressed by which entry, what is wrong with these.

    An expired entry is an error and suppresses nothing; one that suppresses nothing is a warning.
    """

    kept: tuple[Result, ...]
    suppressed: tuple[tuple[Result, Suppression], ...] = ()
    problems: tuple[Problem, ...] = ()


def applied(
    results: Iterable[Result],
    suppressions: Sequence[Suppression],
    *,
    spellings: Spellings,
    environment: str | None,
    today: date,
) -> Applied:
    """Take the suppressed findings out; `environment` None says that none is looked at."""
    looked_at = [entry for entry in suppressions if entry.concerns(environment)]
    valid = [entry for entry in looked_at if not entry.expired(today)]
    kept: list[Result] = []
    suppressed: list[tuple[Result, Suppression]] = []
    for result in results:
        by = next((entry for entry in valid if entry.covers(result, spellings)), None)
        if by is None:
            kept.append(result)
        else:
            suppressed.append((result, by))
    used = {entry.place for _, entry in suppressed}
    problems = [_expired(entry, kept, spellings) for entry in looked_at if entry.expired(today)]
    problems += [_unused(entry, environment) for entry in valid if entry.place not in used]
    return Applied(tuple(kept), tuple(suppressed), tuple(problems))


def read_suppressions(
    raw: bytes, file: str, *, rule_ids: Collection[str]
) -> tuple[Suppression, ...]:
    """Return the entries of a file; `ProblemError` holds every mistake in it."""

    def known(source: Source, at: Path, entry: Mapping[str, Any]) -> Iterator[Problem]:
        rule = entry.get("rule")
        if rule and rule not in rule_ids:
            where = (*at, "rule")
            yield _FORM.mistake(source, where, str(rule), "no rule has this id", "gateway rules")

    return tuple(Suppression(**entry) for entry in read_dated_entries(raw, file, _FORM, known))


def _expired(entry: Suppression, kept: Sequence[Result], spellings: Spellings) -> Problem:
    again = sum(entry.covers(result, spellings) for result in kept)
    now = f"what it hid is told again ({again} found)" if again else "nothing breaks it any more"
    return Problem(
        entry.place,
        "suppressions.expired",
        f"{entry.rule} until {entry.until}",
        f'the day has passed, so {now}; the reason was "{entry.reason}"',
        "mend what it hid, or decide anew: a later `until`, and a reason that still holds"
        if again
        else "remove the entry",
    )


def _unused(entry: Suppression, environment: str | None) -> Problem:
    other = entry.environment is None and environment is not None
    return Problem(
        entry.place,
        "suppressions.unused",
        entry.rule + ("" if entry.where == "*" else f" at {entry.where}"),
        "nothing that was looked at breaks this rule there"
        + (f" in environment {environment}" if other else ""),
        "remove the entry" + (", or say which `environment` it is for" if other else ""),
        Severity.WARNING,
    )
