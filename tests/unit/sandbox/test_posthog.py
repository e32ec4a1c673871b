"""The stand-in of PostHog against what LiteLLM really sends and what PostHog says that it answers.

`cases/posthog_batch.json` is a recording. The fields of an answer are those of HogQLQueryResponse
(PostHog/posthog `posthog/schema.py`) and of a cached one (docs/api/queries).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events.posthog import COLUMNS, hogql
from sandbox.fault_order import FaultError
from sandbox.posthog.faults import Drop, Faults, parse_faults
from sandbox.posthog.store import EventStore
from sandbox.posthog.wire import Asked, WireError, answer, read_batch, read_query

RECORDED = json.loads((Path(__file__).parent / "cases" / "posthog_batch.json").read_text())
BODY = json.dumps(RECORDED["body"]).encode()
PUBLISHED = {
    *("clickhouse", "columns", "error", "explain", "hasMore", "hogql", "limit", "metadata"),
    *("modifiers", "offset", "query", "query_status", "results", "timings", "types"),
    *("is_cached", "cache_key", "cache_target_age", "last_refresh", "next_allowed_client_refresh"),
}
NOW = 1_795_889_100.0
RESCUED = "proof-18dace509013"


def store(**faults: Any) -> EventStore:
    kept = EventStore(lambda: NOW, Faults(**faults))
    kept.keep(read_batch(BODY, NOW - 5))
    return kept


def query(*markers: str, since: float = NOW - 60) -> Asked:
    text = hogql(markers, datetime.fromtimestamp(since, UTC))
    body = {
        "query": {"kind": "HogQLQuery", "query": text},
        "refresh": "force_blocking",
        "name": "n",
    }
    return read_query(json.dumps(body).encode())


def rows(kept: EventStore, asked: Asked) -> list[dict[str, Any]]:
    document = answer(kept.find(asked), asked)
    return [dict(zip(document["columns"], row, strict=True)) for row in document["results"]]


def test_litellm_sends_plain_json_without_times() -> None:
    assert RECORDED["headers"]["content-type"] == "application/json"
    assert "content-encoding" not in RECORDED["headers"]
    assert {frozenset(event) for event in RECORDED["body"]["batch"]} == {
        frozenset({"event", "properties", "distinct_id"})
    }


def test_both_halves_of_a_recorded_rescue_are_found_by_its_marker() -> None:
    failure, success = rows(store(), query(RESCUED))

    assert failure["is_error"] is True
    assert failure["answered_by"] == failure["asked_for"] == "proof/0/openai/gpt-5.5"
    assert "Connection error" in failure["error"]
    assert success["is_error"] is False
    assert success["answered_by"] == "openai/gpt-5.4"
    assert success["asked_for"] == "proof/0/openai/gpt-5.5"
    assert success["error"] is None
    assert failure["trace_id"] == success["trace_id"]


def test_an_open_breakers_failure_names_no_group_or_the_fallbacks() -> None:
    batch = read_batch(BODY, NOW)
    opened = [event for event in batch if "No deployments" in str(event.properties)]

    assert [event.row()[2:4] for event in opened] == [
        [None, "proof/breaker"],
        ["openai/gpt-5.4", "proof/breaker"],
    ]


def test_every_recorded_prompt_gives_its_marker() -> None:
    batch = read_batch(BODY, NOW)

    assert len(batch) == 7
    assert all(len(event.marker) == 18 and event.marker[6:].isalnum() for event in batch)


def test_an_answer_has_the_published_shape_and_the_columns_that_are_asked_for() -> None:
    document = answer(store().find(query(RESCUED)), query(RESCUED))

    assert set(document) <= PUBLISHED
    assert tuple(document["columns"]) == COLUMNS
    assert [name for name, _ in document["types"]] == document["columns"]
    assert document["hasMore"] is False
    assert document["results"][0][-1] == "2026-11-28T18:04:55.000000Z"


def test_events_of_another_time_or_request_are_not_found() -> None:
    assert store().find(query("proof-000000000000")) == []
    assert store().find(query(RESCUED, since=NOW - 4)) == []


def test_late_events_are_not_there_yet() -> None:
    assert store(late_s=6).find(query(RESCUED)) == []
    assert len(store(late_s=4).find(query(RESCUED))) == 2


@pytest.mark.parametrize(
    ("drop", "left"), [(Drop.FAILURES, [False]), (Drop.SUCCESSES, [True]), (Drop.ALL, [])]
)
def test_dropped_events_never_come(drop: Drop, left: list[bool]) -> None:
    assert [event.failed for event in store(drop=drop).find(query(RESCUED))] == left


def test_a_fault_of_some_queries_heals_by_itself_and_one_of_all_does_not() -> None:
    some, always = store(status=503, times=2), store(status=401)

    assert [bool(some.refusal()) for _ in range(3)] == [True, True, False]
    assert [bool(always.refusal()) for _ in range(3)] == [True, True, True]
    assert some.counts()["queries"] == 3


def test_the_oldest_events_make_room() -> None:
    kept = EventStore(lambda: NOW, kept=3)
    kept.keep(read_batch(BODY, NOW))

    assert kept.counts() == {"events": 3, "failures": 2, "batches": 1, "queries": 0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"query": "SELECT 1"}, "HogQLQuery"),
        ({"query": {"kind": "EventsQuery"}}, "HogQLQuery"),
        ({"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}, "one form"),
        ({"refresh": "blocking"}, "force_blocking"),
        ({"refresh": None}, "force_blocking"),
    ],
    ids=str,
)
def test_any_other_query_is_refused_loudly(change: dict[str, Any], says: str) -> None:
    text = hogql([RESCUED], datetime.fromtimestamp(NOW, UTC))
    body = {"query": {"kind": "HogQLQuery", "query": text}, "refresh": "force_blocking"}

    with pytest.raises(WireError, match=says):
        read_query(json.dumps(body | change).encode())


@given(st.integers(0, 10**6), st.sampled_from("xX 0'(;"))
def test_a_query_with_one_letter_changed_is_refused_or_says_the_same_kind_of_thing(
    place: int, letter: str
) -> None:
    text = hogql([RESCUED], datetime.fromtimestamp(NOW, UTC))
    place %= len(text)
    other = text[:place] + letter + text[place + 1 :]
    body = {"query": {"kind": "HogQLQuery", "query": other}, "refresh": "force_blocking"}

    try:
        read = read_query(json.dumps(body).encode())
    except (WireError, ValueError):
        return
    assert len(read.markers) == 1  # a digit of the time, the limit or the marker


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"x", "not JSON"),
        (b"[]", "no JSON object"),
        (b'{"batch": []}', "api_key"),
        (b'{"api_key": "phc_x"}', "batch"),
    ],
)
def test_a_batch_of_another_shape_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        read_batch(raw, NOW)


def test_events_without_a_name_or_a_person_vanish_as_at_posthog() -> None:
    batch = [
        {"event": "$ai_generation"},
        {"distinct_id": "x"},
        "x",
        {"event": "a", "distinct_id": "b"},
    ]

    kept = read_batch(json.dumps({"api_key": "phc_x", "batch": batch}).encode(), NOW)

    assert [event.name for event in kept] == ["a"]


def test_faults_are_read_and_what_is_wrong_with_them_is_told_at_once() -> None:
    assert parse_faults({"late_s": 2, "drop": "all"}) == Faults(late_s=2, drop="all")
    with pytest.raises(FaultError, match="late_s") as raised:
        parse_faults({"late_s": -1, "status": 200, "drop": "some", "lost": 1})
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "drop",
        "late_s",
        "lost",
        "status",
    ]
