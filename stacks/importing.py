"""What becomes of a file's keys when it is imported, and which values settings can hold at all."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from stacks.paths import Path


class Kind(StrEnum):
    """What was done with a place of a file.

    EXTRA: kept as it stands, among the extras of the settings. SECRET: its value becomes a secret,
    of which the settings hold the name. SAME: said in another way, or left out, with the same
    effect. LOST: not expressed, or expressed without effect.
    """

    EXTRA = "extra"
    SECRET = "secret"
    SAME = "same"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Change:
    """One place and what was done with it; `path` begins with a `Document`.

    `text` says it, without any value that may be a secret; `secret` is the name of a new secret.
    """

    path: Path
    kind: Kind
    text: str
    secret: str = ""


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, also in type: 1 is neither True nor 1.0."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(same(left, right) for left, right in pairs)
    return type(one) is type(other) and bool(one == other)


def plain(value: Any, path: Path, changes: list[Change]) -> Any:
    """Return `value` as settings can hold it; what YAML or TOML say beyond JSON is told."""
    if isinstance(value, Mapping):
        return {
            _key(key, path, changes): plain(item, (*path, _name(key)), changes)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item, (*path, index), changes) for index, item in enumerate(value)]
    finite = not isinstance(value, float) or math.isfinite(value)
    if finite and (value is None or isinstance(value, str | int | float)):
        return value
    if isinstance(value, set | frozenset):
        changes.append(Change(path, Kind.LOST, "a set becomes a list"))
        return sorted(map(str, value))
    return _as_text(value, path, changes)


def _as_text(value: Any, path: Path, changes: list[Change]) -> str:
    if isinstance(value, date | datetime | time):
        what, text = "a date", value.isoformat()
    elif isinstance(value, bytes):
        what, text = "binary data", value.decode("utf-8", "replace")
    else:
        what, text = "a value that no JSON can hold", str(value)
    changes.append(Change(path, Kind.LOST, f"{what} becomes a text"))
    return text


def _key(key: Any, path: Path, changes: list[Change]) -> str:
    if not isinstance(key, str):
        said = f"a key that is no text becomes one: {_name(key)}"
        changes.append(Change((*path, _name(key)), Kind.LOST, said))
    return _name(key)


def _name(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key)
