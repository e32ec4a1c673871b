import asyncio
from typing import Any

import pytest

from sandbox.checks import CRITICAL, PASSING, Check, Result, Script, checks_of
from sandbox.health import Health, rows_at_rest

HTTP = {"type": "http", "interval": "15s", "timeout": "5s", "grace_period": "1m0s", "path": "/up"}


def config(**service: Any) -> dict[str, Any]:
    return {"services": [{"protocol": "tcp", "internal_port": 4000, **service}]}


def test_a_services_check_is_read_as_flyctl_sends_it() -> None:
    headers = [{"name": "Authorization", "values": ["a", "b"]}]
    definition = {**HTTP, "method": "post", "headers": headers, "protocol": "https"}
    assert checks_of(config(checks=[definition])) == (
        Check(
            name="servicecheck-00-http-4000",
            kind="http",
            port=4000,
            gates=True,
            interval_s=15,
            timeout_s=5,
            grace_s=60,
            method="POST",
            path="/up",
            tls=True,
            headers=(("Authorization", "a"), ("Authorization", "b")),
        ),
    )


def test_checks_are_numbered_over_the_machine_and_top_level_ones_do_not_gate() -> None:
    several = {
        "services": [
            {"internal_port": 4000, "checks": [HTTP, {"type": "tcp", "port": 4444}]},
            {"internal_port": 5000, "checks": [{"path": "/x"}]},
        ],
        "checks": {"zeta": {"type": "tcp", "port": 1}, "alpha": {**HTTP, "port": 2}},
    }
    found = [(check.name, check.gates) for check in checks_of(several)]
    assert found == [
        ("servicecheck-00-http-4000", True),
        ("servicecheck-01-tcp-4444", True),
        ("servicecheck-02-http-5000", True),
        ("alpha", False),
        ("zeta", False),
    ]


def test_a_service_without_checks_gets_a_hidden_one_that_connects() -> None:
    (check,) = checks_of(config())
    assert (check.kind, check.port, check.gates, check.hidden) == ("tcp", 4000, True, True)
    assert rows_at_rest(config(), "2026-01-01T00:00:00Z") == []


@pytest.mark.parametrize("empty", [{}, {"services": None, "checks": None}])
def test_a_machine_without_services_has_no_checks(empty: dict[str, Any]) -> None:
    assert checks_of(empty) == ()


def test_a_duration_that_is_none_counts_as_absent() -> None:
    (check,) = checks_of(config(checks=[{"type": "tcp", "interval": "soon", "timeout": 0}]))
    assert (check.interval_s, check.timeout_s, check.grace_s) == (15, 10, 0)


def test_the_sandbox_asks_faster_than_it_is_told() -> None:
    (slow, quick) = checks_of(config(checks=[HTTP, {**HTTP, "interval": "1s"}]))
    assert slow.delay_s(eager=True) == 0.25
    assert slow.delay_s(eager=False) == 2.0
    assert quick.delay_s(eager=False) == 1.0


def test_a_script_gives_each_check_its_steps_in_turn_and_then_lets_go() -> None:
    script = Script(("critical", "passing"))
    assert [script.next("a"), script.next("a"), script.next("a")] == ["critical", "passing", None]
    assert script.next("b") == "critical"


def test_a_script_may_hold_for_ever() -> None:
    script = Script(("passing",), always="critical")
    assert [script.next("a") for _ in range(4)] == ["passing", "critical", "critical", "critical"]


def test_a_machine_at_rest_has_only_critical_checks() -> None:
    rows = rows_at_rest(config(checks=[HTTP]), "2026-01-01T00:00:00Z")
    assert rows == [
        {
            "name": "servicecheck-00-http-4000",
            "status": "critical",
            "output": "the machine is not running",
            "updated_at": "2026-01-01T00:00:00Z",
        }
    ]


def test_a_machine_that_was_not_checked_yet_gets_no_traffic() -> None:
    health = Health("m1", config(checks=[HTTP]), "127.77.1.10", scripts={})
    assert not health.routable
    assert [row["status"] for row in health.rows()] == ["critical"]


def test_a_machine_without_services_is_routable_as_soon_as_it_runs() -> None:
    assert Health("m1", {}, "127.77.1.10", scripts={}).routable


class Rehearsal:
    """A machine whose checks find `results` in turn, the last for ever, on a clock of its own."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.now = 1000.0
        self.slept: list[float] = []
        self.scripts: dict[str, Script] = {}
        self.seen: list[dict[str, Any]] = []
        self.health: Health | None = None

    async def evaluate(self, check: Check, address: str) -> Result:
        assert (check.port, address) == (4000, "127.77.1.10")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Result(status, f"is {status}")

    async def sleep(self, seconds: float) -> None:
        assert self.health is not None
        self.slept.append(seconds)
        self.seen += self.health.rows()
        self.now += seconds
        await asyncio.sleep(0)

    async def run(self, evaluations: int, **check: Any) -> Health:
        self.health = Health(
            "m1",
            config(checks=[{**HTTP, **check}]),
            "127.77.1.10",
            scripts=self.scripts,
            evaluate=self.evaluate,
            sleep=self.sleep,
            clock=lambda: self.now,
        )
        self.health.start()
        while len(self.slept) < evaluations:
            await asyncio.sleep(0)
        await self.health.stop()
        return self.health


async def test_it_asks_eagerly_until_the_first_success_and_lazily_from_then_on() -> None:
    rehearsal = Rehearsal(CRITICAL, CRITICAL, PASSING, CRITICAL, PASSING)
    health = await rehearsal.run(5)
    assert rehearsal.slept[:5] == [0.25, 0.25, 2.0, 2.0, 2.0]
    assert [row["status"] for row in rehearsal.seen[:4]] == [CRITICAL, CRITICAL, PASSING, CRITICAL]
    assert health.routable


async def test_a_failure_within_the_grace_period_is_critical_and_says_so() -> None:
    rehearsal = Rehearsal(CRITICAL)
    await rehearsal.run(3, grace_period="300ms")
    outputs = [row["output"] for row in rehearsal.seen[:3]]
    within = "is critical (within the grace period)"
    assert outputs == [within, within, "is critical"]
    assert {row["status"] for row in rehearsal.seen} == {CRITICAL}


async def test_a_result_keeps_the_time_of_its_last_change() -> None:
    rehearsal = Rehearsal(CRITICAL, PASSING)
    await rehearsal.run(4)
    times = [row["updated_at"][-7:] for row in rehearsal.seen[:4]]
    assert times == ["40.000Z", "40.250Z", "40.250Z", "40.250Z"]


async def test_a_script_decides_over_the_real_result_at_an_eager_pace() -> None:
    rehearsal = Rehearsal(PASSING)
    rehearsal.scripts["m1"] = Script((PASSING, CRITICAL))
    await rehearsal.run(3)
    assert [row["status"] for row in rehearsal.seen[:3]] == [PASSING, CRITICAL, PASSING]
    assert rehearsal.slept[:3] == [0.25, 0.25, 0.25]


async def test_another_machines_script_changes_nothing() -> None:
    rehearsal = Rehearsal(PASSING)
    rehearsal.scripts["m2"] = Script(always=CRITICAL)
    health = await rehearsal.run(2)
    assert health.routable
