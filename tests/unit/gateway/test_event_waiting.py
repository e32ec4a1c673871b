"""How long the events are waited for: bounded, no longer than useful, and always with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import proof
from gateway.events.source import Event, EventsError
from gateway.events.waiting import read_events
from tests.unit.gateway.events import Service, Time, told, without
from tests.unit.gateway.stub_gateway import StubGateway, plan

EVIDENCE = StubGateway().prove()
TOLD = told(EVIDENCE)
BROKEN = EventsError("PostHog answers with HTTP 503")
REFUSED = EventsError("PostHog does not know the key", final=True)


def read(
    *answers: list[Event] | EventsError, wait_s: float = 30, proofs: Any = (EVIDENCE,)
) -> tuple[list[dict[str, Any]], Service, Time, list[str]]:
    service, time, lines = Service(answers), Time(), list[str]()
    evidence = read_events(
        service,
        proofs,
        wait_s=wait_s,
        progress=lines.append,
        clock=time.clock,
        sleep=time.sleep,
    )
    return evidence, service, time, lines


def events(evidence: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = evidence[0]["events"]
    return found


def test_what_is_there_at_once_is_not_waited_for() -> None:
    evidence, service, time, lines = read(TOLD)

    assert time.slept == []
    assert len(service.asked) == events(evidence)["looks"] == 1
    assert events(evidence)["missing"] is None
    assert lines == ["proof: posthog has both halves of 3 of 3 rescues after 0 s"]


def test_late_events_are_waited_for_in_growing_steps() -> None:
    evidence, _, time, _ = read([], [], TOLD[:3], TOLD)

    assert time.slept == [0.5, 1.0, 2.0]
    assert events(evidence)["waited_s"] == 3.5
    assert events(evidence)["missing"] is None


@pytest.mark.parametrize("wait_s", [1, 10, 30])
def test_events_that_never_come_are_waited_for_as_long_as_is_said_and_no_longer(
    wait_s: int,
) -> None:
    evidence, service, time, lines = read([], wait_s=wait_s)

    assert time.now == 1_000 + wait_s
    assert len(service.asked) <= 8
    why = f"after {wait_s} s 3 of 3 fallbacks had no rescue with both halves"
    assert events(evidence)["missing"].startswith(why)
    assert evidence[0]["verdict"] == "passed"
    assert why in lines[0]


def test_the_only_rescue_of_a_fallback_is_waited_for_to_the_end() -> None:
    both = [EVIDENCE, StubGateway().prove(nonce=proof.new_nonce)]
    again = told(both[1])
    lost = without([*TOLD, *again], lambda event: event is again[0])

    evidence, _, time, _ = read(lost, proofs=both)

    assert evidence[0]["events"]["missing"] is None
    assert "1 of 3 fallbacks" in evidence[1]["events"]["missing"]
    assert time.now == 1_030


def test_a_further_look_that_brings_nothing_new_ends_the_wait() -> None:
    proof_of_two = StubGateway().prove(plan=plan(samples=2))
    whole = told(proof_of_two)
    lost = without(whole, lambda event: event is whole[0])

    evidence, service, time, _ = read(lost, proofs=[proof_of_two])

    assert len(service.asked) == 2
    assert time.slept == [0.5]
    assert events(evidence)["missing"] is None
    assert events(evidence)["edges"][0]["joined"] == 1


def test_a_refused_key_is_not_tried_again() -> None:
    evidence, service, time, lines = read(REFUSED)

    assert len(service.asked) == 1
    assert time.slept == []
    assert events(evidence)["missing"] == "PostHog does not know the key"
    assert lines[0].endswith("after 0 s: PostHog does not know the key")


def test_a_service_that_breaks_is_asked_again() -> None:
    evidence, service, _, _ = read(BROKEN, BROKEN, TOLD)

    assert len(service.asked) == 3
    assert events(evidence)["missing"] is None


def test_a_service_that_stays_broken_is_why_the_source_is_missing() -> None:
    evidence, _, time, _ = read(BROKEN, wait_s=5)

    assert time.now == 1_005
    assert events(evidence)["missing"] == "PostHog answers with HTTP 503"


def test_a_break_after_everything_was_read_takes_nothing_away() -> None:
    evidence, _, _, _ = read(TOLD[:-1], BROKEN, wait_s=1)

    assert events(evidence)["trouble"] == ""
    assert events(evidence)["missing"] is None


@pytest.mark.parametrize(("asks_s", "looks", "slept"), [(7, 2, [7]), (31, 1, [])])
def test_a_limit_is_obeyed_if_it_ends_in_time(
    asks_s: float, looks: int, slept: list[float]
) -> None:
    limited = EventsError("PostHog's limit of queries is used up", retry_after_s=asks_s)

    _, service, time, _ = read(limited, TOLD)

    assert len(service.asked) == looks
    assert time.slept == slept


def test_all_gates_are_looked_for_in_one_query_from_before_the_first_began() -> None:
    other = StubGateway().prove(nonce=proof.new_nonce)

    evidence, service, _, _ = read([*TOLD, *told(other)], proofs=[EVIDENCE, other])

    ((nonces, since, timeout_s),) = service.asked
    assert len(nonces) == len(set(nonces)) == 12
    began = min(datetime.fromisoformat(each["started_at"]) for each in (EVIDENCE, other))
    assert since == began.astimezone(UTC) - timedelta(minutes=5)
    assert timeout_s == 30
    assert [each["events"]["missing"] for each in evidence] == [None, None]
    assert [len(each["events"]["found"]) for each in evidence] == [9, 9]


def test_nobody_is_asked_where_nothing_was_rescued() -> None:
    failed = StubGateway(never_falls_back=True).prove()
    broken = {"schema": 2, "verdict": "errored", "reasons": ["it broke"], "edges": []}

    evidence, service, _, lines = read(TOLD, proofs=[failed, broken])

    assert not service.asked
    assert not lines
    assert evidence[0]["events"]["missing"] == "nothing was rescued"
    assert evidence[1] == broken
