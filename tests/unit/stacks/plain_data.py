"""Documents as YAML and TOML can both hold them: what the tests of both readers generate."""

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
