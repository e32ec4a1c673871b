"""What flyctl asks of machines that are processes: who listens where, how a command ended."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.engine.sandbox_program import TOKEN, SandboxProgram, wait_until
from tests.sandbox.subnets import free_subnet

ON_LOOPBACK = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(60)"
SERVICE = "0.0.0.0:4000"
FILE = {"guest_path": "/app/c.yaml", "raw_value": "bW9kZWxfbGlzdDogW10K"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    program = SandboxProgram(tmp_path_factory.mktemp("sandbox") / "home", free_subnet())
    program.start()
    assert program.fly("POST", "/apps", {"app_name": "gw", "org_slug": "acme"}).is_success
    yield program
    program.stop()


def made(sandbox: SandboxProgram, command: list[str], **fields: Any) -> str:
    """Create a machine of the stub image and return its path."""
    config = {"image": "stub:1", "init": {"cmd": command}, **fields.pop("config", {})}
    created = sandbox.fly("POST", "/apps/gw/machines", {"config": config, **fields}).json()
    return f"/apps/gw/machines/{created['id']}"


def waited(sandbox: SandboxProgram, path: str, state: str) -> None:
    assert sandbox.fly("GET", f"{path}/wait?state={state}&timeout=20").is_success


def addresses(sandbox: SandboxProgram, path: str) -> list[str]:
    rows = sandbox.fly("GET", f"{path}/ps").json()
    assert all(row["pid"] and row["command"] and row["directory"] for row in rows)
    return [socket["address"] for row in rows for socket in row["listen_sockets"]]


def test_ps_tells_a_service_from_one_that_only_its_machine_reaches(
    sandbox: SandboxProgram,
) -> None:
    gateway = made(
        sandbox,
        ["--port", "4000", "--host", "0.0.0.0", "--config", "/app/c.yaml"],  # noqa: S104 - Fly's
        config={
            "files": [FILE],
            "services": [{"internal_port": 4000, "checks": [{"type": "tcp", "interval": "1s"}]}],
        },
    )
    hidden = made(sandbox, ["python3", "-c", ON_LOOPBACK])
    for path in (gateway, hidden):
        waited(sandbox, path, "started")
    wait_until(lambda: addresses(sandbox, gateway) == [SERVICE], 20, "the gateway listens")
    wait_until(lambda: addresses(sandbox, hidden), 20, "the other listens")
    assert addresses(sandbox, hidden)[0].startswith("127.0.0.1:")
    sandbox.fly("POST", f"{hidden}/stop", {"signal": "SIGKILL"})
    waited(sandbox, hidden, "stopped")
    assert sandbox.fly("GET", f"{hidden}/ps").status_code == httpx.codes.PRECONDITION_FAILED


def test_a_release_command_is_known_by_its_exit_code(sandbox: SandboxProgram) -> None:
    path = made(
        sandbox,
        ["sh", "-c", "exit 3"],
        config={"auto_destroy": True, "restart": {"policy": "no"}},
        skip_launch=True,
    )
    waited(sandbox, path, "stopped")
    assert sandbox.fly("POST", f"{path}/start").is_success
    waited(sandbox, path, "destroyed")
    events = sandbox.fly("GET", path).json()["events"]
    (ended,) = [event["request"] for event in events if event["type"] == "exit"]
    assert ended["exit_event"]["exit_code"] == 3


def test_releases_outlive_the_sandbox(sandbox: SandboxProgram) -> None:
    api = f"{sandbox.addresses['api_url']}/api/v1"
    headers = {"authorization": f"Bearer {TOKEN}"}
    body = {"app_name": "gw", "image": "stub:1", "definition": {"app": "gw"}}
    assert httpx.post(f"{api}/releases", json=body, headers=headers).is_success
    sandbox.stop()
    sandbox.start()
    listed = httpx.get(f"{api}/apps/gw/releases", headers=headers).json()["releases"]
    assert [(row["version"], row["image_ref"]) for row in listed] == [(1, "stub:1")]
