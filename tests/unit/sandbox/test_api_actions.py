import asyncio
from typing import Any

import pytest

from sandbox.interfaces import ExecResult, ImageError
from tests.unit.sandbox.fakes import Sandbox


async def test_stop_uses_the_stop_config_unless_told_otherwise(fly: Sandbox) -> None:
    path = await fly.app()
    config = {"stop_config": {"signal": "SIGTERM", "timeout": "2m0s"}}
    machine = await fly.machine(path, config=config)
    one = f"{path}/{machine['id']}"
    await fly.call("POST", one + "/stop", {"id": machine["id"], "timeout": "0s"})
    assert fly.runtime.log[-1] == ("stop", machine["id"], "SIGTERM", "120")
    shown = await fly.call("GET", one)
    assert shown["state"] == "stopped"
    assert shown["events"][0]["request"]["exit_event"]["requested_stop"] is True
    await fly.call("POST", one + "/stop")
    await fly.call("POST", one + "/start")
    await fly.call("POST", one + "/stop", {"signal": "SIGKILL", "timeout": "3s"})
    assert fly.runtime.log[-1] == ("stop", machine["id"], "SIGKILL", "3")
    bare = await fly.machine(path)
    await fly.call("POST", f"{path}/{bare['id']}/stop")
    assert fly.runtime.log[-1] == ("stop", bare["id"], "SIGINT", "5")


async def test_a_restart_keeps_the_version(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    await fly.call("POST", one + "/restart?force_stop=true")
    shown = await fly.call("GET", one)
    assert (shown["state"], shown["instance_id"]) == ("started", machine["instance_id"])
    assert [line[0] for line in fly.runtime.log] == ["start", "stop", "start"]


async def test_requests_answer_at_once_and_the_work_goes_on_behind(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    fly.runtime.slow_stop = asyncio.Event()
    await fly.call("POST", one + "/stop")
    assert (await fly.call("GET", one))["state"] == "stopping"
    error = await fly.call("POST", one + "/start", expect=412)
    assert "'stopping'" in error["error"]
    fly.runtime.slow_stop.set()
    await fly.call("GET", one + "/wait?state=stopped&timeout=5")


async def test_of_two_updates_only_the_last_one_runs(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    fly.runtime.slow_stop = asyncio.Event()
    await fly.call("POST", one, {"config": {"image": "stub:2"}})
    last = await fly.call("POST", one, {"config": {"image": "stub:3"}})
    fly.runtime.slow_stop.set()
    await fly.lifecycle.settle()
    assert fly.runtime.running[machine["id"]].instance_id == last["instance_id"]
    assert (await fly.call("GET", one))["state"] == "started"
    assert len([line for line in fly.runtime.log if line[0] == "start"]) == 2


async def test_a_machine_destroyed_during_its_update_is_not_started_again(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    fly.runtime.slow_stop = asyncio.Event()
    await fly.call("POST", one, {"config": {"image": "stub:2"}})
    await fly.call("DELETE", one + "?force=true")
    fly.runtime.slow_stop.set()
    await fly.lifecycle.settle()
    assert (await fly.call("GET", one))["state"] == "destroyed"
    assert not fly.runtime.running


async def test_a_forced_destruction_does_not_wait_for_a_graceful_stop(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    fly.runtime.slow_stop = asyncio.Event()
    await fly.call("POST", one + "/stop")
    await fly.call("DELETE", one + "?force=true")
    await fly.call("GET", one + "/wait?state=destroyed&timeout=5")
    assert not fly.runtime.slow_stop.is_set()


async def test_the_running_process_is_stopped_by_the_rule_it_was_started_with(
    fly: Sandbox,
) -> None:
    path = await fly.app()
    machine = await fly.machine(path, config={"stop_config": {"signal": "SIGTERM"}})
    one = f"{path}/{machine['id']}"
    body = {"config": {"image": "stub:2", "stop_config": {"signal": "SIGHUP"}}}
    await asyncio.gather(fly.http.post(one, json=body), fly.http.post(one, json=body))
    await fly.lifecycle.settle()
    stops = [line[2] for line in fly.runtime.log if line[0] == "stop"]
    assert stops[0] == "SIGTERM"


async def test_wait_is_over_when_the_state_comes(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, skip_launch=True)
    one = f"{path}/{machine['id']}"
    waiting = asyncio.create_task(fly.http.get(one + "/wait?state=started&timeout=60"))
    while len(fly.board.calls) < 3:
        await asyncio.sleep(0)
    assert not waiting.done()
    await fly.call("POST", one + "/start")
    response = await waiting
    assert (response.status_code, response.json()) == (200, {"ok": True})


@pytest.mark.parametrize("name", ["version", "instance_id"])
async def test_wait_for_a_version_is_not_satisfied_by_another(fly: Sandbox, name: str) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    await fly.call("GET", f"{one}/wait?{name}={machine['instance_id']}&timeout=1")
    updated = await fly.call("POST", one, {"config": {"image": "stub:2"}})
    error = await fly.call(
        "GET", f"{one}/wait?{name}={machine['instance_id']}&timeout=1", expect=408
    )
    assert error["error"].startswith("deadline_exceeded")
    await fly.call("GET", f"{one}/wait?{name}={updated['instance_id']}&timeout=1")


@pytest.mark.parametrize(
    ("query", "status"), [("timeout=61", 400), ("timeout=0", 400), ("state=suspended", 501)]
)
async def test_wait_has_limits(fly: Sandbox, query: str, status: int) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    await fly.call("GET", f"{path}/{machine['id']}/wait?{query}", expect=status)


@pytest.mark.parametrize("code", [0, 3])
async def test_a_one_off_machine_is_destroyed_after_its_exit_and_tells_the_code(
    fly: Sandbox, code: int
) -> None:
    path = await fly.app()
    config = {"auto_destroy": True, "restart": {"policy": "no"}}
    machine = await fly.machine(path, config=config)
    one = f"{path}/{machine['id']}"
    fly.runtime.exit(machine["id"], code)
    await fly.call("GET", one + "/wait?state=destroyed&timeout=5")
    shown = await fly.call("GET", one)
    assert shown["state"] == "destroyed"
    exits = [event for event in shown["events"] if event["type"] == "exit"]
    assert exits[0]["request"]["exit_event"]["exit_code"] == code
    assert await fly.call("GET", path) == []


async def test_an_exit_without_restart_stops_the_machine(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    fly.runtime.exit(machine["id"], 1)
    shown = await fly.call("GET", f"{path}/{machine['id']}")
    assert shown["state"] == "stopped"
    assert shown["events"][0]["request"]["exit_event"]["restarting"] is False


async def test_restarts_by_policy_are_counted_until_somebody_starts_the_machine_anew(
    fly: Sandbox,
) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"

    async def crash() -> int:
        await fly.call("POST", f"/_sandbox/machines/{machine['id']}/kill", expect=204)
        shown = await fly.call("GET", one)
        assert shown["state"] == "starting"
        await fly.runtime.start(fly.state.machines[machine["id"]], {})
        assert (await fly.call("GET", one))["state"] == "started"
        return int(shown["events"][0]["request"]["restart_count"])

    assert [await crash(), await crash()] == [1, 2]
    await fly.call("POST", one + "/restart")
    assert await crash() == 1


async def test_a_runtime_that_breaks_leaves_a_failed_machine_that_says_why(fly: Sandbox) -> None:
    path = await fly.app()
    fly.runtime.broken = "no such image here"
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    shown = await fly.call("GET", one)
    assert shown["state"] == "failed"
    assert "no such image here" in shown["events"][0]["request"]["error"]
    fly.runtime.broken = None
    await fly.call("POST", one + "/start")
    assert (await fly.call("GET", one))["state"] == "started"


async def test_exec_answers_with_both_streams_and_the_exit_code(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "v"}})
    machine = await fly.machine(path, lease_ttl=60)
    at = f"{path}/{machine['id']}/exec"
    fly.runtime.exec_result = ExecResult(7, "out", "err")
    answer = await fly.call("POST", at, {"command": ["sh", "-c", "exit 7"], "timeout": 5})
    assert answer == {"exit_code": 7, "exit_signal": 0, "stdout": "out", "stderr": "err"}
    assert fly.runtime.log[-1] == ("exec", machine["id"], "sh", "-c", "exit 7", "5", "KEY")
    await fly.call("POST", at, {"cmd": "psql -c 'select 1'"})
    assert fly.runtime.log[-1][2:5] == ("psql", "-c", "select 1")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(TimeoutError(), 408), (FileNotFoundError("psql"), 400), (ImageError("none"), 400)],
)
async def test_exec_that_does_not_end_well_is_an_error(
    fly: Sandbox, outcome: Exception, status: int
) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    fly.runtime.exec_result = outcome
    await fly.call("POST", f"{path}/{machine['id']}/exec", {"command": ["psql"]}, expect=status)


@pytest.mark.parametrize(
    ("body", "status"), [({}, 422), ({"command": [1]}, 422), ({"cmd": "a", "stdin": "b"}, 501)]
)
async def test_exec_needs_words_and_takes_no_stdin(fly: Sandbox, body: Any, status: int) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    await fly.call("POST", f"{path}/{machine['id']}/exec", body, expect=status)


async def test_exec_needs_a_started_machine(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, skip_launch=True)
    await fly.call("POST", f"{path}/{machine['id']}/exec", {"command": ["true"]}, expect=412)


async def test_events_are_listed_newest_first(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    fly.clock.now += 5
    await fly.call("POST", f"{path}/{machine['id']}/stop")
    events = await fly.call("GET", f"{path}/{machine['id']}/events")
    assert [event["type"] for event in events] == ["exit", "stop", "start", "launch"]
    assert events[0]["timestamp"] - events[-1]["timestamp"] == 5000
