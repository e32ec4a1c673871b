"""What a fly.toml becomes, and a table of it that knows what nobody has read yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fly.durations import NS_PER_S, parse_ns
from stacks.importing import Change, Kind
from stacks.values import Seconds


@dataclass(slots=True)
class ImportedFly:
    """What a fly.toml became: fields of `Fly`, and what other settings are made of."""

    fly: dict[str, Any] = field(default_factory=dict)
    image: str | None = None
    command: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """The rows of `[[metrics]]`; who writes them by other settings takes them out."""
    internal_port: int | None = None
    changes: list[Change] = field(default_factory=list)


class TomlTable:
    """One table: `rest` is what nobody has read yet, `path` where it stands."""

    def __init__(self, table: Mapping[str, Any], path: tuple[str | int, ...]) -> None:
        self.rest = dict(table)
        self.path = path
        self.changes: list[Change] = []

    def take(self, key: str, kind: Any, *aliases: str) -> Any:
        """Take a value of a kind of settings away; None where there is none or it does not fit."""
        for name in (key, *aliases):
            if name in self.rest:
                value = self.rest.pop(name)
                if fits(kind, value):
                    return value
                self.lose(name, "no value that a setting can hold: left out")
        return None

    def seconds(self, key: str) -> int | None:
        """Take a duration away as whole seconds, above a half rounded up."""
        if key not in self.rest:
            return None
        value = self.rest.pop(key)
        try:
            nanoseconds = parse_ns(value) if isinstance(value, str) else self._counted(key, value)
        except (TypeError, ValueError):
            self.lose(key, "this is no duration: left out")
            return None
        found = max(1, round(nanoseconds / NS_PER_S))
        if found * NS_PER_S != nanoseconds or not fits(Seconds, found):
            found = min(found, 86400)
            self.lose(key, f"settings count whole seconds: {found} s are written")
        return found

    def _counted(self, key: str, value: Any) -> int:
        """Return the nanoseconds of a bare number: it counts them in a check, else seconds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        return int(value) * (NS_PER_S if key in ("kill_timeout", "wait_timeout") else 1)

    def table(self, key: str) -> "TomlTable":
        """Take a table away; what is left of it is put back by `keep`."""
        value = self.rest.pop(key, None)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is not None and not isinstance(value, Mapping):
            self.lose(key, "a table was expected: left out")
        return TomlTable(value if isinstance(value, Mapping) else {}, (*self.path, key))

    def rows(self, *keys: str) -> list[Mapping[str, Any]]:
        """Take an array of tables away; a single table counts as one row."""
        found: list[Mapping[str, Any]] = []
        for key in keys:
            value = self.rest.pop(key, [])
            rows = [value] if isinstance(value, Mapping) else value
            if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
                found += rows
            else:
                self.lose(key, "tables were expected: left out")
        return found

    def lose(self, key: str, text: str) -> None:
        """Tell of a key that is not expressed."""
        self.changes.append(Change((*self.path, key), Kind.LOST, text))

    def keep(self, said: str = "kept as it stands in fly.extras") -> dict[str, Any]:
        """Return what nothing has read, and tell that it stays as it is."""
        self.changes += [Change((*self.path, key), Kind.EXTRA, said) for key in self.rest]
        return self.rest


def fits(kind: Any, value: Any) -> bool:
    """Tell whether a setting of this kind, or this choice of values, takes the value."""
    if isinstance(kind, tuple | range):
        return any(type(value) is type(each) and value == each for each in kind)
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def left(
    table: TomlTable,
    made: ImportedFly,
    extras: dict[str, Any],
    key: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Put what is left of a table among the extras."""
    told = {change.path[-1] for change in table.changes}
    rest = {**table.rest, **(more or {})}
    said = f"kept as it stands in fly.extras.{key}"
    made.changes += table.changes
    made.changes += [
        Change((*table.path, name), Kind.EXTRA, said) for name in rest if name not in told
    ]
    if rest:
        extras[key] = rest
