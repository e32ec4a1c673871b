"""Which findings somebody decided to live with: where, why, and until when."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from stacks.paths import Path
from stacks.problem import Problem, ProblemError, Severity
from stacks.rule import Result
from stacks.source import Source
from stacks.source_yaml import read_yaml

SUPPRESSIONS_FILE = "suppressions.yaml"

_KEYS = ("rule", "where", "environment", "reason", "until")
_REQUIRED = ("rule", "reason", "until")
_FORM = '{rule: L004, where: "router_settings.*", reason: "why", until: 2027-03-31}'

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
    source = read_yaml(raw, file)
    problems = [
        problem
        for problem in source.problems
        if problem.severity is Severity.ERROR and problem.id not in _LEFT_TO_ENTRIES
    ]
    found: list[Suppression] = []
    for key in source.data:
        if key != "suppressions":
            problems.append(_mistake(source, (str(key),), str(key), *_OTHER_KEY))
    entries = source.data.get("suppressions", [])
    if not isinstance(entries, list):
        problems.append(_mistake(source, ("suppressions",), "", *_NO_LIST))
        entries = []
    for index, entry in enumerate(entries):
        mistakes = list(_mistakes(source, index, entry, rule_ids))
        problems += mistakes
        if not mistakes:
            found.append(_entry(source, index, entry))
    if problems:
        raise ProblemError(problems)
    return tuple(found)


_LEFT_TO_ENTRIES = ("source.empty", "source.value")  # nothing to suppress; no such day
_OTHER_KEY = ("the file has one key, `suppressions`", "remove it")
_NO_LIST = ("a list of entries is expected here", f"suppressions:\n    - {_FORM}")


def _mistakes(
    source: Source, index: int, entry: Any, rule_ids: Collection[str]
) -> Iterator[Problem]:
    at: Path = ("suppressions", index)
    if not isinstance(entry, Mapping):
        yield _mistake(source, at, "", "an entry is a mapping", f"write it as {_FORM}")
        return
    for key in entry:
        if key not in _KEYS:
            expected = f"an entry has the keys {', '.join(_KEYS)}"
            yield _mistake(source, (*at, str(key)), str(key), expected, "remove it")
    for key in _REQUIRED:
        if entry.get(key) in (None, ""):
            expected = f"an entry needs `{key}`"
            yield _mistake(source, at, "", expected, f"write it as {_FORM}")
    for key in ("where", "environment", "reason"):
        if not isinstance(entry.get(key, ""), str):
            shown = str(entry[key])
            yield _mistake(source, (*at, key), shown, "a text is expected here", "quote it")
    rule = entry.get("rule")
    if rule and rule not in rule_ids:
        yield _mistake(source, (*at, "rule"), str(rule), "no rule has this id", "gateway rules")
    until = entry.get("until")
    if until not in (None, "") and day_of(until) is None:
        expected = "a day is expected here, as year-month-day"
        yield _mistake(source, (*at, "until"), str(until), expected, "until: 2027-03-31")


def _entry(source: Source, index: int, entry: Mapping[str, Any]) -> Suppression:
    until = day_of(entry["until"])
    if until is None:  # _mistakes has looked
        raise ValueError(entry["until"])
    return Suppression(
        rule=entry["rule"],
        reason=entry["reason"],
        until=until,
        place=str(source.place(("suppressions", index))),
        where=entry.get("where", "*"),
        environment=entry.get("environment"),
    )


def fits(pattern: str, text: str) -> bool:
    """Tell whether a text is what a pattern says, in which `*` stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def day_of(value: Any) -> date | None:
    """Return a day as YAML or a text has it; None for what is no day."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _mistake(source: Source, path: Path, value: str, expected: str, next_step: str) -> Problem:
    place = f"{source.place(path)}: {_spelled(path)}"
    return Problem(place, "suppressions.entry", value, expected, next_step)


def _spelled(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


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
