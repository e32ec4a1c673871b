"""Stand-ins for the parts beside the API: a runtime without processes, a catalogue, a clock."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.api.app import build_api
from sandbox.interfaces import (
    ExecResult,
    Image,
    ImageError,
    ImageReference,
    Launch,
    MachineRecord,
    ProcessSpec,
)
from sandbox.lifecycle import Lifecycle, OnEvent
from sandbox.state import State
from sandbox.switchboard import Switchboard

TOKEN = {"authorization": "Bearer sandbox-test"}


class FakeClock:
    """Unix seconds that move when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeImage:
    reference: ImageReference

    def process(self, launch: Launch) -> ProcessSpec:
        raise NotImplementedError

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        raise NotImplementedError


class FakeCatalogue:
    """Knows every image whose name does not contain `unknown`."""

    def resolve(self, reference: str) -> Image:
        if "unknown" in reference:
            raise ImageError("no image by this name; the sandbox knows litellm")
        name, _, tag = reference.partition(":")
        digest = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        return FakeImage(ImageReference("registry.fly.io", name, tag or "latest", digest))


@dataclass
class Started:
    """What the runtime was told to run."""

    instance_id: str
    config: dict[str, Any]
    secrets: dict[str, str]


@dataclass
class FakeRuntime:
    """Reports every start at once; `slow_stop` keeps stops waiting until it is set."""

    on_event: OnEvent
    running: dict[str, Started] = field(default_factory=dict)
    log: list[tuple[str, ...]] = field(default_factory=list)
    adoptable: set[str] = field(default_factory=set)
    slow_stop: asyncio.Event | None = None
    broken: str | None = None
    scripts: dict[str, tuple[Sequence[str] | None, str | None]] = field(default_factory=dict)
    exec_result: ExecResult | Exception = field(default_factory=lambda: ExecResult(0, "out", "err"))

    async def start(self, machine: MachineRecord, secrets: Mapping[str, str]) -> None:
        self.log.append(("start", machine.id))
        if self.broken:
            raise RuntimeError(self.broken)
        self.running[machine.id] = Started(machine.instance_id, machine.config, dict(secrets))
        self.on_event(machine.id, "started", {"pid": 4242, "pid_started": 1.5})

    async def stop(self, machine_id: str, *, signal: str, timeout_s: float) -> None:
        self.log.append(("stop", machine_id, signal, f"{timeout_s:g}"))
        while self.slow_stop and not self.slow_stop.is_set() and signal != "SIGKILL":
            if machine_id not in self.running:
                return
            await asyncio.sleep(0)
        if self.running.pop(machine_id, None):
            self.on_event(machine_id, "exited", {"exit_code": 0, "requested_stop": True})

    async def kill(self, machine_id: str) -> None:
        self.exit(machine_id, -9, restarting=True)

    def exit(self, machine_id: str, code: int, *, restarting: bool = False) -> None:
        """Let the process end by itself."""
        self.running.pop(machine_id)
        detail = {"exit_code": code, "requested_stop": False, "restarting": restarting}
        self.on_event(machine_id, "exited", detail)

    async def forget(self, machine_id: str) -> None:
        self.log.append(("forget", machine_id))
        self.running.pop(machine_id, None)

    async def adopt(self, machine: MachineRecord) -> bool:
        self.log.append(("adopt", machine.id))
        return machine.id in self.adoptable

    async def exec(
        self,
        machine: MachineRecord,
        command: tuple[str, ...],
        timeout_s: float,
        secrets: Mapping[str, str],
    ) -> ExecResult:
        self.log.append(("exec", machine.id, *command, f"{timeout_s:g}", *secrets))
        if isinstance(self.exec_result, Exception):
            raise self.exec_result
        return self.exec_result

    def script_checks(
        self, machine_id: str, script: Sequence[str] | None, always: str | None
    ) -> None:
        self.scripts[machine_id] = (script, always)

    def checks(self, machine_id: str) -> list[dict[str, Any]]:
        status = "passing" if machine_id in self.running else "critical"
        return [{"name": "alive", "status": status, "output": "", "updated_at": ""}]

    async def processes(self, machine_id: str) -> list[dict[str, Any]]:
        sockets = [{"proto": "tcp", "address": "0.0.0.0:4000"}]
        return [{"command": "x", "listen_sockets": sockets}] if machine_id in self.running else []

    def routable(self, machine_id: str) -> bool:
        return machine_id in self.running


class Sandbox:
    """The API in this process, as one client sees it."""

    def __init__(
        self,
        home: Path,
        clock: FakeClock | None = None,
        kill: Callable[[int, int], None] | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.killed: list[int] = []
        self.state = State.open(home)
        self.lifecycle = Lifecycle(self.state, FakeRuntime, FakeCatalogue(), self.clock)
        runtime = self.lifecycle.runtime
        assert isinstance(runtime, FakeRuntime)
        self.runtime = runtime
        kill = kill or (lambda pid, _signal: self.killed.append(pid))
        self.board = Switchboard(clock=self.clock, kill=kill)
        self.api = build_api(self.state, self.lifecycle, switchboard=self.board)
        transport = httpx.ASGITransport(app=self.api)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=TOKEN)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: int = 200,
        nonce: str | None = None,
    ) -> Any:
        """Send a request, let its work end, check the status and return the JSON."""
        headers = {"fly-machine-lease-nonce": nonce} if nonce else {}
        response = await self.http.request(method, path, json=body, headers=headers)
        if not self.runtime.slow_stop:
            await self.lifecycle.settle()
        assert response.status_code == expect, response.text
        return response.json() if response.content else None

    async def app(self, name: str = "web") -> str:
        """Create an app and return the path of its machines."""
        await self.call("POST", "/v1/apps", {"name": name, "org_slug": "acme"}, expect=201)
        return f"/v1/apps/{name}/machines"

    async def machine(self, path: str, /, *, expect: int = 200, **fields: Any) -> Any:
        """Create a machine; `config` has an image unless it brings one."""
        fields["config"] = {"image": "stub:1", **fields.get("config", {})}
        return await self.call("POST", path, {"region": "iad", **fields}, expect=expect)
