import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stacks.gateway import DEFINITION
from stacks.merge import canonical, merged, sorted_mappings
from stacks.settings import Definition

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)
mappings = st.dictionaries(st.text(max_size=2), trees, max_size=4)


def shuffled(tree: Any, seed: int) -> Any:
    if isinstance(tree, dict):
        keys = list(tree)
        random.Random(seed).shuffle(keys)  # noqa: S311 (an order, not a secret)
        return {key: shuffled(tree[key], seed) for key in keys}
    return [shuffled(item, seed) for item in tree] if isinstance(tree, list) else tree


def order(tree: Any) -> str:
    return repr(tree)


def test_mappings_are_merged_deeply_and_all_else_is_replaced() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    over = {"a": {"c": [3]}, "e": {"f": 5}}
    assert merged(base, over) == {"a": {"b": 1, "c": [3]}, "d": 4, "e": {"f": 5}}


@given(mappings)
def test_nothing_laid_over_a_tree_changes_nothing(base: dict[str, Any]) -> None:
    assert merged(base, {}) == base


@given(mappings, mappings)
def test_what_is_laid_over_is_what_holds(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merged(base, over)
    assert merged(once, over) == once


@given(trees, st.integers())
def test_sorted_trees_do_not_depend_on_the_order_of_keys(tree: Any, seed: int) -> None:
    assert order(sorted_mappings(shuffled(tree, seed))) == order(sorted_mappings(tree))


@given(st.integers())
def test_canonical_settings_do_not_depend_on_the_order_of_keys(seed: int) -> None:
    tree = DEFINITION.model_dump(mode="json", exclude_unset=True)
    other = Definition.model_validate(shuffled(tree, seed))
    assert canonical(other).model_dump_json() == canonical(DEFINITION).model_dump_json()


def test_canonical_settings_are_equal_to_what_they_were_made_of() -> None:
    assert canonical(DEFINITION) == DEFINITION
    assert canonical(canonical(DEFINITION)) == canonical(DEFINITION)
