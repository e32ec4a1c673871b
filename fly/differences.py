"""What differs between two configurations, property by property."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)

Step = str | int


class Missing(Enum):
    """The value of a property that is not there; JSON's null is a value."""

    MISSING = "(not set)"

    def __repr__(self) -> str:
        return self.value


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs; a side that lacks it holds `MISSING`."""

    steps: tuple[Step, ...]
    before: Any
    after: Any

    @property
    def path(self) -> str:
        """The property as people write it: `services[0].concurrency`, `files["/app/x.yaml"]`."""
        return property_path(self.steps)


def differences(before: Any, after: Any) -> tuple[Difference, ...]:
    """Return what differs between two JSON values, sorted by key, lists item by item.

    True and 1 differ; 1 and 1.0 do not. Equal values give an empty tuple.
    """
    return tuple(_walk((), before, after))


def property_path(steps: Sequence[Step]) -> str:
    """Write a path; a key that is no plain word is quoted in brackets."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def _walk(steps: tuple[Step, ...], before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _walk((*steps, key), before.get(key, MISSING), after.get(key, MISSING))
    elif _is_list(before) and _is_list(after):
        for index in range(max(len(before), len(after))):
            yield from _walk((*steps, index), _item(before, index), _item(after, index))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Difference(steps, before, after)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _item(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else MISSING
