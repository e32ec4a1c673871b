"""What bounds a proof, and what the pinned LiteLLM is known not to do, never makes a pass."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proof.faults import FAULTS
from gateway.proof.forms import FORMS
from gateway.proof.limits import LIMITS, STREAMS, known_limit
from gateway.proof.plan import Bounds, read_plan
from gateway.proof.spending import Spending
from tests.unit.gateway.stub_gateway import (
    StubFaults,
    StubGateway,
    body_of,
    case,
    edge,
    edges,
    plan,
)


def bounds(**changes: Any) -> Bounds:
    return read_plan(plan(**changes)).bounds


def test_requests_that_are_used_up_end_the_asking_and_prove_nothing() -> None:
    gateway = StubGateway()

    evidence = gateway.prove(plan=plan(total_requests=5, concurrency=1))

    assert evidence["verdict"] == "inconclusive"
    assert evidence["requests"] == len(gateway.requests) == 5
    assert any("not asked: total_requests is used up" in reason for reason in evidence["reasons"])


def test_money_that_is_used_up_ends_the_asking_and_proves_nothing() -> None:
    gateway = StubGateway(cost="0.4")

    evidence = gateway.prove(plan=plan(total_cost_usd=1.0, concurrency=1))

    assert evidence["verdict"] == "inconclusive"
    assert evidence["cost_usd"] == pytest.approx(1.2)
    assert any("not asked: total_cost_usd is used up" in reason for reason in evidence["reasons"])


def test_an_answer_without_a_price_counts_as_the_dearest_of_its_group() -> None:
    spending = Spending(bounds(), lambda: 0.0)

    spending.pay("a", 0.2)
    spending.pay("a", 0.1)
    spending.pay("a", None)
    spending.pay("b", None)

    assert spending.cost_usd == pytest.approx(0.5)
    assert spending.unpriced == 1


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=20))
def test_no_request_is_sent_once_the_money_is_gone(prices: list[float]) -> None:
    spending = Spending(bounds(total_cost_usd=1.0), lambda: 0.0)

    for price in prices:
        allowed = spending.take() is None
        assert allowed == (spending.cost_usd < 1.0)
        if allowed:
            spending.pay("a", price)

    assert spending.cost_usd < 2.0


class Slow:
    """Answers the rescues of one probe late, on a clock that only it moves."""

    def __init__(self, gateway: StubGateway, seconds: list[float]) -> None:
        self.now = 0.0
        self._gateway = gateway
        self._seconds = seconds
        gateway.override = self

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") == "proof/any" and not body.get("disable_fallbacks"):
            self.now += self._seconds.pop(0) if self._seconds else 0.0
        return None


@pytest.mark.parametrize(
    ("seconds", "verdict", "told"),
    [
        ([0.9, 0.2, 0.2], "passed", ""),
        ([1.1, 0.2, 0.2] * 2, "failed", "cold bound 1000 ms"),
        ([0.9, 0.2, 0.4] * 2, "failed", "warm bound 300 ms"),
        ([1.1, 0.2, 0.2], "passed", ""),
    ],
    ids=["in time", "cold too late", "warm too late", "late once only"],
)
def test_a_rescue_that_comes_later_than_promised_fails(
    seconds: list[float], verdict: str, told: str
) -> None:
    gateway = StubGateway()
    slow = Slow(gateway, list(seconds))
    wanted = plan(samples=3, concurrency=1, cold_rescue_ms=1000, warm_rescue_ms=300)

    evidence = gateway.prove(plan=wanted, clock=lambda: slow.now)

    assert edge(evidence, "*")["verdict"] == verdict
    assert told in " ".join(edge(evidence, "*")["reasons"])


def test_cold_and_warm_times_stand_beside_each_edge() -> None:
    gateway = StubGateway()
    slow = Slow(gateway, [0.9, 0.2, 0.4])

    evidence = gateway.prove(plan=plan(samples=3, concurrency=1), clock=lambda: slow.now)

    assert edge(evidence, "*")["cold_ms"] == pytest.approx(900)
    assert edge(evidence, "*")["warm_ms"] == pytest.approx(300)
    assert edge(evidence, "a/one")["cold_ms"] == 0


def test_what_a_version_is_known_not_to_do_is_a_known_limit_and_no_pass() -> None:
    gateway = StubGateway(faults=StubFaults())
    wanted = plan(edges=edges(speaks="gemini", forms=["chat_stream"], faults=["refused", "hang"]))

    evidence = gateway.prove(plan=wanted)

    limited = case(evidence, "*", form="chat_stream", fault="hang")
    assert limited["verdict"] == "known_limit"
    assert limited["known_limit"] == "gemini-stream-hang"
    assert limited["samples"] == []
    assert edge(evidence, "*")["verdict"] == "passed"
    assert [row["id"] for row in evidence["known_limits"]] == ["gemini-stream-hang"]


def test_an_edge_of_known_limits_alone_is_not_proven() -> None:
    wanted = plan(edges=edges(speaks="gemini", forms=["chat_stream"], faults=["hang"]))

    evidence = StubGateway(faults=StubFaults()).prove(plan=wanted)

    assert evidence["verdict"] == "inconclusive"
    assert "ignores" in edge(evidence, "*")["reasons"][0]


def test_another_version_has_no_known_limits() -> None:
    row = next(row for row in LIMITS if row.speaks is not None)
    (speaks, *_), (form, *_), (fault, *_) = sorted(row.speaks or ()), row.forms, row.faults

    assert known_limit(row.versions[0], speaks, form, fault) == row
    assert known_limit("1.106.3", speaks, form, fault) is None
    assert known_limit(row.versions[0], "openai", form, fault) != row


def test_every_known_limit_is_about_streams_names_real_cases_and_says_what_was_seen() -> None:
    assert set(FORMS) >= STREAMS
    for row in LIMITS:
        assert row.forms <= STREAMS
        assert row.faults <= set(FAULTS)
        assert "refused" not in row.faults
        assert row.versions
        assert row.what
        assert row.evidence
