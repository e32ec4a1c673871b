"""How rules look at a fly.toml as a parser left it: tables of any shape, groups, durations."""

from collections.abc import Iterator, Mapping
from typing import Any

from fly.durations import UNITS_NS, parse_ns
from fly.machine_config import DEFAULT_GROUP
from stacks.configuration import Configuration
from stacks.paths import Path

Table = Mapping[str, Any]
Placed = tuple[Path, Table]
"""A table and where it stands."""

EMPTY: Table = {}
VM_KEYS = ("vm", "compute", "computes")  # flyctl takes all three, in this order of newness
METRICS_KEYS = ("metrics", "metric")
MS = UNITS_NS["ms"]
S = UNITS_NS["s"]
LIMIT = 2**63  # TOML's numbers have 64 bits
SHOWN = 60  # letters of a value that are quoted
CONTRACT = "facts on flyctl's contract, section 5 (measured)"
CONFIG_GO = "superfly/flyctl internal/appconfig/config.go"
VALIDATION_GO = "superfly/flyctl internal/appconfig/validation.go"


def toml_of(configuration: Configuration) -> Table:
    """Return the fly.toml, empty where there is none."""
    return table(configuration.fly)


def table(value: Any) -> Table:
    """Return `value` if it is a table, else an empty one."""
    return value if isinstance(value, Mapping) else EMPTY


def tables(toml: Table, *keys: str) -> Iterator[Placed]:
    """Yield each table below these keys; flyctl takes a single one for an array of one."""
    for key in keys:
        yield from tables_in(toml.get(key), ("fly", key))


def tables_in(value: Any, path: Path) -> Iterator[Placed]:
    """Yield each table of an array, or the single table that stands for one."""
    if isinstance(value, Mapping):
        yield path, value
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            if isinstance(entry, Mapping):
                yield (*path, index), entry


def services(toml: Table) -> Iterator[Placed]:
    """Yield `[http_service]`, then each of `[[services]]`."""
    http = toml.get("http_service")
    if isinstance(http, Mapping):
        yield ("fly", "http_service"), http
    yield from tables(toml, "services")


def groups(toml: Table) -> tuple[str, ...]:
    """Return the names of the process groups, of which there is always one."""
    return tuple(str(name) for name in table(toml.get("processes"))) or (DEFAULT_GROUP,)


def named_groups(entry: Table) -> list[tuple[int, str]]:
    """Return the process groups that a table names, each with its position."""
    named = entry.get("processes")
    rows = named if isinstance(named, list | tuple) else ()
    return [(index, name) for index, name in enumerate(rows) if isinstance(name, str)]


def whole(value: Any) -> int | None:
    """Return a whole number that TOML can write; truth values and texts are none."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return value if number and abs(value) < LIMIT else None


def nanoseconds(value: Any, number_ns: int) -> int | None:
    """Read a duration; a bare number counts `number_ns`. None for what is no duration."""
    if isinstance(value, str):
        try:
            return parse_ns(value)
        except (ValueError, ArithmeticError):
            return None
    number = whole(value)
    return None if number is None else number * number_ns


def seconds(value: Any, number_ns: int = S) -> float | None:
    """Read a duration into seconds; None for what is no duration."""
    found = nanoseconds(value, number_ns)
    return None if found is None else found / S


def quoted(value: Any) -> str:
    """Return a value as TOML writes it, of a long one its beginning."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "an array"
    try:
        text = str(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"
    short = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return f'"{short}"' if isinstance(value, str) else short
