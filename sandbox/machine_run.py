"""One machine's process from its start to its final exit: watched, restarted by policy, stopped."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sandbox.health import Health
from sandbox.interfaces import ImageError, MachineRecord
from sandbox.launch import LaunchError
from sandbox.processes import Process
from sandbox.restart import Backoff, exit_detail, restarts_again

log = logging.getLogger("sandbox.machine")

Report = Callable[[str, Mapping[str, Any]], None]


class SpawnError(Exception):
    """A process could not be started; the text says why."""


class MachineRun:
    """Owns a running process until the exit after which it is not started again.

    `spawn` makes the next process, `new_health` the checks that go with it, `report` takes the
    events `started` (not for a process that was `adopted`), `exited` and `failed`; the final one
    comes after `running` is False.
    """

    def __init__(
        self,
        machine: MachineRecord,
        process: Process,
        *,
        spawn: Callable[[], Awaitable[Process]],
        new_health: Callable[[], Health],
        report: Report,
        backoff: Backoff,
        adopted: bool = False,
    ) -> None:
        self.machine = machine
        self.process = process
        self.health = new_health()
        self.running = True
        self._spawn = spawn
        self._new_health = new_health
        self._report = report
        self._backoff = backoff
        self._restarts = 0
        self._stopping = asyncio.Event()
        self._stop_signal = int(signal.SIGINT)
        self._killed = False
        self._begin()
        if not adopted:
            self._announce()
        self._keeper = asyncio.create_task(self._keep(), name=f"machine-{machine.id}")

    @property
    def stopping(self) -> bool:
        """True once a stop was asked for."""
        return self._stopping.is_set()

    @property
    def routable(self) -> bool:
        """True when the process runs and every check that gates traffic passes."""
        return self.process.alive and self.health.routable

    def stop(self, number: int) -> None:
        """Send a signal to the process and do not start it again."""
        self._stop_signal = number
        self._stopping.set()
        self.process.send(number)

    def kill(self) -> None:
        """SIGKILL the process group and do not start it again."""
        self._killed = True
        self._stopping.set()
        self.process.kill_group()

    async def ended(self, timeout_s: float | None = None) -> bool:
        """Wait for the final exit; False when it did not come in time."""
        done, _ = await asyncio.wait({self._keeper}, timeout=timeout_s)
        return bool(done)

    def _begin(self) -> None:
        self._since = asyncio.get_running_loop().time()
        self.health.start()

    def _announce(self) -> None:
        detail = {"pid": self.process.pid, "pid_started": self.process.started}
        self._report("started", detail)

    async def _keep(self) -> None:
        while await self._goes_on():
            try:
                self.process = await self._spawn()
            except SpawnError as error:
                self.running = False
                self._report("failed", {"error": str(error)})
                return
            self.health = self._new_health()
            self._begin()
            self._announce()
            if self._killed:
                self.process.kill_group()
            elif self.stopping:
                self.process.send(self._stop_signal)

    async def _goes_on(self) -> bool:
        """Wait for the process' end, report it, sit out the back-off; False: it was the last."""
        code = await self.process.wait()
        await self.health.stop()
        if asyncio.get_running_loop().time() - self._since >= self._backoff.steady_s:
            self._restarts = 0
        config = self.machine.config
        if self.stopping or not restarts_again(config, code, self._restarts):
            self._exited(code, restarting=False)
            return False
        delay = self._backoff.delay_s(self._restarts)
        self._restarts += 1
        self._exited(code, restarting=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()
        if self._stopping.is_set():
            self._exited(code, restarting=False)
            return False
        return True

    def _exited(self, code: int | None, *, restarting: bool) -> None:
        self.running = restarting
        detail = {
            **exit_detail(code),
            "requested_stop": self.stopping,
            "restarting": restarting,
            "restart_count": self._restarts,
        }
        log.info("machine %s: exited, %s", self.machine.id, detail)
        self._report("exited", detail)


async def guarded_spawn(machine_id: str, spawn: Callable[[], Awaitable[Process]]) -> Process:
    """Await `spawn` and turn whatever goes wrong into `SpawnError`, so that it is reported."""
    try:
        return await spawn()
    except (ImageError, LaunchError, OSError) as error:
        raise SpawnError(str(error)) from error
    except Exception as error:
        log.exception("machine %s: its image could not be started", machine_id)
        raise SpawnError(f"{type(error).__name__}: {error}") from error
