"""Machines of a few lines for the tests of what runs them."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.interfaces import (
    Image,
    ImageError,
    ImageReference,
    Launch,
    MachineRecord,
    ProcessSpec,
)
from sandbox.restart import Backoff
from sandbox.supervisor import Supervisor, View

REFERENCE = ImageReference("registry.fly.io", "tiny", "1", "sha256:" + "0" * 64)
QUICK = Backoff(first_s=0.01, most_s=0.05)


async def wait_until(condition: Callable[[], object], deadline_s: float = 10) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {condition}"
        await asyncio.sleep(0.01)  # between two looks


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def zombies() -> list[int]:
    """Return the children of this process that ended and were not waited for."""
    found = []
    for children in Path("/proc/self/task").glob("*/children"):
        for pid in children.read_text().split():
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                found.append(int(pid))
    return found


@dataclass
class TinyImage:
    """Runs the words of its command as they are."""

    reference: ImageReference = REFERENCE
    prepare: Callable[[], None] | None = None

    def process(self, launch: Launch) -> ProcessSpec:
        return self.exec_process(launch, launch.command)

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        return ProcessSpec(command, launch.environment, launch.rootfs, self.prepare)


@dataclass
class TinyCatalogue:
    """Knows `tiny` and what a test adds."""

    images: dict[str, Image] = field(default_factory=lambda: {"tiny": TinyImage()})

    def resolve(self, reference: str) -> Image:
        if reference not in self.images:
            raise ImageError(f'no image "{reference}"')
        return self.images[reference]


def machine(
    *command: str, id_: str = "m1", app: str = "acme", address: str = "127.0.0.1", **config: Any
) -> MachineRecord:
    return MachineRecord(
        id=id_,
        app=app,
        name=id_,
        region="iad",
        config={"image": "tiny", "init": {"exec": list(command)}, **config},
        instance_id="01V",
        state="started",
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:00Z",
        address=address,
        image=REFERENCE,
    )


class World:
    """A supervisor with machines of its own below a directory, and the events it reported."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.catalogue = TinyCatalogue()
        self.machines: dict[str, MachineRecord] = {}
        self.secrets: dict[str, str] = {}
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []
        self.supervisor = self.another()

    def another(self) -> Supervisor:
        view = View(self.machines.get, lambda _: self.secrets, lambda: {"acme": "127.99.1.1"})
        return Supervisor(self.home, self.catalogue, view, self._note, backoff=QUICK)

    def _note(self, machine_id: str, kind: str, detail: Mapping[str, Any]) -> None:
        self.events.append((machine_id, kind, detail))
        record = self.machines[machine_id]
        if kind == "started":
            record.pid, record.pid_started = detail["pid"], detail["pid_started"]

    async def start(self, record: MachineRecord) -> MachineRecord:
        self.machines[record.id] = record
        await self.supervisor.start(record, self.secrets)
        return record

    async def shell(self, script: str, **config: Any) -> MachineRecord:
        """Start a machine that runs a shell script."""
        return await self.start(machine("/bin/sh", "-c", script, **config))

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.events]

    def exits(self) -> list[Mapping[str, Any]]:
        return [detail for _, kind, detail in self.events if kind == "exited"]

    def path(self, *parts: str, id_: str = "m1") -> Path:
        return self.home.joinpath("machines", id_, *parts)

    async def wait_for_file(self, name: str, id_: str = "m1") -> str:
        path = self.path("rootfs", name, id_=id_)
        await wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
        return path.read_text()


def kill_quietly(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
