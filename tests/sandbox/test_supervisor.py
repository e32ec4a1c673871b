import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.supervisor import signal_number
from tests.sandbox.tiny import TinyImage, World, alive, kill_quietly, machine, wait_until, zombies

FOREVER = "echo up > up; exec sleep 1000"
ON_FAILURE = {"policy": "on-failure", "max_retries": 2}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.supervisor.kill_all()
    await world.supervisor.shutdown()
    assert zombies() == []
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("machine-")]


async def test_the_environment_is_exactly_the_machines_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INHERITED", "no")
    world.secrets = {"TOKEN": "s3cret", "PLAIN": "from the secret"}
    await world.shell("/usr/bin/env > all; echo > done", env={"PLAIN": "1", "DB": "acme.flycast"})
    await world.wait_for_file("done")
    env = dict(line.split("=", 1) for line in world.path("rootfs", "all").read_text().splitlines())
    assert env["TOKEN"] == "s3cret"
    assert env["PLAIN"] == "from the secret"
    assert env["DB"] == "127.99.1.1"
    assert env["FLY_MACHINE_ID"] == "m1"
    assert "INHERITED" not in env
    assert set(env) - {"PWD", "SHLVL", "_"} == {"TOKEN", "PLAIN", "DB", "PRIMARY_REGION"} | {
        name for name in env if name.startswith("FLY_")
    }


async def test_what_the_process_prints_is_in_the_machines_log(world: World) -> None:
    await world.shell("echo out; echo err >&2; exec sleep 1000")
    log = world.path("log")
    await wait_until(lambda: log.read_text() == "out\nerr\n")
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_started_machine_is_reported_with_pid_and_start(world: World) -> None:
    record = await world.shell(FOREVER)
    ((_, kind, detail),) = world.events
    assert kind == "started"
    assert record.pid is not None
    assert alive(record.pid)
    assert detail["pid_started"] > 0
    assert os.getpgid(record.pid) == os.getsid(record.pid) == record.pid


async def test_a_second_start_changes_nothing(world: World) -> None:
    record = await world.shell(FOREVER)
    pid = record.pid
    await world.start(record)
    assert world.kinds() == ["started"]
    assert record.pid == pid


async def test_a_crash_is_restarted_until_the_retries_are_used_up(world: World) -> None:
    await world.shell("echo x >> starts; exit 3", restart=ON_FAILURE)
    await wait_until(lambda: len(world.exits()) == 3)
    assert world.path("rootfs", "starts").read_text() == "x\nx\nx\n"
    assert [(e["exit_code"], e["restarting"], e["restart_count"]) for e in world.exits()] == [
        (3, True, 1),
        (3, True, 2),
        (3, False, 2),
    ]
    assert world.kinds() == ["started", "exited"] * 3


@pytest.mark.parametrize("script", ["exit 0", "kill -TERM $$"])
async def test_a_clean_exit_is_not_restarted(world: World, script: str) -> None:
    await world.shell(script)
    await wait_until(world.exits)
    assert not world.exits()[0]["restarting"]
    assert not world.exits()[0]["requested_stop"]


async def test_the_policy_always_restarts_after_a_clean_exit_too(world: World) -> None:
    await world.shell("exit 0", restart={"policy": "always"})
    await wait_until(lambda: len(world.exits()) >= 3)
    assert all(exit_["restarting"] for exit_ in world.exits())


async def test_the_policy_no_leaves_a_crash_alone(world: World) -> None:
    await world.shell("exit 3", restart={"policy": "no"})
    await wait_until(world.exits)
    assert [exit_["restarting"] for exit_ in world.exits()] == [False]


async def test_killing_a_machine_is_a_crash(world: World) -> None:
    record = await world.shell(FOREVER)
    first = record.pid
    await world.supervisor.kill("m1")
    await wait_until(lambda: world.kinds() == ["started", "exited", "started"])
    (exit_,) = world.exits()
    assert (exit_["exit_code"], exit_["signal"]) == (137, 9)
    assert (exit_["requested_stop"], exit_["restarting"]) == (False, True)
    assert record.pid != first


async def test_a_stop_sends_its_signal_and_reports_a_requested_exit(world: World) -> None:
    await world.shell(
        "trap 'echo int > got; exit 0' INT; echo up > up; while :; do sleep 0.01; done"
    )
    await world.wait_for_file("up")
    await world.supervisor.stop("m1", signal="SIGINT", timeout_s=10)
    assert world.path("rootfs", "got").read_text() == "int\n"
    assert world.exits() == [
        {"exit_code": 0, "requested_stop": True, "restarting": False, "restart_count": 0}
    ]


async def test_a_process_that_ignores_the_signal_is_killed_with_its_group(world: World) -> None:
    record = await world.shell("trap '' TERM; sleep 1000 & echo $! > child; wait; sleep 1000")
    child = int(await world.wait_for_file("child"))
    await world.supervisor.stop("m1", signal="SIGTERM", timeout_s=0.2)
    assert record.pid is not None
    await wait_until(lambda: not alive(child))
    assert not alive(record.pid)
    assert world.exits()[0]["exit_code"] == 137


async def test_what_a_process_leaves_of_its_group_is_killed_when_it_ends(world: World) -> None:
    await world.shell("sleep 1000 & echo $! > child")
    child = int(await world.wait_for_file("child"))
    await wait_until(world.exits)
    await wait_until(lambda: not alive(child))


async def test_a_stop_ends_the_back_off(world: World) -> None:
    world.supervisor = world.another()
    await world.shell("exit 1", restart={"policy": "always"})
    await wait_until(lambda: len(world.exits()) >= 2)
    await world.supervisor.stop("m1", signal="SIGTERM", timeout_s=5)
    assert world.exits()[-1]["requested_stop"]
    assert not world.exits()[-1]["restarting"]
    known = len(world.events)
    await world.supervisor.stop("m1", signal="SIGTERM", timeout_s=5)
    assert len(world.events) == known


async def test_stopping_what_does_not_run_is_no_error(world: World) -> None:
    await world.supervisor.stop("nobody", signal="SIGTERM", timeout_s=1)
    await world.supervisor.kill("nobody")
    await world.supervisor.forget("nobody")


async def test_the_rootfs_is_fresh_at_a_start_and_kept_over_a_restart(world: World) -> None:
    mounts = [{"volume": "vol_1", "path": "/data"}]
    script = "echo x >> root; echo x >> data/volume; echo up > up; exec sleep 1000"
    record = await world.shell(script, mounts=mounts)
    await world.wait_for_file("up")
    world.path("rootfs", "up").unlink()
    await world.supervisor.kill("m1")
    await world.wait_for_file("up")
    assert world.path("rootfs", "root").read_text() == "x\nx\n"
    await world.supervisor.stop("m1", signal="SIGKILL", timeout_s=5)
    await world.start(record)
    await world.wait_for_file("up")
    assert world.path("rootfs", "root").read_text() == "x\n"
    assert (world.home / "volumes" / "vol_1" / "volume").read_text() == "x\nx\nx\n"


@pytest.mark.parametrize(
    ("image", "word", "says"),
    [
        ("unknown", "/bin/true", "no image"),
        ("tiny", "/no/such/program", "/no/such/program"),
        ("broken", "/bin/true", "ZeroDivisionError"),
    ],
)
async def test_a_machine_that_cannot_be_spawned_is_reported_failed(
    world: World, image: str, word: str, says: str
) -> None:
    world.catalogue.images["broken"] = TinyImage(prepare=lambda: print(1 // 0))  # noqa: T201
    record = machine(word)
    record.config["image"] = image
    await world.start(record)
    ((_, kind, detail),) = world.events
    assert kind == "failed"
    assert says in detail["error"]
    assert not world.supervisor.routable("m1")


async def test_forgetting_a_machine_kills_it_and_keeps_its_volume(world: World) -> None:
    mounts = [{"volume": "vol_1", "path": "/data"}]
    record = await world.shell("echo kept > data/x; " + FOREVER, mounts=mounts)
    await world.wait_for_file("up")
    await world.supervisor.forget("m1")
    assert record.pid is not None
    assert not alive(record.pid)
    assert not world.path().exists()
    assert (world.home / "volumes" / "vol_1" / "x").read_text() == "kept\n"


async def test_a_running_process_is_adopted_watched_and_stopped(world: World) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    record = machine("/bin/sh", "-c", FOREVER)
    world.machines["m1"] = record
    record.pid = stranger.pid
    record.pid_started = float(_start_ticks(stranger.pid)) / os.sysconf("SC_CLK_TCK")
    assert await world.supervisor.adopt(record)
    assert world.supervisor.routable("m1")
    assert world.events == []
    stranger.kill()
    stranger.wait()
    await wait_until(lambda: world.kinds() == ["exited", "started"])
    assert world.exits()[0]["exit_code"] == -1
    assert record.pid != stranger.pid


async def test_an_adopted_process_obeys_a_stop(world: World) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    record = machine("/bin/true")
    world.machines["m1"] = record
    record.pid = stranger.pid
    record.pid_started = float(_start_ticks(stranger.pid)) / os.sysconf("SC_CLK_TCK")
    assert await world.supervisor.adopt(record)
    await world.supervisor.stop("m1", signal="SIGTERM", timeout_s=10)
    assert stranger.wait() == -signal.SIGTERM
    assert world.exits()[0]["requested_stop"]


async def test_a_pid_that_was_given_out_again_is_not_adopted_nor_killed(world: World) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    try:
        record = machine("/bin/true")
        record.pid, record.pid_started = stranger.pid, 1.0
        assert not await world.supervisor.adopt(record)
        await world.supervisor.forget("m1")
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_dead_or_unknown_process_is_not_adopted(world: World) -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    record = machine("/bin/true")
    assert not await world.supervisor.adopt(record)
    record.pid, record.pid_started = gone.pid, 1.0
    assert not await world.supervisor.adopt(record)


async def test_a_shutdown_stops_machines_by_their_own_rule_and_says_nothing(world: World) -> None:
    rule = {"signal": "SIGUSR1", "timeout": "10s"}
    script = "trap 'echo usr1 > got; exit 0' USR1; echo up > up; while :; do sleep 0.01; done"
    record = await world.shell(script, stop_config=rule)
    await world.wait_for_file("up")
    await world.supervisor.shutdown()
    assert world.path("rootfs", "got").read_text() == "usr1\n"
    assert world.kinds() == ["started"]
    assert record.pid is not None
    await world.start(record)
    assert not alive(record.pid)
    assert world.kinds() == ["started"]


async def test_killing_all_ends_a_shutdown_at_once(world: World) -> None:
    rule = {"signal": "SIGTERM", "timeout": "5m"}
    record = await world.shell(
        "trap '' TERM; echo up > up; sleep 1000; sleep 1000", stop_config=rule
    )
    await world.wait_for_file("up")
    async with asyncio.timeout(10):
        stopping = asyncio.create_task(world.supervisor.shutdown())
        await asyncio.sleep(0)
        world.supervisor.kill_all()
        await stopping
    assert record.pid is not None
    assert not alive(record.pid)


def test_signals_have_names() -> None:
    assert signal_number("SIGINT") == signal.SIGINT
    assert signal_number("sigkill") == signal.SIGKILL
    assert signal_number("SIGFOO") == signal.SIGTERM
    assert signal_number("SIG_IGN") == signal.SIGTERM


async def test_machines_live_on_when_the_supervisor_is_killed(world: World, tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.sandbox.tiny import World\n"
        "async def main():\n"
        "    world = World(Path(sys.argv[1]))\n"
        "    record = await world.shell('echo up > up; exec sleep 1000')\n"
        "    print(record.pid, record.pid_started, flush=True)\n"
        "    await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    command = ["python", "-c", program, str(tmp_path)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_with_root())
    assert first.stdout is not None
    pid, started = (await asyncio.to_thread(first.stdout.readline)).split()
    first.kill()
    first.wait()
    first.stdout.close()
    record = machine("/bin/true")
    record.pid, record.pid_started = int(pid), float(started)
    world.machines["m1"] = record
    try:
        assert alive(record.pid)
        assert await world.supervisor.adopt(record)
        await world.supervisor.stop("m1", signal="SIGTERM", timeout_s=10)
        assert not alive(record.pid)
    finally:
        kill_quietly(record.pid)


def _start_ticks(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _with_root() -> dict[str, str]:
    root = Path(__file__).parents[2]
    return {"PATH": f"{root}/.venv/bin:/usr/bin:/bin", "PYTHONPATH": str(root)}
