import copy
from typing import Any

import pytest
from hypothesis import given

from fly.differences import MISSING, Difference, differences, property_path
from tests.unit.fly.json_values import JSON


def applied(before: Any, found: tuple[Difference, ...]) -> Any:
    """Do to `before` what the differences say."""
    holder = {"root": copy.deepcopy(before)}
    for difference in reversed(found):  # from the back, so that list items go away in order
        at: Any = holder
        steps = ("root", *difference.steps)
        for step in steps[:-1]:
            at = at[step]
        last = steps[-1]
        if difference.after is MISSING:
            del at[last]
        elif isinstance(at, list) and last == len(at):
            at.append(difference.after)
        elif isinstance(at, list) and isinstance(last, int) and last > len(at):
            at.extend([None] * (last - len(at)))
            at.append(difference.after)
        else:
            at[last] = difference.after
    return holder["root"]


@given(JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert differences(value, copy.deepcopy(value)) == ()


@given(JSON, JSON)
def test_doing_what_the_differences_say_leads_from_one_to_the_other(one: Any, other: Any) -> None:
    found = differences(one, other)
    assert differences(applied(one, found), other) == ()


@given(JSON, JSON)
def test_the_way_back_has_the_same_places_with_sides_exchanged(one: Any, other: Any) -> None:
    back = [(d.steps, d.after, d.before) for d in differences(other, one)]
    assert [(d.steps, d.before, d.after) for d in differences(one, other)] == back


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        (("env", "LITELLM_LOG"), "env.LITELLM_LOG"),
        (("services", 0, "concurrency", "soft_limit"), "services[0].concurrency.soft_limit"),
        (("files", "/app/litellm_config.yaml"), 'files["/app/litellm_config.yaml"]'),
        (("env", 'a"b\\c'), r'env["a\"b\\c"]'),
        (("env", ""), 'env[""]'),
        ((), ""),
    ],
)
def test_paths_are_written_as_people_write_them(steps: tuple[str | int, ...], path: str) -> None:
    assert property_path(steps) == path


def test_each_side_is_told_and_what_is_absent_is_not_null() -> None:
    before = {"env": {"A": "1", "B": "2"}, "services": [{"port": 1}], "n": None}
    after = {"env": {"A": "9"}, "services": [{"port": 1}, {"port": 2}]}
    assert [(d.path, d.before, d.after) for d in differences(before, after)] == [
        ("env.A", "1", "9"),
        ("env.B", "2", MISSING),
        ("n", None, MISSING),
        ("services[1]", MISSING, {"port": 2}),
    ]
    assert repr(MISSING) == "(not set)"


def test_true_is_not_one_but_one_is_one_point_zero() -> None:
    assert differences({"a": True}, {"a": 1})
    assert not differences({"a": 1}, {"a": 1.0})
