"""Documents as YAML and TOML can both hold them: what the tests of both readers generate."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from stacks.paths import Path

KEYS = st.sampled_from(
    [
        "a",
        "b",
        "model_list",
        "fallbacks",
        "xai/grok-4.3",
        "*",
        "a b",
        "é😀",
        "404",
        "yes",
        "a.b",
        "",
    ]
)
TEXTS = st.sampled_from(
    ["", "x", "yes", "12", "# no", "a: b", "- x", "'", '"', "two\nlines", "é😀", " edge ", "{", "*"]
)


def documents(*, null: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings of text, numbers, truth, lists and mappings; `null` also holds None."""
    leaves: st.SearchStrategy[Any] = TEXTS | st.integers(-9, 9999) | st.booleans() | st.just(0.5)
    if null:
        leaves |= st.none()
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(KEYS, values, min_size=1, max_size=4)


def paths_below(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every path into a document, with what stands there."""
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for part, value in entries:
        yield (*path, part), value
        if isinstance(value, dict | list):
            yield from paths_below(value, (*path, part))


def as_toml(document: dict[str, Any], style: str = "tables") -> str:
    """Return a document as TOML: tables under headers, by dotted keys, or in braces."""
    return "".join(_toml_lines(document, (), style))


def _toml_lines(table: dict[str, Any], names: tuple[str, ...], style: str) -> Iterator[str]:
    tables = {}
    for key, value in table.items():
        headers = style == "tables" and value and _is_table_or_tables(value)
        if headers:
            tables[key] = value
        elif style == "dotted" and isinstance(value, dict) and value:
            yield from (f"{quoted(key)}.{line}" for line in _toml_lines(value, (), style))
        else:
            yield f"{quoted(key)} = {inline(value, lines=style == 'tables')}\n"
    for key, value in tables.items():
        inner = (*names, key)
        header = ".".join(map(quoted, inner))
        for entry in value if isinstance(value, list) else [value]:
            yield f"\n[[{header}]]\n" if isinstance(value, list) else f"\n[{header}] # table\n"
            yield from _toml_lines(entry, inner, style)


def _is_table_or_tables(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and all(isinstance(it, dict) and it for it in value)
    )


def quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def inline(value: Any, *, lines: bool = True) -> str:
    """Return a value as TOML; a list in several lines or in one."""
    if isinstance(value, dict):
        pairs = (f"{quoted(key)} = {inline(it, lines=lines)}" for key, it in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list) and lines:
        return "[\n" + "".join(f"  {inline(it)}, # entry\n" for it in value) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(inline(it, lines=False) for it in value) + "]"
    return quoted(value)
