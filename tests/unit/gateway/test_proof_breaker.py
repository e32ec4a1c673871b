"""The breaker's proof: each way for a circuit breaker to be wrong has its verdict."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway import proof
from tests.unit.gateway.stub_gateway import StubGateway, body_of, plan

BREAKER = {
    "probe": "proof/breaker",
    "target": "b/two",
    "allowed_fails": 2,
    "cooldown_s": 30,
    "counted_by": 1,
}


@dataclass
class Group:
    """A group whose primary is dead and whose breaker may be wrong; it has a clock of its own."""

    opens_after: int | None = 2
    cooldown_s: float | None = 30
    rescues_while_open: bool = True
    rescues_after: bool = True
    open_takes_s: float = 0.01
    now: float = 0.0
    fails: int = 0
    opened_at: float | None = None
    slept: list[float] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        if self.opened_at is None:
            return False
        return self.cooldown_s is None or self.now < self.opened_at + self.cooldown_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") != BREAKER["probe"]:
            return None
        was_open = self.is_open
        self.now += self.open_takes_s
        if not was_open:
            self.fails += 1
            if self.opens_after is not None and self.fails > self.opens_after:
                self.opened_at, self.fails = self.now, 0
        rescues = self.rescues_while_open if was_open else self.rescues_after
        if body.get("disable_fallbacks") or not rescues:
            status, message = (429, "No deployments available") if was_open else (500, "x")
            headers = {"x-litellm-call-id": "1"}
            return httpx.Response(status, headers=headers, json={"error": {"message": message}})
        headers = {
            "x-litellm-call-id": "1",
            "x-litellm-version": "1.106.2",
            "x-litellm-model-group": "b/two",
            "x-litellm-attempted-fallbacks": "1",
        }
        answer = {"choices": [{"message": {"content": "ok"}}]}
        return httpx.Response(200, headers=headers, json=answer)


def prove(group: Group, breaker: dict[str, Any] | None = None) -> dict[str, Any]:
    wanted = plan(breaker=BREAKER if breaker is None else breaker, concurrency=1, edges=[])
    evidence = StubGateway(override=group).prove(
        plan=wanted | {"total_timeout_s": 120, "warm_rescue_ms": 200},
        clock=lambda: group.now,
        surroundings=proof.Surroundings(breaker=True, sleep=group.sleep),
    )
    found: dict[str, Any] = evidence["breaker"]
    assert evidence["verdict"] == found["verdict"]
    return found


def test_a_breaker_that_opens_answers_fast_and_closes_passes() -> None:
    found = prove(Group())

    assert found["verdict"] == "passed", found["reasons"]
    assert found["opened"]
    assert len(found["burst"]) == 4
    assert all(took < 200 for took in found["open_ms"])
    assert found["closed_after_s"] == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (Group(opens_after=None), "did not open after more than 2 failures"),
        (Group(opens_after=5), "did not open after more than 2 failures"),
        (Group(cooldown_s=None), "did not close within 30 s"),
        (Group(rescues_while_open=False), "not rescued"),
        (Group(rescues_after=False), "not rescued"),
        (Group(open_takes_s=0.3), "open, and still 300 ms"),
    ],
    ids=[
        "never opens",
        "opens late",
        "stuck open",
        "open without rescue",
        "closed without",
        "slow",
    ],
)
def test_a_breaker_that_is_wrong_fails(group: Group, told: str) -> None:
    found = prove(group)

    assert found["verdict"] == "failed"
    assert told in " ".join(found["reasons"])


def test_a_breaker_that_was_open_before_proves_nothing() -> None:
    group = Group()
    group.opened_at = 0.0

    assert prove(group)["verdict"] == "inconclusive"


def test_workers_that_count_for_themselves_are_all_given_enough_failures() -> None:
    found = prove(Group(opens_after=8), {**BREAKER, "counted_by": 3})

    assert found["verdict"] == "passed", found["reasons"]
    assert len(found["burst"]) == 10


def test_workers_that_count_for_themselves_may_have_got_too_few_failures() -> None:
    assert prove(Group(opens_after=99), {**BREAKER, "counted_by": 3})["verdict"] == "inconclusive"


def test_without_a_declared_breaker_there_is_nothing_to_prove() -> None:
    found = prove(Group(), {})

    assert found["verdict"] == "inconclusive"
    assert "no breaker is declared" in found["reasons"][0]


def test_the_breaker_is_only_proven_on_request() -> None:
    gateway = StubGateway()

    assert gateway.prove(plan=plan(breaker=BREAKER))["breaker"] is None
    assert not any(body["model"] == BREAKER["probe"] for body in gateway.asked)
