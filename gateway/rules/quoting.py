"""How a finding about LiteLLM quotes values and names: shortly, and never a secret's value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LONGEST = 60  # letters of a quoted value
NAMED = 5  # names of a list that are quoted


def shown(value: Any) -> str:
    """Return a setting's value as a reader of YAML knows it; only for what is no secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + listed(str(key) for key in value) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + listed(_short(item) for item in value) + "]"
    if isinstance(value, str):
        return f'"{_short(value)}"'
    return _short(value)


def listed(names: Iterable[str]) -> str:
    """Return `a, b, c`, of many the first few and how many more there are."""
    whole = list(names)
    rest = len(whole) - NAMED
    named = ", ".join(_short(name) for name in whole[:NAMED])
    return f"{named} and {rest} more" if rest > 0 else named or "none"


def did_you_mean(near: str | None, otherwise: str) -> str:
    """Return the next step for an unknown name."""
    return f'did you mean "{near}"? Otherwise {otherwise}' if near else otherwise


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "a list"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
