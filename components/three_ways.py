"""What differs between what was applied, what is there and what is wanted, property by property."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fly.differences import MISSING, Step, differences, property_path


@dataclass(frozen=True, slots=True)
class Move:
    """One property of which not all three say the same; `MISSING` stands for one that is not set.

    `actual` and `desired` are never equal here: where reality and program went the same way,
    nothing is left to do.
    """

    steps: tuple[Step, ...]
    recorded: Any = field(repr=False)
    actual: Any = field(repr=False)
    desired: Any = field(repr=False)

    @property
    def path(self) -> str:
        """The property as people write it."""
        return property_path(self.steps)

    @property
    def reality(self) -> bool:
        """Whether what is there is not what was applied."""
        return not same(self.recorded, self.actual)

    @property
    def program(self) -> bool:
        """Whether what is wanted is not what was applied."""
        return not same(self.recorded, self.desired)


def moves(recorded: Any, actual: Any, desired: Any) -> tuple[Move, ...]:
    """Return every property in which what is there is not what is wanted, sorted by key.

    Three JSON values, any of them `MISSING`. Each is told at the deepest place at which it still
    has a value to tell; equal values give an empty tuple.
    """
    return tuple(_walk((), recorded, actual, desired))


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal, with True apart from 1."""
    return not differences(one, other)


def _walk(steps: tuple[Step, ...], recorded: Any, actual: Any, desired: Any) -> Iterator[Move]:
    three = (recorded, actual, desired)
    if all(isinstance(value, Mapping) for value in three):
        for key in sorted(recorded.keys() | actual.keys() | desired.keys()):
            parts = (value.get(key, MISSING) for value in three)
            yield from _walk((*steps, key), *parts)
    elif all(isinstance(value, list | tuple) for value in three):
        for index in range(max(len(value) for value in three)):
            items = (v[index] if index < len(v) else MISSING for v in three)
            yield from _walk((*steps, index), *items)
    elif same(actual, desired):
        return
    elif same(recorded, desired):
        for found in differences(recorded, actual):
            yield Move((*steps, *found.steps), found.before, found.after, found.before)
    elif same(recorded, actual):
        for found in differences(recorded, desired):
            yield Move((*steps, *found.steps), found.before, found.before, found.after)
    else:
        yield Move(steps, recorded, actual, desired)
