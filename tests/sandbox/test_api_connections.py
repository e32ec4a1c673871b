"""What a client on a real socket sees when the sandbox cuts connections and kills processes."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.unit.sandbox.fakes import TOKEN, Sandbox

BODY = {"name": "web", "org_slug": "acme"}
CLIENT = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
headers = {"authorization": "Bearer sandbox", "content-type": "application/json"}
for name in ("one", "two", "three"):
    body = json.dumps({"name": name, "org_slug": "acme"})
    connection.request("POST", "/v1/apps", body, headers)
    connection.getresponse().read()
"""


class Served:
    """A sandbox's API behind a real server."""

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        self.port = port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=TOKEN)

    async def control(self, path: str, body: object) -> None:
        """Send an order."""
        response = await self.http.post(f"/_sandbox/{path}", json=body)
        assert response.status_code == 204, response.text


@pytest.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Served]:
    sandbox = Sandbox(tmp_path / "home", kill=os.kill)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(sandbox.api, lifespan="off", ws="none", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    served = Served(sandbox, listener.getsockname()[1])
    yield served
    await served.http.aclose()
    server.should_exit = True
    await serving
    listener.close()
    await sandbox.http.aclose()
    await sandbox.lifecycle.shutdown()


@pytest.mark.parametrize(("kind", "made"), [("lost_reply", True), ("timeout", False)])
async def test_a_client_whose_reply_is_lost_sees_the_connection_end_without_an_answer(
    served: Served, kind: str, *, made: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fault = {"match": {"path_regex": "^/v1/apps$"}, "action": {"kind": kind, "seconds": 0}}
    await served.control("faults", fault)
    with pytest.raises(httpx.TransportError, match=r"(?i)disconnected|reset|read"):
        await served.http.post("/v1/apps", json=BODY)
    assert ("web" in served.sandbox.state.apps) is made
    response = await served.http.post("/v1/apps", json=BODY)
    assert response.status_code == (422 if made else 201)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(("when", "made"), [("before", ["one"]), ("after", ["one", "two"])])
async def test_a_client_is_killed_at_the_call_that_was_named(
    served: Served, when: str, made: list[str]
) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()\n" + CLIENT, str(served.port), stdin=asyncio.subprocess.PIPE
    )
    await served.control("kill", {"pid": client.pid, "nth": 2, "when": when})
    await client.communicate(b"\n")
    assert client.returncode == -signal.SIGKILL
    assert list(served.sandbox.state.apps) == made
