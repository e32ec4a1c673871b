"""How calls are repeated and held back; all on virtual time, so waits are asserted exactly."""

import threading
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.api import FlyApi
from fly.errors import FlyAmbiguous, FlyRateLimited, FlyUnavailable
from fly.retries import CAP_S, Pacer, backoff_s, rate_limit_s, release_least_s, retry_after_s
from tests.unit.fly.fake_fly import TOKEN, FakeFly, VirtualTime, machine, ok, refused

GET = "GET /apps/a/machines/m1"


def test_a_read_is_repeated_through_faults_with_full_jitter() -> None:
    fly = FakeFly().on(
        GET, refused(500), httpx.ReadTimeout("x"), httpx.ConnectError("x"), refused(408),
        ok(machine()),
    )  # fmt: skip
    assert fly.api().machines.get("a", "m1").id == "m1"
    assert fly.time.sleeps == [0.25, 0.5, 1.0, 2.0]  # half of 0.5, 1, 2, 4


def test_a_read_gives_up_after_five_faults_and_tells_the_last() -> None:
    fly = FakeFly().on(GET, *[refused(502)] * 4, refused(503, "down"))
    with pytest.raises(FlyUnavailable, match="Fly says: down"):
        fly.api().machines.get("a", "m1")
    assert fly.count("GET") == 5


def test_an_answer_that_cannot_be_read_is_a_fault_like_another() -> None:
    strange = [httpx.Response(200, text="<html>"), ok([1]), ok({"name": "no id"})]
    fly = FakeFly().on(GET, *strange, ok(machine()))
    assert fly.api().machines.get("a", "m1").id == "m1"
    assert fly.count("GET") == 4


def test_a_burst_of_429_is_sat_out_as_long_as_fly_asks() -> None:
    limited = [refused(429, **{"retry-after": "7"})] * 2 + [refused(429)]
    fly = FakeFly().on("POST /apps/a/machines", *limited, ok(machine()))
    fly.api().machines.create("a", {"config": {}}, launch_id="l")
    assert fly.time.sleeps == [7.25, 7.5, 2.0]  # what Fly asks, or 1 s; and jitter


def test_429_without_end_is_told_after_nine() -> None:
    fly = FakeFly().on(GET, refused(429, "slow down"))
    with pytest.raises(FlyRateLimited, match="slow down"):
        fly.api().machines.get("a", "m1")
    assert fly.count("GET") == 9


def test_nobody_waits_an_hour_for_a_retry_after() -> None:
    fly = FakeFly().on(GET, refused(429, **{"retry-after": "3600"}))
    with pytest.raises(FlyRateLimited, match="HTTP 429"):
        fly.api().machines.get("a", "m1")
    assert fly.time.sleeps == []


def test_a_refusal_is_not_repeated() -> None:
    fly = FakeFly().on(GET, refused(404))
    assert fly.api().machines.find("a", "m1") is None
    assert fly.count("GET") == 1


def test_an_exec_that_may_have_run_is_not_run_twice() -> None:
    fly = FakeFly().on("POST /apps/a/machines/m1/exec", refused(504))
    with pytest.raises(FlyAmbiguous, match="HTTP 504"):
        fly.api().machines.exec("a", "m1", ["migrate"], timeout_s=5)
    assert fly.count("POST") == 1


def test_the_guard_is_asked_before_every_attempt_to_change_something_and_only_then() -> None:
    asked = []
    fly = FakeFly().on(GET, ok(machine())).on(f"POST {GET[4:]}/cordon", refused(500), ok({}))
    api = fly.api(guard=lambda: asked.append(len(fly.requests)))
    api.machines.get("a", "m1")
    api.machines.cordon("a", "m1")
    assert asked == [1, 2]


class ParentGoneError(Exception):
    def __str__(self) -> str:
        return "parent is gone"


def test_a_guard_that_raises_stops_the_request() -> None:
    def guard() -> None:
        raise ParentGoneError

    fly = FakeFly()
    with pytest.raises(ParentGoneError, match="parent is gone"):
        fly.api(guard=guard).machines.delete("a", "m1")
    assert fly.requests == []


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_above_the_cap(attempt: int, drawn: float) -> None:
    assert 0 <= backoff_s(attempt, lambda: drawn) <= CAP_S
    assert 1 <= rate_limit_s(attempt, None, lambda: drawn) <= CAP_S + 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("-3", 0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after_s(header, now=datetime(2026, 11, 23, 12, tzinfo=UTC)) == seconds


def test_calls_beyond_the_burst_go_out_once_a_second() -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    for _ in range(5):
        pacer.wait("machine.update", "m1")
    assert time.sleeps == [1.0, 1.0, 1.0]


def test_each_action_on_each_object_has_a_limit_of_its_own() -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    for action in ("machine.stop", "machine.start"):
        for target in ("m1", "m2"):
            for _ in range(2):
                pacer.wait(action, target)
    assert time.sleeps == []


def test_machines_are_created_once_a_second_so_that_a_late_call_is_not_refused() -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    for _ in range(4):
        pacer.wait("machine.create", "acme")
    assert time.sleeps == [1.0, 1.0, 1.0]


def test_reading_a_machine_may_go_faster() -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    for _ in range(12):
        pacer.wait("machine.get", "m1")
    assert [round(delay, 6) for delay in time.sleeps] == [0.2, 0.2, 0.2]


def test_a_rest_fills_the_burst_again_but_not_more() -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    for _ in range(2):
        pacer.wait("machine.stop", "m1")
    time.at += 100
    for _ in range(3):
        pacer.wait("machine.stop", "m1")
    assert time.sleeps == [1.0]


@given(st.lists(st.floats(0, 3), max_size=30))
def test_no_second_ever_sees_more_than_burst_and_rate(pauses: list[float]) -> None:
    time = VirtualTime()
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    sent = []
    for pause in pauses:
        time.at += pause
        pacer.wait("machine.stop", "m1")
        sent.append(time.at)
    for index, start in enumerate(sent):
        for length, end in enumerate(sent[index:], start=1):
            # One less than Fly allows: a call may arrive up to a second earlier than its turn.
            assert length <= 2 + (end - start) * 1 + 1e-6


def test_threads_that_share_a_pacer_take_their_places_one_after_the_other() -> None:
    delays = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            delays.append(seconds)

    pacer = Pacer(clock=lambda: 0.0, sleep=sleep)
    threads = [threading.Thread(target=pacer.wait, args=("x", "y")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(delays) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_client_of_fly_is_paced_and_one_of_the_sandbox_is_not() -> None:
    for paced, sleeps in ((True, [1.0, 1.0, 1.0]), (False, [])):
        fly = FakeFly().on("POST /apps/a/machines/m1/cordon", ok({}))
        api = fly.api(paced=paced)
        for _ in range(5):
            api.machines.cordon("a", "m1")
        assert fly.time.sleeps == sleeps


def test_a_loopback_address_is_paced_when_that_is_asked_for() -> None:
    sandbox = {"FLY_API_TOKEN": TOKEN, "FLY_FLAPS_BASE_URL": "http://127.0.0.1:4280"}
    asked = []
    for environ in (sandbox, {**sandbox, "GATEWAY_FLY_PACED": "1"}):
        with FlyApi.from_environment(environ) as api:
            asked.append(api.paced)
    assert asked == [False, True]


@pytest.mark.parametrize(("machines", "seconds"), [(1, 0), (3, 0), (4, 1), (100, 97)])
def test_a_release_takes_as_long_as_creating_its_machines_at_least(
    machines: int, seconds: float
) -> None:
    assert release_least_s(machines) == seconds
