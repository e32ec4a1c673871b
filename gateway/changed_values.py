"""How two values at one place differ: key by key, and said with the place in front."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.change import (
    ABSENT,
    HIDDEN,
    Change,
    Kind,
    canonical,
    change,
    is_hidden,
    same,
    shown_name,
    shown_path,
    shown_value,
)
from stacks.paths import Path, spell

# Sets of names, which may also be one text (LiteLLM's loader makes a list of it).
_CALLBACKS = frozenset({"callbacks", "success_callback", "failure_callback", "service_callback"})


def value_changes(
    path: Path, before: Any, after: Any, *, kind: Kind = Kind.SETTING, at: str | None = None
) -> Iterator[Change]:
    """Yield each difference of two pieces of plain data; ABSENT stands for nothing there.

    `at` is how sentences name the place; without it they spell `path`.
    """
    if same(before, after):
        return
    said = spell(shown_path(path)) if at is None else at
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{said}.{shown_name(key)}" if said else shown_name(key)
            values = before.get(key, ABSENT), after.get(key, ABSENT)
            yield from value_changes((*path, key), *values, kind=kind, at=inner)
    elif path and path[-1] in _CALLBACKS:
        yield from _callback_changes(path, before, after, said)
    elif _are_trees(before, after):
        for index in range(max(len(before), len(after))):
            old, new = (side[index] if index < len(side) else ABSENT for side in (before, after))
            yield from value_changes((*path, index), old, new, kind=kind, at=f"{said}[{index}]")
    else:
        yield change(kind, path, before, after, _sentence(said, path, before, after))


def _are_trees(before: Any, after: Any) -> bool:
    """Tell whether both are lists of which any has structure: they are compared item by item."""
    both = isinstance(before, list) and isinstance(after, list)
    return both and any(isinstance(item, Mapping | list) for item in [*before, *after])


def _callback_changes(path: Path, before: Any, after: Any, said: str) -> Iterator[Change]:
    old, new = (Counter(map(canonical, _as_list(value))) for value in (before, after))
    if old == new:
        return
    names = {canonical(name): name for side in (before, after) for name in _as_list(side)}
    parts = [
        f"{verb} {', '.join(shown_value(path, names[text]) for text in texts)}"
        for verb, texts in (("lost", old - new), ("gained", new - old))
        if texts
    ]
    yield change(Kind.SETTING, path, before, after, f"{said} {' and '.join(parts)}")


def _as_list(value: Any) -> list[Any]:
    if value is ABSENT or value is None:
        return []
    return value if isinstance(value, list) else [value]


def _sentence(said: str, path: Path, before: Any, after: Any) -> str:
    said = said or "the configuration"
    if before is ABSENT:
        return f"{said} is new: {shown_value(path, after)}"
    if after is ABSENT:
        return f"{said} is gone (it was {shown_value(path, before)})"
    if is_hidden(path, before) and is_hidden(path, after):
        return f"{said} has another value {HIDDEN}"
    return f"{said}: {shown_value(path, before)} -> {shown_value(path, after)}"
