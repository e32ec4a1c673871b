"""What one difference between two LiteLLM configurations consists of, and what of it is shown."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stacks.paths import Path, spell
from stacks.secrecy import looks_like_secret, may_be_secret, shown

HIDDEN = "(not shown: it may be a secret)"
ABSENT = object()
"""Stands for what is not there; None is YAML's null."""

_REFERENCE = re.compile(r"os\.environ/[A-Za-z_][A-Za-z0-9_]*")
# These hold names of models, which are long and look random: only a known form of key hides them.
_NAMES = frozenset({"model", "model_name", "id", "base_model", "mode"})
_NUMBERS_TOO = re.compile(r"(?i)password|passphrase|secret|credential|(?:api|master|salt)_?key")
_DEPTH = 50  # levels; no configuration of LiteLLM has ten


class Kind(StrEnum):
    """What a difference is about.

    MODEL: a whole model group. DEPLOYMENT: one of a group's deployments, or something in it.
    CHAIN: the fallbacks of one group. ALIAS: another name of a group. PROBES: the hidden groups of
    the fallback proof. SETTING: any other place.
    """

    MODEL = "model"
    DEPLOYMENT = "deployment"
    CHAIN = "chain"
    ALIAS = "alias"
    PROBES = "probes"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; nothing in it is a secret.

    `path` is where it stands, with names in place of positions wherever LiteLLM goes by names:
    `("router_settings", "fallbacks", "xai/grok-4.3")`. `before` and `after` are plain data, None
    for what is not there. `sentence` says the whole of it, without a full stop.
    """

    kind: Kind
    path: Path
    before: Any
    after: Any
    sentence: str

    @property
    def place(self) -> str:
        """The path as people read it."""
        return spell(self.path)


def change(kind: Kind, path: Path, before: Any, after: Any, sentence: str) -> Change:
    """Make a change of values and a path that may hold secrets; `sentence` must hold none."""
    return Change(kind, shown_path(path), masked(path, before), masked(path, after), sentence)


def plain(value: Any, _above: tuple[int, ...] = ()) -> Any:
    """Return any parsed YAML as JSON can say it; what contains itself is cut where it begins."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if id(value) in _above or len(_above) >= _DEPTH:
            return "(nested too deep)"
        above = (*_above, id(value))
        if isinstance(value, Mapping):
            return {_text(key): plain(item, above) for key, item in value.items()}
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(item, above) for item in items]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def canonical(value: Any) -> str:
    """Return a text that is equal for equal plain data; 1, 1.0 and True are three values."""
    return "" if value is ABSENT else json.dumps(value, sort_keys=True)


def same(one: Any, other: Any) -> bool:
    """Tell whether two pieces of plain data say the same, whatever the order of their keys."""
    return canonical(one) == canonical(other)


def masked(path: Path, value: Any) -> Any:
    """Return plain data with a remark in place of everything that may be a secret."""
    if value is ABSENT:
        return None
    if isinstance(value, Mapping):
        return {shown_name(key): masked((*path, key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked((*path, index), item) for index, item in enumerate(value)]
    return HIDDEN if is_hidden(path, value) else value


def is_hidden(path: Path, value: Any) -> bool:
    """Tell whether a value had better not be shown: a reference to the environment may be."""
    if isinstance(value, str) and _REFERENCE.fullmatch(value):
        return False
    if isinstance(value, str):
        words = [part for part in path if isinstance(part, str)]
        is_name = bool(words) and words[-1] in _NAMES
        return looks_like_secret(value) if is_name else may_be_secret(path, value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and any(isinstance(part, str) and _NUMBERS_TOO.search(part) for part in path)


def shown_value(path: Path, value: Any) -> str:
    """Return a value as a sentence quotes it, shortened."""
    if is_hidden(path, value):
        return HIDDEN
    if isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value):
        return json.dumps(masked(path, value), ensure_ascii=False)
    return shown((), value) if not isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shown_name(name: str) -> str:
    """Return a name of a model or a key as it stands, unless it has the form of a secret."""
    return HIDDEN if looks_like_secret(name) else name


def shown_path(path: Iterable[str | int]) -> Path:
    """Return a path without the parts that have the form of a secret."""
    return tuple(shown_name(part) if isinstance(part, str) else part for part in path)


def _text(key: Any) -> str:
    return key if isinstance(key, str) else str(key)
