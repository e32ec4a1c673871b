from typing import Any

import pytest

from tests.unit.sandbox.fakes import Sandbox

MUTATIONS = [
    ("POST", "", {"config": {"image": "stub:2"}}),
    ("POST", "/start", None),
    ("POST", "/stop", None),
    ("POST", "/restart", None),
    ("POST", "/cordon", None),
    ("POST", "/uncordon", None),
    ("POST", "/lease?ttl=30", None),
    ("DELETE", "/lease", None),
    ("DELETE", "?force=true", None),
]


async def test_a_lease_is_taken_shown_prolonged_and_given_back(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    at = f"{path}/{machine['id']}/lease"
    await fly.call("GET", at, expect=404)
    taken = await fly.call("POST", at + "?ttl=13", {"description": "deploy"}, expect=201)
    assert taken["status"] == "success"
    nonce = taken["data"]["nonce"]
    assert taken["data"]["expires_at"] == int(fly.clock.now) + 13
    shown = await fly.call("GET", at)
    assert shown["data"]["nonce"] == nonce
    assert shown["data"]["description"] == "deploy"
    fly.clock.now += 10
    again = await fly.call("POST", at, {"ttl": 20}, nonce=nonce, expect=201)
    assert again["data"]["nonce"] == nonce
    assert again["data"]["expires_at"] == int(fly.clock.now) + 20
    await fly.call("DELETE", at, nonce=nonce)
    await fly.call("GET", at, expect=404)
    await fly.call("DELETE", at, nonce=nonce, expect=404)


@pytest.mark.parametrize(("method", "at", "body"), MUTATIONS)
async def test_while_leased_nothing_is_changed_without_the_nonce(
    fly: Sandbox, method: str, at: str, body: Any
) -> None:
    path = await fly.app()
    machine = await fly.machine(path, lease_ttl=60)
    one = f"{path}/{machine['id']}"
    before = await fly.call("GET", one)
    for nonce in (None, "0123456789ab"):
        error = await fly.call(method, one + at, body, nonce=nonce, expect=409)
        assert "lease currently held" in error["error"]
    assert await fly.call("GET", one) == before
    expect = 201 if at.startswith("/lease?") else 200
    await fly.call(method, one + at, body, nonce=machine["nonce"], expect=expect)


async def test_a_lease_ends_by_itself(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, lease_ttl=300)
    one = f"{path}/{machine['id']}"
    fly.clock.now += 299
    await fly.call("POST", one + "/lease?ttl=13", expect=409)
    fly.clock.now += 2
    await fly.call("POST", one + "/cordon", nonce="0123456789ab")
    taken = await fly.call("POST", one + "/lease?ttl=13", expect=201)
    assert taken["data"]["nonce"] != machine["nonce"]


async def test_an_update_with_a_ttl_prolongs_the_lease(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, lease_ttl=5)
    one = f"{path}/{machine['id']}"
    body = {"config": {"image": "stub:2"}, "lease_ttl": 60}
    updated = await fly.call("POST", one, body, nonce=machine["nonce"])
    assert updated["nonce"] == machine["nonce"]
    fly.clock.now += 30
    await fly.call("POST", one + "/cordon", expect=409)


async def test_another_client_can_hold_the_lease(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, lease_ttl=60)
    one = f"{path}/{machine['id']}"
    body = {"machine": machine["id"], "seconds": 30}
    await fly.call("POST", "/_sandbox/apps/web/lease", body, expect=201)
    error = await fly.call("POST", one + "/stop", nonce=machine["nonce"], expect=409)
    assert "another-client" in error["error"]
    await fly.call("GET", one)
    fly.clock.now += 31
    await fly.call("POST", one + "/stop")


async def test_a_destroyed_machine_leaves_no_lease(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, lease_ttl=300)
    at = f"{path}/{machine['id']}?force=true"
    await fly.call("DELETE", at, nonce=machine["nonce"])
    assert not fly.state.leases
