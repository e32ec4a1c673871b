import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.engine_events import OTHER_PART, RELEASE, EngineEvents, first_lines, part_of, summary

URN = "urn:pulumi:local::gateway::gateway:index:Gateway$pulumi-python:dynamic/fly:X::"


def taken(*events: tuple[float, dict[str, Any]]) -> EngineEvents:
    found = EngineEvents()
    for at_s, event in events:
        found.take(json.dumps(event), at_s)
    return found


def step(kind: str, name: str, op: str = "create") -> dict[str, Any]:
    return {kind: {"metadata": {"op": op, "urn": URN + name, "type": "fly:X", "logical": True}}}


def said(message: str, severity: str = "info") -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": severity}}


def ended(**changes: int) -> dict[str, Any]:
    return {"summaryEvent": {"resourceChanges": changes}}


def test_a_run_in_which_everything_stayed_the_same_changed_nothing() -> None:
    events = taken((1, ended(same=27, read=2)))
    assert not events.changed
    assert events.changes == {}


def test_every_operation_that_touches_a_resource_is_a_change() -> None:
    events = taken((1, ended(same=20, create=2, update=1)))
    assert events.changed
    assert summary(events.changes) == "2 created, 1 updated"


def test_a_part_lasts_from_its_first_resource_to_its_last() -> None:
    events = taken(
        (10.0, step("resourcePreEvent", "gateway-postgres-app")),
        (10.5, step("resourcePreEvent", "gateway-redis-app")),
        (11.0, step("resOutputsEvent", "gateway-postgres-app")),
        (12.0, step("resourcePreEvent", "gateway-postgres-machine")),
        (12.5, step("resOutputsEvent", "gateway-redis-app")),
        (16.25, step("resOutputsEvent", "gateway-postgres-machine")),
    )
    assert events.durations() == {"Postgres": 6.25, "Redis": 2.0}


def test_a_resource_that_stays_the_same_takes_no_time() -> None:
    events = taken(
        (1, step("resourcePreEvent", "gateway-release", op="same")),
        (9, step("resOutputsEvent", "gateway-release", op="same")),
    )
    assert events.durations() == {}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("gateway-postgres-superuser", "Postgres"),
        ("gateway-redis-volume", "Redis"),
        ("gateway-release", RELEASE),
        ("gateway-secrets", OTHER_PART),
        ("gateway-v6", OTHER_PART),
    ],
)
def test_a_resource_belongs_to_the_part_that_its_name_says(name: str, part: str) -> None:
    assert part_of(URN + name) == part


def test_litellm_starts_between_the_wait_for_its_machine_and_the_proof_without_the_proof() -> None:
    events = taken(
        (100.0, said("waiting for machine 95be88b2490a45 (iad)")),
        (130.0, said("proof at machine 95be (iad): passed (8 of 8 fallbacks proven in 9.3 s)")),
        (140.0, said("proof at the public address: passed (8 of 8 fallbacks proven in 4.9 s)")),
    )
    assert events.boot_s == pytest.approx(20.7)


def test_a_release_that_was_not_proven_is_told_from_any_other_error() -> None:
    undone = (
        "<{%fg 1%}>error: <{%reset%}>failed[proof] acme: 4 of 8\n"
        "  evidence/dev/9f31.json holds what was seen"
    )
    assert taken((1, said(undone, "error"))).not_proven
    assert taken((1, said(undone, "error"))).evidence_file == "evidence/dev/9f31.json"
    assert not taken((1, said("the stack is locked", "error"))).not_proven
    assert not taken((1, said("a debug text that says failed[proof]", "debug"))).not_proven


def test_a_gate_that_could_not_be_asked_is_told_from_a_release_that_was_undone() -> None:
    stopped = (
        "error: errored[proof] acme: the proof at the public address could not be carried out\n"
        "  evidence/dev/9f31.json holds what was seen"
    )
    events = taken((1, said(stopped, "error")))
    assert events.proof_broke
    assert not events.not_proven
    assert events.evidence_file == "evidence/dev/9f31.json"
    assert not taken((1, said("failed[proof] acme", "error"))).proof_broke


def test_errors_are_kept_without_the_engines_colours() -> None:
    (error,) = taken((1, said("<{%fg 1%}>error: <{%reset%}>gone\n", "error"))).errors
    assert error == "error: gone"
    assert first_lines(["a\n\nb", "c"], 2) == ["a", "b"]


def test_nothing_of_a_debug_message_is_kept() -> None:
    events = taken((1, said("props = sk-planted-marker", "debug")))
    assert "sk-planted-marker" not in repr(events)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
kinds = st.sampled_from(["resourcePreEvent", "resOutputsEvent", "diagnosticEvent", "summaryEvent"])


@given(st.dictionaries(kinds, json_values) | json_values)
def test_an_event_of_any_other_shape_is_left_aside(event: Any) -> None:
    EngineEvents().take(json.dumps(event), 1.0)


@given(st.text())
def test_a_line_that_is_no_json_is_left_aside(line: str) -> None:
    EngineEvents().take(line, 1.0)
