"""Machines as processes: start, stop, take over, exec; the sandbox's `MachineRuntime`."""

import asyncio
import logging
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.checks import Script
from sandbox.durations import seconds
from sandbox.execution import run_command
from sandbox.health import Health, rows_at_rest
from sandbox.interfaces import ExecResult, ImageCatalogue, MachineRecord
from sandbox.launch import Place, exec_words, launch_of, write_files
from sandbox.machine_log import open_log, rotate
from sandbox.machine_run import MachineRun, SpawnError, guarded_spawn
from sandbox.process_list import processes_of
from sandbox.processes import Process, adopt, spawn
from sandbox.restart import Backoff

log = logging.getLogger("sandbox.supervisor")

OnEvent = Callable[[str, str, Mapping[str, Any]], None]
_ROTATION_S = 10.0  # how often the sizes of the logs are looked at
_STOP_SIGNAL = "SIGINT"  # Fly's default
_STOP_TIMEOUT_S = 5.0  # likewise


@dataclass(frozen=True, slots=True)
class View:
    """What the supervisor reads of the stand-in's state, always as it is at the moment."""

    machine: Callable[[str], MachineRecord | None]
    secrets: Callable[[MachineRecord], Mapping[str, str]]
    addresses: Callable[[], Mapping[str, str]]


class Supervisor:
    """Runs machines below `home`/machines/ID: `rootfs`, `log` and an older `log.1`.

    The rootfs is empty at each start, as Fly's is, and stays over restarts by policy. When the
    sandbox itself dies, the processes live on; `adopt` takes them over. Linux only.
    """

    def __init__(
        self,
        home: Path,
        catalogue: ImageCatalogue,
        view: View,
        on_event: OnEvent,
        *,
        backoff: Backoff | None = None,
    ) -> None:
        self._machines = home / "machines"
        self._volumes = home / "volumes"
        self._catalogue = catalogue
        self._view = view
        self._on_event = on_event
        self._backoff = backoff or Backoff()
        self._runs: dict[str, MachineRun] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._scripts: dict[str, Script] = {}
        self._closing = asyncio.Event()

    async def start(self, machine: MachineRecord, secrets: Mapping[str, str]) -> None:
        """Start the process in a fresh rootfs; nothing when it runs already.

        A process that is still stopping is awaited first. `failed` is reported when it cannot
        be spawned.
        """
        async with self._locks.setdefault(machine.id, asyncio.Lock()):
            run = self._runs.get(machine.id)
            if self._closing.is_set() or (run is not None and not run.stopping):
                return
            if run is not None:
                await run.ended()
            if not _keeps_rootfs(machine):
                await asyncio.to_thread(_remove, self._place(machine).rootfs)
            try:
                process = await self._spawn(machine, secrets)
            except SpawnError as error:
                self._report(machine.id, "failed", {"error": str(error)})
                return
            self._begin(machine, secrets, process)
            if self._closing.is_set():  # `shutdown` came while the image was being prepared
                self._runs[machine.id].kill()
                await self._runs[machine.id].ended()

    async def adopt(self, machine: MachineRecord) -> bool:
        """Take over the recorded process if it still runs; its secrets are the pinned ones."""
        process = adopt(machine.pid, machine.pid_started)
        if process is None:
            return False
        log.info("machine %s: took over pid %d", machine.id, process.pid)
        self._begin(machine, self._view.secrets(machine), process, adopted=True)
        return True

    async def stop(self, machine_id: str, *, signal: str, timeout_s: float) -> None:
        """Send the signal to the process, wait, then SIGKILL its group.

        `exited` with `requested_stop` was reported when this returns.
        """
        run = self._runs.get(machine_id)
        if run is None:
            return
        run.stop(signal_number(signal))
        if not await run.ended(timeout_s):
            log.info("machine %s: still there after %g s, SIGKILL", machine_id, timeout_s)
            run.kill()
            await run.ended()

    async def kill(self, machine_id: str) -> None:
        """SIGKILL the process as if it had crashed: the restart policy applies."""
        run = self._runs.get(machine_id)
        if run is not None:
            run.process.kill_group()

    async def forget(self, machine_id: str) -> None:
        """Kill what runs of the machine and remove its directory; its volume stays."""
        run = self._runs.get(machine_id)
        if run is not None:
            run.kill()
            await run.ended()
        self._scripts.pop(machine_id, None)
        await asyncio.to_thread(_remove, self._machines / machine_id)
        self._locks.pop(machine_id, None)

    async def exec(
        self,
        machine: MachineRecord,
        command: tuple[str, ...],
        timeout_s: float,
        secrets: Mapping[str, str],
    ) -> ExecResult:
        """Run a command with the machine's environment, files and loopback.

        Each stream of the result is cut after 64 KiB, without a mark, as UTF-8 with
        replacements. What the command leaves running is killed. Raises `TimeoutError`,
        `ImageError` and, when the program cannot be executed, `OSError`.
        """
        place = self._place(machine)
        image = self._catalogue.resolve(machine.config["image"])
        place.rootfs.mkdir(parents=True, exist_ok=True, mode=0o700)
        words = exec_words(machine, command, place)
        spec = image.exec_process(launch_of(machine, secrets, place), words)
        return await run_command(spec, timeout_s)

    def checks(self, machine_id: str) -> list[dict[str, Any]]:
        """Answer one row a configured check; all are critical while no process runs."""
        run = self._runs.get(machine_id)
        if run is not None:
            return run.health.rows()
        machine = self._view.machine(machine_id)
        return rows_at_rest(machine.config, machine.updated_at) if machine else []

    async def processes(self, machine_id: str) -> list[dict[str, Any]]:
        """List the machine's processes with the addresses they listen on."""
        run = self._runs.get(machine_id)
        if run is None:
            return []
        return await asyncio.to_thread(processes_of, run.process.pid, run.machine.address)

    def routable(self, machine_id: str) -> bool:
        """Tell whether the process runs and every check of its services passes.

        A service without checks counts as soon as its internal port accepts a connection.
        """
        run = self._runs.get(machine_id)
        return run is not None and run.routable

    def script_checks(
        self, machine_id: str, script: Sequence[str] | None, always: str | None
    ) -> None:
        """Dictate check results: one of `script` an evaluation, then `always`; both None heals."""
        if script or always:
            self._scripts[machine_id] = Script(tuple(script or ()), always)
        else:
            self._scripts.pop(machine_id, None)

    async def shutdown(self) -> None:
        """Stop every machine as its `stop_config` says, without reporting it.

        Their desired state stays, so that the next sandbox starts them again. `kill_all` makes
        this end at once.
        """
        self._closing.set()
        stops = []
        for machine_id, run in self._runs.items():
            config = run.machine.config.get("stop_config") or {}
            name = str(config.get("signal") or _STOP_SIGNAL)
            limit = seconds(config.get("timeout")) or _STOP_TIMEOUT_S
            stops.append(self.stop(machine_id, signal=name, timeout_s=limit))
        await asyncio.gather(*stops)

    def kill_all(self) -> None:
        """SIGKILL every machine."""
        for run in self._runs.values():
            run.kill()

    async def rotate_logs(self) -> None:
        """Keep the logs of running machines below their limit, for ever."""
        while True:
            await asyncio.sleep(_ROTATION_S)
            for machine_id in list(self._runs):
                await asyncio.to_thread(rotate, self._machines / machine_id / "log")

    def _place(self, machine: MachineRecord) -> Place:
        return Place(self._machines / machine.id, self._volumes, self._view.addresses())

    async def _spawn(self, machine: MachineRecord, secrets: Mapping[str, str]) -> Process:
        async def attempt() -> Process:
            place = self._place(machine)
            place.rootfs.mkdir(parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(write_files, machine, secrets, place)
            image = self._catalogue.resolve(machine.config["image"])
            spec = image.process(launch_of(machine, secrets, place))
            if spec.prepare is not None:
                await asyncio.to_thread(spec.prepare)
            with open_log(place.directory / "log") as output:
                return spawn(spec, stdout=output, stderr=output)

        process = await guarded_spawn(machine.id, attempt)
        log.info("machine %s (app %s): started pid %d", machine.id, machine.app, process.pid)
        return process

    def _begin(
        self,
        machine: MachineRecord,
        secrets: Mapping[str, str],
        process: Process,
        *,
        adopted: bool = False,
    ) -> None:
        self._runs[machine.id] = MachineRun(
            machine,
            process,
            spawn=lambda: self._spawn(machine, secrets),
            new_health=lambda: Health(
                machine.id, machine.config, machine.address, scripts=self._scripts
            ),
            report=lambda kind, detail: self._report(machine.id, kind, detail),
            backoff=self._backoff,
            adopted=adopted,
        )

    def _report(self, machine_id: str, kind: str, detail: Mapping[str, Any]) -> None:
        run = self._runs.get(machine_id)
        if run is not None and not run.running:
            del self._runs[machine_id]
        if not self._closing.is_set():
            self._on_event(machine_id, kind, detail)


def signal_number(name: str) -> int:
    """Return the number of a signal's name; an unknown one counts as SIGTERM."""
    number = getattr(signal, name.upper(), signal.SIGTERM)
    return int(number) if isinstance(number, signal.Signals) else int(signal.SIGTERM)


def _keeps_rootfs(machine: MachineRecord) -> bool:
    guest = machine.config.get("guest") or {}
    return guest.get("persist_rootfs") in {"always", "restart"}


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
