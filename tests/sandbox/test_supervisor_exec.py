import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.interfaces import ExecResult, ImageError
from tests.sandbox.tiny import World, alive, machine, wait_until, zombies

SERVICES = [{"internal_port": 4000, "protocol": "tcp"}]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    yield World(tmp_path)
    assert zombies() == []


async def run(world: World, *command: str, timeout_s: float = 10, **config: Any) -> ExecResult:
    record = machine("/bin/true", address="127.99.1.10", **config)
    return await world.supervisor.exec(record, command, timeout_s, {"TOKEN": "s3cret"})


async def test_a_command_answers_with_its_streams_and_code(world: World) -> None:
    result = await run(world, "/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert result == ExecResult(7, "out\n", "err\n")


async def test_a_command_has_the_machines_environment_and_no_input(world: World) -> None:
    result = await run(world, "/bin/sh", "-c", "echo $TOKEN $X; cat", env={"X": "acme.internal"})
    assert result.stdout == "s3cret 127.99.1.1\n"


async def test_loopback_files_and_mounts_are_the_machines(world: World) -> None:
    result = await run(
        world,
        *("/bin/echo", "http://127.0.0.1:4000/x", "127.0.0.1:4001", "/app/c.yaml", "/data/x"),
        services=SERVICES,
        files=[{"guest_path": "/app/c.yaml", "raw_value": ""}],
        mounts=[{"volume": "vol_1", "path": "/data"}],
    )
    root = world.path("rootfs")
    expected = f"http://127.99.1.10:4000/x 127.0.0.1:4001 {root}/app/c.yaml {root}/data/x\n"
    assert result.stdout == expected


async def test_each_stream_is_cut_after_64_kib(world: World) -> None:
    script = "head -c 200000 /dev/zero | tr '\\0' x; head -c 65537 /dev/zero | tr '\\0' y >&2"
    result = await run(world, "/bin/sh", "-c", script)
    assert result == ExecResult(0, "x" * 65536, "y" * 65536)


async def test_bytes_that_are_no_text_do_not_break_the_answer(world: World) -> None:
    result = await run(world, "/usr/bin/printf", r"\377ok")
    assert result.stdout == "�ok"


async def test_a_command_over_its_time_is_killed_with_its_group(world: World) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"still running after 0\.3 s"):
        await run(world, "/bin/sh", "-c", "sleep 1000 & echo $! > pid; wait", timeout_s=0.3)
    assert time.monotonic() - began < 5
    pid = int(world.path("rootfs", "pid").read_text())
    await wait_until(lambda: not alive(pid))


async def test_a_command_that_leaves_something_running_answers_when_it_ends(world: World) -> None:
    result = await run(world, "/bin/sh", "-c", "sleep 1000 & echo $!")
    pid = int(result.stdout)
    await wait_until(lambda: not alive(pid))


async def test_a_program_that_does_not_exist_is_an_error(world: World) -> None:
    with pytest.raises(FileNotFoundError, match="/no/such"):
        await run(world, "/no/such")


async def test_an_unknown_image_is_an_error(world: World) -> None:
    with pytest.raises(ImageError, match="no image"):
        await run(world, "/bin/true", image="other")
