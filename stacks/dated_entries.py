"""A file of decisions that hold until a day: how its entries are written, and mistakes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from stacks.paths import Path, spell
from stacks.problem import Problem, ProblemError, Severity
from stacks.source import Source
from stacks.source_yaml import read_yaml

_LEFT_TO_ENTRIES = ("source.empty", "source.value")  # nothing decided; no such day


@dataclass(frozen=True, slots=True)
class Form:
    """How the entries of one kind of file are written.

    They stand in a list under `top`. Of `keys`, all texts beside `until`, those in `required` are
    needed; `example` is an entry; `problem` the id of every mistake.
    """

    top: str
    keys: tuple[str, ...]
    required: tuple[str, ...]
    example: str
    problem: str

    def mistake(
        self, source: Source, path: Path, value: str, expected: str, next_step: str
    ) -> Problem:
        """Return a mistake at a place of the file."""
        place = f"{source.place(path)}: {spell(path)}"
        return Problem(place, self.problem, value, expected, next_step)


Look = Callable[[Source, Path, Mapping[str, Any]], Iterator[Problem]]
"""What else may be wrong with an entry at a path, if its shape is right."""


def read_dated_entries(
    raw: bytes, file: str, form: Form, look: Look | None = None
) -> tuple[dict[str, Any], ...]:
    """Return the entries of a file: what each says, `until` as a day, and `place`, where it is.

    `ProblemError` holds every mistake in the file.
    """
    source = read_yaml(raw, file)
    problems = [
        problem
        for problem in source.problems
        if problem.severity is Severity.ERROR and problem.id not in _LEFT_TO_ENTRIES
    ]
    for key in source.data:
        if key != form.top:
            expected = f"the file has one key, `{form.top}`"
            problems.append(form.mistake(source, (str(key),), str(key), expected, "remove it"))
    rows = source.data.get(form.top, [])
    if not isinstance(rows, list):
        step = f"{form.top}:\n    - {form.example}"
        expected = "a list of entries is expected here"
        problems.append(form.mistake(source, (form.top,), "", expected, step))
        rows = []
    found = []
    for index, row in enumerate(rows):
        at: Path = (form.top, index)
        mistakes = [*_mistakes(source, at, row, form)]
        if look is not None and isinstance(row, Mapping):
            mistakes += look(source, at, row)
        problems += mistakes
        if not mistakes:
            given = {key: value for key, value in row.items() if value not in (None, "")}
            found.append({**given, "until": day_of(row["until"]), "place": str(source.place(at))})
    if problems:
        raise ProblemError(problems)
    return tuple(found)


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


def _mistakes(source: Source, at: Path, row: Any, form: Form) -> Iterator[Problem]:
    write_it = f"write it as {form.example}"
    if not isinstance(row, Mapping):
        yield form.mistake(source, at, "", "an entry is a mapping", write_it)
        return
    for key in row:
        if key not in form.keys:
            expected = f"an entry has the keys {', '.join(form.keys)}"
            yield form.mistake(source, (*at, str(key)), str(key), expected, "remove it")
    for key in form.required:
        if row.get(key) in (None, ""):
            yield form.mistake(source, at, "", f"an entry needs `{key}`", write_it)
    for key in form.keys:
        given = row.get(key)
        if key != "until" and given not in (None, "") and not isinstance(given, str):
            expected = "a text is expected here"
            yield form.mistake(source, (*at, key), str(given), expected, "quote it")
    until = row.get("until")
    if until not in (None, "") and day_of(until) is None:
        expected = "a day is expected here, as year-month-day"
        yield form.mistake(source, (*at, "until"), str(until), expected, "until: 2027-03-31")
