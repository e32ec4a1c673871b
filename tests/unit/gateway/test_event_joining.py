"""Both halves of a rescue: what joins, what does not, and what the evidence says of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof
from gateway.events.joining import (
    all_joined,
    each_edge_joined,
    events_record,
    rejoined,
    rescues_of,
    with_events,
)
from gateway.events.source import Event
from gateway.evidence.document import ASKED, Gate, Subject, build, proof_digest
from gateway.evidence.files import text_of
from gateway.evidence.verifying import State, verify
from tests.unit.gateway.events import failure, success, told, without
from tests.unit.gateway.stub_gateway import StubGateway, edges, plan

PLAN = plan(edges=edges(forms=["chat", "chat_stream"]), samples=2)
EVIDENCE = StubGateway().prove(plan=PLAN)
TOLD = told(EVIDENCE)
RESCUES = 3 * 2 * 2


def record(found: list[Event], evidence: dict[str, Any] = EVIDENCE, **more: Any) -> dict[str, Any]:
    given_ = {"source": "posthog", "trouble": "", "waited_s": 30.0, "looks": 7, **more}
    return events_record(evidence, found, **given_)


def rows(found: list[Event], name: str) -> list[int]:
    return [row[name] for row in record(found)["edges"]]


def test_every_rescue_that_the_headers_tell_of_is_looked_for() -> None:
    assert len(rescues_of(EVIDENCE)) == RESCUES
    assert {(r.probe, r.target) for r in rescues_of(EVIDENCE)} == {
        ("proof/0/a/one", "b/two"),
        ("proof/1/a/one", "c/three"),
        ("proof/any", "d/four"),
    }


def test_a_failure_and_an_answer_with_one_marker_are_one_rescue_whatever_their_traces() -> None:
    said = record(TOLD)

    assert rows(TOLD, "joined") == rows(TOLD, "rescues") == [4, 4, 4]
    assert said["missing"] is None
    assert said["controls"] == {"asked": 6, "failures": 6, "successes": []}
    assert len({event.trace_id for event in TOLD}) > RESCUES


def test_a_half_that_is_not_there_is_named_by_its_marker() -> None:
    lost = TOLD[1]

    said = record(without(TOLD, lambda event: event is lost))

    assert said["edges"][0]["missing"] == [{"nonce": lost.nonce, "half": "success"}]
    assert said["edges"][0]["joined"] == 3
    assert said["edges"][0]["failures"] == 4


def test_one_whole_rescue_per_fallback_is_enough_to_count_as_a_source() -> None:
    first = {row.nonce for row in rescues_of(EVIDENCE)[::4]}
    kept = without(TOLD, lambda event: event.nonce not in first)

    assert rows(kept, "joined") == [1, 1, 1]
    assert record(kept)["missing"] is None
    assert each_edge_joined(EVIDENCE, kept)
    assert not all_joined(EVIDENCE, kept)


def test_a_fallback_without_a_whole_rescue_is_why_the_source_is_missing() -> None:
    found = without(TOLD, lambda event: event.failed and event.group == "proof/any")

    assert record(found)["missing"] == (
        "after 30 s 1 of 3 fallbacks had no rescue with both halves: proof/any -> d/four"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": "b/two"},  # the failure of another group
        {"asked": "b/two"},  # of a request for another group
        {"failed": False},
        {"nonce": "proof-000000000000"},
    ],
    ids=str,
)
def test_what_is_not_the_probes_own_failure_is_no_half(wrong: dict[str, Any]) -> None:
    found = [replace(TOLD[0], **wrong), *TOLD[1:]]

    assert rows(found, "failures")[0] == 3
    assert rows(found, "joined")[0] == 3


@pytest.mark.parametrize("wrong", [{"group": "c/three"}, {"asked": "b/two"}, {"failed": True}])
def test_what_is_not_the_targets_own_answer_is_no_half(wrong: dict[str, Any]) -> None:
    found = [TOLD[0], replace(TOLD[1], **wrong), *TOLD[2:]]

    assert rows(found, "successes")[0] == 3
    assert rows(found, "joined")[0] == 3


def test_an_answer_where_fallbacks_were_off_speaks_against_the_whole_source() -> None:
    control = TOLD[-1]
    answered = replace(control, failed=False, group="d/four", error="")

    said = record([*TOLD, answered])

    assert said["controls"]["successes"] == [control.nonce]
    assert said["missing"] == (
        f"an event tells of an answer where fallbacks were off: {control.nonce}"
    )


@pytest.mark.parametrize("group", ["", "b/two"])
def test_the_failure_of_an_open_breaker_counts_whatever_group_it_names(group: str) -> None:
    nonce, probe = "proof-0123456789ab", "proof/breaker"
    answer = {"status": 200, "complete": True, "fallbacks": 1, "nonce": nonce, "group": "b/two"}
    evidence = {
        **EVIDENCE,
        "breaker": {"probe": probe, "while_open": [answer], "after": None},
    }
    other = replace(failure(nonce, probe), group=group)
    opened = replace(other, error="no deployments available")
    answered = success(nonce, probe, "b/two")

    of_the_breaker = record([opened, answered], evidence)["edges"][-1]

    assert (of_the_breaker["probe"], of_the_breaker["joined"]) == (probe, 1)
    assert record([other, answered], evidence)["edges"][-1]["joined"] == 0


def test_what_exec_had_no_room_for_cannot_be_looked_for() -> None:
    reduced = proof.unpack(proof.pack(EVIDENCE, 100))

    assert rescues_of(reduced) == []
    assert "left out" in record([], reduced)["missing"]


def test_trouble_is_why_the_source_is_missing_and_what_was_found_is_kept() -> None:
    said = record(TOLD[:2], trouble="PostHog answers with HTTP 503")

    assert said["missing"] == "PostHog answers with HTTP 503"
    assert [event["nonce"] for event in said["found"]] == [TOLD[0].nonce] * 2


@given(st.sets(st.integers(min_value=0, max_value=len(TOLD) - 1)), st.integers(0, len(TOLD) - 1))
def test_every_half_is_there_or_missing_and_one_event_more_joins_no_less(
    kept: set[int], more: int
) -> None:
    found = [TOLD[number] for number in sorted(kept)]
    said = record(found)

    for row in said["edges"]:
        halves = row["failures"] + row["successes"] + len(row["missing"])
        assert halves == 2 * row["rescues"]
        assert row["joined"] <= min(row["failures"], row["successes"])
    joined = sum(rows(found, "joined"))
    assert sum(rows([*found, TOLD[more]], "joined")) >= joined
    assert all_joined(EVIDENCE, found) == (joined == RESCUES)


def test_the_order_of_events_means_nothing() -> None:
    assert record(TOLD)["edges"] == record(TOLD[::-1])["edges"]


def test_the_grade_gains_the_source_and_nothing_else_of_the_evidence_changes() -> None:
    whole = with_events(EVIDENCE, record(TOLD))

    assert EVIDENCE["evidence"]["grade"] == "D"
    assert "events" in EVIDENCE["evidence"]["missing"]
    assert whole["evidence"]["grade"] == "C"
    assert "events" in whole["evidence"]["sources"]
    changed = {name for name in whole if whole[name] != EVIDENCE.get(name)}
    assert changed == {"events", "evidence", "digest"}
    assert proof.evidence_is_intact(whole)


def test_a_source_that_does_not_count_lowers_the_grade_and_says_why() -> None:
    late = with_events(EVIDENCE, record([]))

    assert late["evidence"]["grade"] == "D"
    assert late["evidence"]["missing"]["events"].startswith("after 30 s 3 of 3 fallbacks")
    assert late["verdict"] == "passed"


def kept(evidence: dict[str, Any]) -> str:
    names = dict.fromkeys(Subject.__dataclass_fields__, "") | {"judged_by": proof_digest()}
    gate = Gate(ASKED, evidence=evidence)
    return text_of(build(Subject(**names), PLAN, [gate], at="2026-11-28T18:00:00.000+00:00"))


def test_kept_evidence_is_verified_with_its_events_joined_again() -> None:
    whole = with_events(EVIDENCE, record(without(TOLD, lambda event: event is TOLD[0])))

    assert rejoined(whole) == whole["events"]
    verified = verify(kept(whole))
    assert (verified.state, verified.differences) == (State.INTACT, ())
    assert json.loads(kept(whole))["grade"]["sources"] == ["events", "headers"]


def test_events_that_do_not_bear_out_what_is_said_of_them_are_found() -> None:
    said = record(without(TOLD, lambda event: event.group == "proof/any"))
    said["edges"][2]["joined"], said["missing"] = 4, None

    verified = verify(kept(with_events(EVIDENCE, said)))

    assert verified.state is State.DIFFERS
    places = {difference.place for difference in verified.differences}
    assert "gates[0].evidence.events.edges[2].joined" in places
    assert "gates[0].evidence.evidence.grade" in places
