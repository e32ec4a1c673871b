"""Leases: taking, waiting for, keeping and giving back."""

from typing import Any

import httpx
import pytest

from fly.errors import FlyAmbiguous, FlyLeaseHeld
from tests.unit.fly.fake_fly import FakeFly, ok, refused

LEASE = "/apps/a/machines/m1/lease"
HELD = refused(409, "lease currently held by other@example.com")
LOST = httpx.ReadError("reset")


def lease(nonce: str = "n1", **more: Any) -> httpx.Response:
    return ok({"status": "success", "data": {"nonce": nonce, "expires_at": 1150, **more}}, 201)


def fly_with(*answers: httpx.Response | Exception) -> FakeFly:
    return FakeFly().on(f"POST {LEASE}", *answers).on(f"DELETE {LEASE}", ok({}))


def test_a_lease_is_held_for_the_block_and_given_back() -> None:
    fly = fly_with(lease())
    with fly.api().leases.held("a", "m1") as held:
        assert held.nonce == "n1"
        assert fly.count("DELETE") == 0
    assert fly.requests[0].url.params["ttl"] == "150"
    assert fly.requests[-1].headers["fly-machine-lease-nonce"] == "n1"


def test_a_lease_is_given_back_when_the_block_fails() -> None:
    fly = fly_with(lease())
    with pytest.raises(RuntimeError, match="broke"), fly.api().leases.held("a", "m1"):
        raise RuntimeError("broke")
    assert fly.count("DELETE") == 1


def test_another_clients_lease_is_waited_out_and_told_about() -> None:
    fly = fly_with(HELD, HELD, lease())
    fly.on(f"GET {LEASE}", ok({"data": {"owner": "o@example.com", "expires_at": 1096}}))
    told: list[str] = []
    with fly.api().leases.held("a", "m1", progress=told.append) as held:
        assert held.nonce == "n1"
    assert fly.time.sleeps == [5.0, 5.0]
    assert told == [
        "machine m1: leased by o@example.com for 96 s more",
        "machine m1: leased by o@example.com for 91 s more",
    ]


def test_a_lease_that_ends_soon_is_tried_again_then() -> None:
    fly = fly_with(HELD, HELD, lease()).on(f"GET {LEASE}", ok({"data": {"expires_at": 1002.5}}))
    with fly.api().leases.held("a", "m1"):
        pass
    assert fly.time.sleeps == [2.5, 1.0]


def test_patience_ends() -> None:
    fly = fly_with(HELD).on(f"GET {LEASE}", refused(404))
    with (
        pytest.raises(FlyLeaseHeld, match=r"held by other@example\.com"),
        fly.api().leases.held("a", "m1", patience_s=12),
    ):
        raise AssertionError
    assert fly.time.sleeps == [5.0, 5.0, 2.0]
    assert fly.count("DELETE") == 0


@pytest.mark.parametrize("fault", [LOST, refused(503), HELD])
def test_our_own_lease_behind_a_lost_reply_is_recognised(
    fault: httpx.Response | Exception,
) -> None:
    fly = fly_with(fault).on(f"GET {LEASE}", lease("n7", description="launch 1"))
    with fly.api().leases.held("a", "m1", description="launch 1") as held:
        assert held.nonce == "n7"
    assert fly.count("POST") == 1


def test_a_lease_of_another_description_is_not_taken_for_ours() -> None:
    fly = fly_with(HELD).on(f"GET {LEASE}", lease("n7", description="launch 2"))
    with pytest.raises(FlyLeaseHeld, match="HTTP 409"):
        fly.api().leases.acquire("a", "m1", ttl_s=60, description="launch 1")


def test_without_a_description_no_lease_is_recognised() -> None:
    fly = fly_with(LOST).on(f"GET {LEASE}", lease("n7"))
    with pytest.raises(FlyAmbiguous, match="ReadError"):
        fly.api().leases.acquire("a", "m1", ttl_s=60)


def test_a_lease_whose_reply_was_lost_and_that_nobody_holds_is_asked_for_again() -> None:
    fly = fly_with(LOST, lease()).on(f"GET {LEASE}", refused(404))
    with fly.api().leases.held("a", "m1") as held:
        assert held.nonce == "n1"


def test_a_lease_is_refreshed_only_when_half_of_it_is_gone() -> None:
    fly = fly_with(lease(), lease(), lease("n2"))
    with fly.api().leases.held("a", "m1", ttl_s=100) as held:
        fly.time.at += 49
        held.keep()
        assert fly.count("POST") == 1
        fly.time.at += 1
        held.keep()
        held.keep()
        assert fly.count("POST") == 2
        fly.time.at += 50
        held.keep()
        assert held.nonce == "n2"
    assert fly.requests[1].headers["fly-machine-lease-nonce"] == "n1"


def test_a_lease_that_was_lost_is_told() -> None:
    fly = fly_with(lease(), HELD)
    with fly.api().leases.held("a", "m1", ttl_s=10) as held:
        fly.time.at += 9
        with pytest.raises(FlyLeaseHeld, match="HTTP 409"):
            held.keep()


def test_a_lease_whose_machine_is_gone_needs_no_giving_back() -> None:
    fly = fly_with(lease()).on(f"DELETE {LEASE}", refused(404))
    with fly.api().leases.held("a", "m1"):
        pass
    assert fly.count("DELETE") == 1


def test_a_lease_that_cannot_be_given_back_hides_no_result() -> None:
    fly = fly_with(lease()).on(f"DELETE {LEASE}", refused(500))
    told: list[str] = []
    with fly.api().leases.held("a", "m1", progress=told.append):
        pass
    assert told == ["machine m1: its lease stays until it ends (fly.unavailable)"]


def test_looking_at_a_lease_tells_when_there_is_none() -> None:
    fly = FakeFly().on(f"GET {LEASE}", refused(404), ok({"status": "success", "data": None}))
    assert fly.api().leases.view("a", "m1") is None
    assert fly.api().leases.view("a", "m1") is None


def test_the_end_of_a_lease_may_be_a_date() -> None:
    row = {"data": {"nonce": "n", "expires_at": "1970-01-01T00:20:00Z"}}
    fly = FakeFly().on(f"GET {LEASE}", ok(row))
    found = fly.api().leases.view("a", "m1")
    assert found is not None
    assert found.expires_at == 1200
