"""How an environment's values are laid over the shared definition, and what order means: nothing.

The Pulumi engine hands mappings over with sorted keys while a file keeps the order in which it was
written, so the same configuration would render two ways if order meant anything anywhere.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from stacks.values import Frozen

Model = TypeVar("Model", bound=Frozen)


def merged(base: Any, over: Any) -> Any:
    """Return `base` with `over` laid over it: mappings deeply, all else replaced.

    `None` in `over` stays in the result: whether it says "none", "as the default" or "without this
    key" depends on the field, which `stacks.shape` knows. Neither argument is changed.
    """
    if not isinstance(over, Mapping):
        return over
    below = base if isinstance(base, Mapping) else {}
    keys = sorted({*below, *over}, key=str)
    return {key: merged(below.get(key), over[key]) if key in over else below[key] for key in keys}


def sorted_mappings(tree: Any) -> Any:
    """Return the tree with the keys of every mapping sorted; lists keep their order."""
    if isinstance(tree, Mapping):
        return {key: sorted_mappings(tree[key]) for key in sorted(tree, key=str)}
    if isinstance(tree, list | tuple):
        return [sorted_mappings(item) for item in tree]
    return tree


def canonical(settings: Model) -> Model:
    """Return equal settings whose mappings have sorted keys: equal settings render equal texts."""
    return type(settings).model_validate(sorted_mappings(settings.model_dump(exclude_unset=True)))
