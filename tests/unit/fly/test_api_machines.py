"""Machines: what is sent, what a lost reply leads to, waiting."""

import json
from typing import Any

import httpx
import pytest

from fly.errors import (
    FlyAmbiguous,
    FlyLeaseHeld,
    FlyNotFound,
    FlyRateLimited,
    FlyRejected,
    FlyWaitTimeout,
)
from fly.machines import LAUNCH_ID
from tests.unit.fly.fake_fly import FakeFly, machine, ok, refused

MACHINES = "/apps/a/machines"
LOST = httpx.ReadError("reset")
REQUEST: dict[str, Any] = {"config": {"image": "i", "metadata": {"x": "1"}}, "region": "iad"}


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content)


def marked(machine_id: str = "m1", launch: str = "l1", **more: Any) -> dict[str, Any]:
    return machine(machine_id, config={"metadata": {LAUNCH_ID: launch}}, **more)


def test_a_create_carries_the_launch_id_and_leaves_the_request_as_it_was() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", ok(marked(nonce="n1"), 201))
    made = fly.api().machines.create("a", REQUEST, launch_id="l1")
    assert made.nonce == "n1"
    assert body_of(fly.requests[0]) == {
        "config": {"image": "i", "metadata": {"x": "1", LAUNCH_ID: "l1"}},
        "region": "iad",
    }
    assert REQUEST["config"]["metadata"] == {"x": "1"}


@pytest.mark.parametrize("fault", [LOST, httpx.ReadTimeout("x"), refused(408), refused(503)])
def test_a_machine_whose_reply_was_lost_is_found_and_not_made_twice(
    fault: httpx.Response | Exception,
) -> None:
    fly = FakeFly().on(f"POST {MACHINES}", fault).on(f"GET {MACHINES}", ok([]), ok([marked()]))
    assert fly.api().machines.create("a", REQUEST, launch_id="l1").id == "m1"
    assert fly.count("POST") == 1
    assert fly.requests[-1].url.params[f"metadata.{LAUNCH_ID}"] == "l1"


def test_a_create_that_had_no_effect_is_sent_again_after_looking() -> None:
    fly = (
        FakeFly()
        .on(f"POST {MACHINES}", LOST, ok(marked()))
        .on(f"GET {MACHINES}", ok([marked("other", "l0")]))
    )
    assert fly.api().machines.create("a", REQUEST, launch_id="l1").id == "m1"
    assert [request.method for request in fly.requests] == ["POST", "GET", "GET", "GET", "POST"]
    assert fly.time.sleeps == [0.25, 0.5, 1.0]


def test_a_create_that_stays_unknown_is_told_as_such() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", LOST).on(f"GET {MACHINES}", ok(None))
    with pytest.raises(FlyAmbiguous, match="looked for before anything is made"):
        fly.api().machines.create("a", REQUEST, launch_id="l1")
    assert fly.count("POST") == 3


def test_a_create_that_never_left_is_sent_again_without_looking() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", httpx.ConnectError("x"), ok(marked()))
    fly.api().machines.create("a", REQUEST, launch_id="l1")
    assert [request.method for request in fly.requests] == ["POST", "POST"]


def test_a_create_that_is_refused_is_not_repeated() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", refused(422, "guest.cpus is out of range"))
    with pytest.raises(FlyRejected, match=r"guest\.cpus is out of range"):
        fly.api().machines.create("a", REQUEST, launch_id="l1")
    assert fly.count("POST") == 1


def test_a_create_whose_answer_cannot_be_read_is_looked_for() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", ok({"no": "id"})).on(f"GET {MACHINES}", ok([marked()]))
    assert fly.api().machines.create("a", REQUEST, launch_id="l1").id == "m1"


def test_of_two_machines_with_one_launch_id_the_older_is_taken() -> None:
    rows = [marked("m2", created_at="2026-02"), marked("m1", created_at="2026-01")]
    fly = FakeFly().on(f"POST {MACHINES}", LOST).on(f"GET {MACHINES}", ok(rows))
    assert fly.api().machines.create("a", REQUEST, launch_id="l1").id == "m1"


def test_the_list_leaves_out_destroyed_machines_and_checks_the_filter_itself() -> None:
    rows = [marked("m1"), marked("m2", state="destroyed"), marked("m3", "other"), machine("m4")]
    fly = FakeFly().on(f"GET {MACHINES}", ok(rows))
    found = fly.api().machines.list("a", metadata={LAUNCH_ID: "l1"})
    assert [m.id for m in found] == ["m1"]
    assert len(fly.api().machines.list("a")) == 3


def test_an_update_sends_the_whole_configuration_under_the_lease() -> None:
    fly = FakeFly().on(f"POST {MACHINES}/m1", ok(machine(instance_id="i2")))
    updated = fly.api().machines.update("a", "m1", REQUEST, nonce="n1", current_version="i1")
    assert updated.instance_id == "i2"
    assert fly.requests[0].headers["fly-machine-lease-nonce"] == "n1"
    assert body_of(fly.requests[0]) == {**REQUEST, "current_version": "i1"}


def test_an_update_that_took_effect_behind_a_lost_reply_restarts_nothing_again() -> None:
    config = {**REQUEST["config"], "metadata": {"x": "1", "fly_release_id": "new each time"}}
    fly = (
        FakeFly()
        .on(f"POST {MACHINES}/m1", LOST)
        .on(f"GET {MACHINES}/m1", ok(machine(instance_id="i2", config=config)))
    )
    updated = fly.api().machines.update("a", "m1", REQUEST, nonce="n", current_version="i1")
    assert updated.instance_id == "i2"
    assert fly.count("POST") == 1


@pytest.mark.parametrize(
    ("instance_id", "config"), [("i1", REQUEST["config"]), ("i2", {"image": "another"})]
)
def test_an_update_that_did_not_take_effect_is_sent_again(
    instance_id: str, config: dict[str, Any]
) -> None:
    fly = (
        FakeFly()
        .on(f"POST {MACHINES}/m1", LOST, ok(machine(instance_id="i3")))
        .on(f"GET {MACHINES}/m1", ok(machine(instance_id=instance_id, config=config)))
    )
    updated = fly.api().machines.update("a", "m1", REQUEST, nonce="n", current_version="i1")
    assert updated.instance_id == "i3"


def test_an_update_that_stays_unknown_is_told_as_such() -> None:
    fly = FakeFly().on(f"POST {MACHINES}/m1", LOST).on(f"GET {MACHINES}/m1", ok(machine()))
    with pytest.raises(FlyAmbiguous, match="ReadError"):
        fly.api().machines.update("a", "m1", REQUEST, nonce="n", current_version="i1")
    assert fly.count("POST") == 3


def test_an_update_without_the_lease_is_told_whose_it_is() -> None:
    held = refused(409, "machine m1 lease currently held by someone, expires at noon")
    fly = FakeFly().on(f"POST {MACHINES}/m1", held)
    with pytest.raises(FlyLeaseHeld, match="held by someone"):
        fly.api().machines.update("a", "m1", REQUEST, nonce=None)


@pytest.mark.parametrize("gone", [refused(404), refused(400, "Could not find App")])
def test_deleting_what_is_gone_is_fine(gone: httpx.Response) -> None:
    fly = FakeFly().on(f"DELETE {MACHINES}/m1", refused(502), gone)
    fly.api().machines.delete("a", "m1", nonce="n")
    assert dict(fly.requests[0].url.params) == {"force": "true", "kill": "true"}


def test_a_machine_that_fly_remembers_as_destroyed_is_gone() -> None:
    fly = FakeFly().on(f"GET {MACHINES}/m1", ok(machine(state="destroyed")))
    assert fly.api().machines.find("a", "m1") is None
    assert fly.api().machines.get("a", "m1").state == "destroyed"


def test_the_small_actions_send_what_fly_wants() -> None:
    fly = FakeFly()
    for action in ("start", "stop", "cordon", "uncordon", "metadata/k%2Fk"):
        fly.answers[f"POST {MACHINES}/m1/{action.replace('%2F', '/')}"] = [ok({"ok": True})]
    api = fly.api()
    api.machines.start("a", "m1", nonce="n")
    api.machines.stop("a", "m1")
    api.machines.stop("a", "m1", signal="SIGTERM", timeout_s=12.5)
    api.machines.cordon("a", "m1")
    api.machines.uncordon("a", "m1")
    api.machines.set_metadata("a", "m1", "k/k", "v")
    sent = [(r.url.raw_path.decode().rpartition("m1/")[2], r.content) for r in fly.requests]
    assert sent == [
        ("start", b""),
        ("stop", b"{}"),
        ("stop", b'{"signal":"SIGTERM","timeout":"12.5s"}'),
        ("cordon", b""),
        ("uncordon", b""),
        ("metadata/k%2Fk", b'{"value":"v"}'),
    ]


def test_an_exec_answers_what_the_command_answered() -> None:
    answer = ok({"exit_code": 3, "stdout": "out", "stderr": "err"})
    fly = FakeFly().on(f"POST {MACHINES}/m1/exec", answer)
    result = fly.api().machines.exec("a", "m1", ["sh", "-c", "x"], timeout_s=30, stdin="in")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out", "err")
    assert body_of(fly.requests[0]) == {
        "command": ["sh", "-c", "x"],
        "timeout": 30,
        "stdin": "in",
    }
    assert fly.requests[0].extensions["timeout"]["read"] == 45


def test_events_come_with_the_machine() -> None:
    rows = [{"type": "exit"}, {"type": "start"}]
    fly = FakeFly().on(f"GET {MACHINES}/m1", ok(machine(events=rows)))
    assert fly.api().machines.events("a", "m1") == tuple(rows)


def slept(fly: FakeFly, seconds: float, status: int) -> Any:
    """Answer a wait as Fly does: after the time it was given."""

    def answer(_: httpx.Request) -> httpx.Response:
        fly.time.at += seconds
        return refused(status, "deadline_exceeded") if status != 200 else ok({"ok": True})

    return answer


def test_a_wait_is_cut_into_slices_of_its_own_version() -> None:
    fly = FakeFly()
    fly.on(f"GET {MACHINES}/m1/wait", slept(fly, 60, 408), slept(fly, 60, 408), slept(fly, 2, 200))
    ticks = []
    fly.api().machines.wait(
        "a", "m1", "started", instance_id="i2", timeout_s=130,
        tick=lambda: ticks.append(fly.time.at),
    )  # fmt: skip
    assert [r.url.params["timeout"] for r in fly.requests] == ["60", "60", "10"]
    assert {r.url.params["instance_id"] for r in fly.requests} == {"i2"}
    assert {r.url.params["version"] for r in fly.requests} == {"i2"}
    assert [r.extensions["timeout"]["read"] for r in fly.requests] == [75, 75, 25]
    assert ticks == [1000, 1060, 1120]
    assert fly.time.sleeps == []


def test_a_wait_ends_at_its_deadline() -> None:
    fly = FakeFly()
    fly.on(f"GET {MACHINES}/m1/wait", slept(fly, 60, 408))
    with pytest.raises(FlyWaitTimeout, match="not started within 90 s"):
        fly.api().machines.wait("a", "m1", "started", instance_id="i", timeout_s=90)
    assert [r.url.params["timeout"] for r in fly.requests] == ["60", "30"]


class PointlessError(Exception):
    def __str__(self) -> str:
        return "it crashed"


def test_a_tick_that_raises_ends_the_wait() -> None:
    def tick() -> None:
        if fly.requests:
            raise PointlessError

    fly = FakeFly()
    fly.on(f"GET {MACHINES}/m1/wait", slept(fly, 5, 408))
    with pytest.raises(PointlessError, match="it crashed"):
        fly.api().machines.wait(
            "a", "m1", "started", instance_id="i", timeout_s=90, slice_s=5, tick=tick
        )
    assert len(fly.requests) == 1


def test_a_fault_while_waiting_is_repeated() -> None:
    fly = FakeFly().on(f"GET {MACHINES}/m1/wait", refused(502), ok({"ok": True}))
    fly.api().machines.wait("a", "m1", "started", instance_id="i", timeout_s=90)
    assert fly.count("GET") == 2


def test_a_machine_that_is_gone_is_destroyed_and_nothing_else() -> None:
    fly = FakeFly().on(f"GET {MACHINES}/m1/wait", refused(404))
    fly.api().machines.wait("a", "m1", "destroyed", instance_id=None, timeout_s=9)
    assert "version" not in fly.requests[0].url.params
    with pytest.raises(FlyNotFound, match="m1/wait"):
        fly.api().machines.wait("a", "m1", "started", instance_id="i", timeout_s=9)


def test_a_rate_limit_does_not_count_as_an_unknown_outcome() -> None:
    fly = FakeFly().on(f"POST {MACHINES}", refused(429))
    with pytest.raises(FlyRateLimited, match="nothing was changed"):
        fly.api().machines.create("a", REQUEST, launch_id="l1")
    assert fly.count("GET") == 0


def test_a_machine_is_read_with_all_that_it_says() -> None:
    row = machine(
        config={"metadata": {"fly_process_group": "app"}},
        image_ref={"registry": "r", "repository": "p", "tag": "t", "digest": "sha256:d"},
        checks=[{"name": "c", "status": "passing", "output": "ok"}, {"name": "d"}],
        host_status="ok",
        cordoned=True,
        private_ip="fdaa::1",
    )
    fly = FakeFly().on(f"GET {MACHINES}/m1", ok(row))
    found = fly.api().machines.get("a", "m1")
    assert (found.group, found.image.digest, found.host_status) == ("app", "sha256:d", "ok")
    assert [check.passing for check in found.checks] == [True, False]
    assert found.cordoned is True


def test_a_machine_on_a_lost_host_has_what_fly_still_knows() -> None:
    row = {"id": "m1", "config": None, "incomplete_config": {"image": "i"}}
    fly = FakeFly().on(f"GET {MACHINES}/m1", ok(row))
    assert fly.api().machines.get("a", "m1").config == {"image": "i"}
    assert fly.api().machines.get("a", "m1").cordoned is None
