"""Fault scripts: what each request of a sequence meets."""

import itertools
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.providers.scripts import FaultScripts, Kind, ScriptError, Then, parse_script

TIMES = st.integers(1, 5)
STEP = st.fixed_dictionaries(
    {"kind": st.sampled_from(["ok", "reset", "malformed", "hang"])}, optional={"times": TIMES}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def kinds(count: int, *steps: dict[str, Any], **more: Any) -> list[str]:
    scripts = FaultScripts()
    scripts.put("openai", "gpt", parse_script({"script": list(steps), **more}))
    return [scripts.take("openai", "gpt").kind for _ in range(count)]


def test_the_last_step_holds_for_ever_and_the_others_once() -> None:
    assert kinds(4, {"kind": "reset"}, {"kind": "status"}) == ["reset", *["status"] * 3]


def test_a_model_recovers_after_its_last_step() -> None:
    assert kinds(4, {"kind": "reset", "times": 2}) == ["reset", "reset", "ok", "ok"]


def test_a_script_repeats_when_it_is_told_to() -> None:
    steps = ({"kind": "reset"}, {"kind": "ok", "times": 2})
    assert kinds(7, *steps, then="repeat") == ["reset", "ok", "ok"] * 2 + ["reset"]


@given(st.lists(STEP, min_size=1, max_size=5), st.sampled_from(["recover", "repeat"]))
def test_a_script_is_the_sequence_that_it_spells(steps: list[dict[str, Any]], then: str) -> None:
    last_is_endless = "times" not in steps[-1]
    spelled: list[str] = []
    for step in steps:
        spelled += [step["kind"]] * step.get("times", 1)
    count = 2 * len(spelled) + 3
    after = itertools.repeat("ok") if then == "recover" else itertools.cycle(spelled)
    if last_is_endless:
        after = itertools.repeat(steps[-1]["kind"])
    expected = list(itertools.islice(itertools.chain(spelled, after), count))
    assert kinds(count, *steps, then=then) == expected


def test_models_do_not_disturb_each_other() -> None:
    scripts = FaultScripts()
    scripts.put("xai", "grok-4.3", parse_script({"script": [{"kind": "reset", "times": 1}]}))
    assert scripts.take("openai", "grok-4.3").kind is Kind.OK
    assert scripts.take("xai", "grok-4.3").kind is Kind.RESET
    assert scripts.counters() == {"openai/grok-4.3": {"ok": 1}, "xai/grok-4.3": {"reset": 1}}


def test_a_new_script_begins_at_its_first_step() -> None:
    scripts = FaultScripts()
    script = parse_script({"script": [{"kind": "reset"}, {"kind": "ok"}]})
    for _ in range(2):
        scripts.put("xai", "m", script)
        assert scripts.take("xai", "m").kind is Kind.RESET


def test_healing_says_what_there_was_to_heal() -> None:
    scripts = FaultScripts()
    for model in ("a", "b"):
        scripts.put("xai", model, parse_script({"script": [{"kind": "reset"}]}))
    assert scripts.heal("xai", "a")
    assert not scripts.heal("xai", "a")
    assert scripts.take("xai", "a").kind is Kind.OK
    assert scripts.heal_all() == 1
    assert scripts.faults() == []


def test_a_fault_is_shown_as_it_was_given_with_its_progress() -> None:
    scripts = FaultScripts()
    body = {"script": [{"kind": "reset", "times": 2}, {"kind": "ok", "times": 1}]}
    scripts.put("xai", "m", parse_script(body))
    scripts.take("xai", "m")
    (fault,) = scripts.faults()
    assert fault["script"] == body["script"]
    assert (fault["step"], fault["taken"], fault["recovered"]) == (0, 1, False)
    for _ in range(2):
        scripts.take("xai", "m")
    (fault,) = scripts.faults()
    assert fault["recovered"] is True
    json.dumps(scripts.faults(), allow_nan=False)


def test_what_a_step_leaves_out_has_its_kind_s_default() -> None:
    names = ["latency", "cut_stream", "rate_limit", "status", "hang"]
    latency, cut, limit, status, hang = parse_script(
        {"script": [{"kind": name} for name in names]}
    ).steps
    assert latency.seconds == 2
    assert cut.after == 2
    assert limit.retry_after_s == 4
    assert status.status == 500
    assert (hang.seconds, hang.after, hang.times) == (math.inf, None, math.inf)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], "expected an object"),
        ({}, "script: expected a list"),
        ({"script": []}, "script: expected a list"),
        ({"script": [{"kind": "ok"}], "steps": 1}, "steps: no such key"),
        ({"script": [{"kind": "ok"}], "then": []}, "then: []"),
        ({"script": [{"kind": ["ok"]}]}, "script[0]: expected an object"),
        ({"script": [7]}, "script[0]: expected an object"),
        ({"script": [{"kind": "status", "status": 200}]}, "script[0].status: 200"),
        ({"script": [{"kind": "status", "status": "500"}]}, "script[0].status: '500'"),
        ({"script": [{"kind": "reset", "status": 500}]}, "script[0].status: reset has no"),
        ({"script": [{"kind": "ok", "times": 0}]}, "script[0].times: 0"),
        ({"script": [{"kind": "ok", "times": True}]}, "script[0].times: True"),
        ({"script": [{"kind": "hang", "seconds": math.nan}]}, "script[0].seconds: nan"),
        ({"script": [{"kind": "hang", "seconds": math.inf}]}, "script[0].seconds: inf"),
        ({"script": [{"kind": "cut_stream", "after": -1}]}, "script[0].after: -1"),
    ],
)
def test_a_problem_names_its_place(body: object, place: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(place)):
        parse_script(body)


def test_all_problems_come_at_once() -> None:
    body = {"script": [{"kind": "x"}, {"kind": "ok", "times": -1, "foo": 1}], "then": "stop"}
    with pytest.raises(ScriptError, match="then") as caught:
        parse_script(body)
    assert len(caught.value.problems) == 4


@given(JSON)
def test_no_json_at_all_breaks_the_reader(body: Any) -> None:
    try:
        script = parse_script(body)
    except ScriptError as error:
        assert error.problems  # noqa: PT017 -- most, not all, are refused
    else:
        assert script.then in Then


@given(JSON)
def test_no_step_at_all_breaks_the_reader(step: Any) -> None:
    try:
        parse_script({"script": [step, {"kind": "hang", "seconds": step, "after": step}]})
    except ScriptError as error:
        assert error.problems  # noqa: PT017 -- most, not all, are refused
