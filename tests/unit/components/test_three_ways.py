import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from components.three_ways import moves, same
from fly.canonical import canonical
from fly.differences import MISSING, Step
from tests.unit.fly.json_values import CONFIGS, JSON

LEAF = "a value that nothing else has"


def leaves(value: Any, steps: tuple[Step, ...] = ()) -> list[tuple[Step, ...]]:
    """Return the path of every value that is no table or list, and of those that are empty."""
    if isinstance(value, dict) and value:
        return [path for key in value for path in leaves(value[key], (*steps, key))]
    if isinstance(value, list) and value:
        return [path for i, item in enumerate(value) for path in leaves(item, (*steps, i))]
    return [steps]


def with_leaf(value: Any, path: tuple[Step, ...], leaf: Any) -> Any:
    changed = copy.deepcopy(value)
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = leaf
    return changed


@given(JSON)
def test_equal_things_have_not_moved(value: Any) -> None:
    assert moves(value, copy.deepcopy(value), copy.deepcopy(value)) == ()


@given(JSON, JSON)
def test_where_reality_and_program_went_the_same_way_nothing_is_left_to_do(
    recorded: Any, now: Any
) -> None:
    assert moves(recorded, now, copy.deepcopy(now)) == ()


@given(CONFIGS.map(canonical), st.data())
def test_every_single_change_of_a_configuration_is_found_with_its_path(
    config: dict[str, Any], data: st.DataObject
) -> None:
    paths = [path for path in leaves(config) if path]
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    changed = with_leaf(config, path, LEAF)
    (reality,) = moves(config, changed, config)
    assert (reality.steps, reality.actual) == (path, LEAF)
    assert (reality.reality, reality.program) == (True, False)
    (program,) = moves(config, config, changed)
    assert (program.steps, program.desired) == (path, LEAF)
    assert (program.reality, program.program) == (False, True)
    (both,) = moves(config, changed, with_leaf(config, path, [LEAF]))
    assert (both.steps, both.reality, both.program) == (path, True, True)


@given(CONFIGS.map(canonical), st.data())
def test_every_removed_property_is_found_as_missing(
    config: dict[str, Any], data: st.DataObject
) -> None:
    assume(config)
    key = data.draw(st.sampled_from(sorted(config)))
    less = {name: value for name, value in config.items() if name != key}
    (found,) = moves(config, less, config)
    assert found.steps == (key,)
    assert found.actual is MISSING
    assert same(found.recorded, config[key])


@given(JSON, JSON, JSON)
def test_nothing_is_told_twice_and_every_move_is_one(one: Any, two: Any, three: Any) -> None:
    found = moves(one, two, three)
    assert len({move.path for move in found}) == len(found)
    assert all(not same(move.actual, move.desired) for move in found)
    assert all(move.reality or move.program for move in found)


def test_true_is_not_one() -> None:
    (found,) = moves({"a": 1}, {"a": True}, {"a": 1})
    assert found.path == "a"
