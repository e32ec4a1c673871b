"""How flyctl reads a fly.toml's values: durations, commands, sizes, tables; keeps all mistakes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fly import commands, durations, guests
from stacks.problem import Problem, ProblemError

Table = Mapping[str, Any]
PLAIN_POWERS = (-4, 6)  # of ten, between which Go writes a float without an exponent
DURATION_HELP = 'write a number with its unit, such as "15s", "1m30s" or "500ms"'


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of one file and collects what is wrong with them.

    Every method answers something usable also for a bad value, so that all problems are found.
    """

    file: str = "fly.toml"
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, key: str, value: object, expected: str, next_step: str) -> None:
        """Keep one problem; `value` is quoted unless it is ""."""
        shown = f'"{value}"' if isinstance(value, str) and value else str(value)
        self.problems.append(Problem(f"{self.file}: {key}", "fly.toml", shown, expected, next_step))

    def check(self) -> None:
        """Raise `ProblemError` when anything was refused."""
        if self.problems:
            raise ProblemError(self.problems)

    def duration(self, table: Table, key: str, place: str, *, number_ns: int = 1) -> str | None:
        """Read a duration in Go's spelling; None when not set.

        A bare number counts `number_ns`: flyctl takes seconds for kill_timeout, milliseconds in
        [[services]] and [checks], and nanoseconds within [http_service].
        """
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return durations.format_ns(int(value) * number_ns)
        try:
            return durations.normalised(value) if value else None
        except (TypeError, ValueError):
            expected = "a duration in Go's spelling was expected"
            self.refuse(f"{place}.{key}".lstrip("."), value, expected, DURATION_HELP)
            return None

    def words(self, line: Any, place: str) -> list[str]:
        """Split a command line as flyctl does; "" has no words."""
        if not isinstance(line, str):
            self.refuse(place, line, "one command line was expected", "write it as one string")
            return []
        try:
            return commands.split(line)
        except ValueError as error:
            self.refuse(place, line, str(error), "close the quote, or escape it by a backslash")
            return []

    def tables(self, value: Any, place: str) -> list[Table]:
        """Read an array of tables; a single table counts as an array of one."""
        if value is None:
            return []
        rows = [value] if isinstance(value, Mapping) else value
        if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
            return list(rows)
        self.refuse(place, value, "a table was expected", f"write [{place}] and its keys below it")
        return []

    def table(self, value: Any, place: str) -> Table:
        """Read a table; an absent one is empty."""
        rows = self.tables(value, place)
        return rows[0] if rows else {}

    def integer(self, table: Table, key: str, place: str) -> int | None:
        """Read a whole number; None when not set."""
        value = table.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.refuse(f"{place}.{key}", value, "a whole number was expected", "write it bare")
        return None

    def memory_mb(self, table: Table, place: str) -> int | None:
        """Read `memory`, such as "4gb" or a number of MiB; None when not set."""
        value = table.get("memory")
        if value is None or value == "":
            return None
        try:
            size = guests.memory_mb(value)
        except (TypeError, ValueError):
            size = 0
        if size > 0:
            return size
        expected = "a memory size above zero was expected"
        self.refuse(f"{place}.memory", value, expected, 'write it such as "2gb" or "2048mb"')
        return None

    def strings(self, value: Any, place: str) -> list[str]:
        """Read one string or a list of them."""
        rows = [value] if isinstance(value, str) else value
        if rows is None or (isinstance(rows, list) and all(isinstance(row, str) for row in rows)):
            return list(rows or ())
        self.refuse(place, value, "strings were expected", 'write them as ["a", "b"]')
        return []


def go_text(value: Any) -> str:
    """Write a TOML scalar as Go's %v does: true, 4, 1.5, 1e+06."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _go_float(value)
    return str(value)


def kept(table: Table, keys: Sequence[str]) -> dict[str, Any]:
    """Pick the keys that are set to something other than Go's zero value."""
    return {key: table[key] for key in keys if table.get(key)}


def present(table: Table, keys: Sequence[str]) -> dict[str, Any]:
    """Pick the keys that are set, also to false or zero."""
    return {key: table[key] for key in keys if table.get(key) is not None}


def without_empty(table: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out null, empty lists and empty tables."""
    return {key: item for key, item in table.items() if item is not None and item not in ([], {})}


def without_zero(table: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out every zero value: null, 0, false and whatever is empty."""
    return {key: item for key, item in table.items() if item}


def _go_float(value: float) -> str:
    """Write a float with the fewest digits that tell it apart, from 1e6 on with an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    number = Decimal(repr(value)).normalize()
    sign, digits, _ = number.as_tuple()
    power = number.adjusted()
    if not value or PLAIN_POWERS[0] <= power < PLAIN_POWERS[1]:
        return f"{number:f}"
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else first
    return f"{'-' * sign}{mantissa}e{power:+03d}"
