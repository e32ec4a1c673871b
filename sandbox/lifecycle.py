"""The states a machine passes through, and what moves it from one to the next.

    created -> starting -> started -> stopping -> stopped
                   ^          |
                   +- replacing (update, restart)         any -> destroying -> destroyed

A request moves a machine at once to a passing state and answers; the work goes on in a task of
its own, one at a time per machine, and checks on its turn that the machine is still meant for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from sandbox import events
from sandbox.durations import seconds
from sandbox.ids import IdMaker
from sandbox.interfaces import ExecResult, Image, ImageCatalogue, MachineRecord, MachineRuntime
from sandbox.records import AppRecord
from sandbox.state import GONE, State

log = logging.getLogger(__name__)

OnEvent = Callable[[str, str, Mapping[str, Any]], None]

STARTABLE = frozenset({"created", "stopped", "failed"})
RUNNING = frozenset({"starting", "started"})
TRANSITIONAL = frozenset({"created", "starting", "started", "replacing"})  # meant to run
STOP_SIGNAL = "SIGINT"  # what Fly sends when stop_config is silent
STOP_TIMEOUT_S = 5.0  # how long Fly waits for it


class SteerableRuntime(MachineRuntime, Protocol):
    """A machine runtime that can also be made to misbehave."""

    async def kill(self, machine_id: str) -> None:
        """Kill the process as if it had crashed: the restart policy applies."""
        ...

    def script_checks(
        self, machine_id: str, script: Sequence[str] | None, always: str | None
    ) -> None:
        """Dictate check results: one of `script` an evaluation, or `always`; both None heals."""
        ...


class Lifecycle:
    """Moves machines through their states; the only writer of `MachineRecord.state`.

    `runtime_factory` is called once, with the callback for the runtime's events. Those must
    come in the event loop's thread. Callers of the methods have checked the request.
    """

    def __init__(
        self,
        state: State,
        runtime_factory: Callable[[OnEvent], SteerableRuntime],
        catalogue: ImageCatalogue,
        clock: Callable[[], float] = time.time,
        ids: IdMaker | None = None,
    ) -> None:
        self.state = state
        self.clock = clock
        self.ids = ids or IdMaker(clock)
        self.runtime = runtime_factory(self.on_event)
        self._catalogue = catalogue
        self._changed = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def resolve(self, reference: str) -> Image:
        """Find the image; raise `ImageError` when there is none by this name."""
        return self._catalogue.resolve(reference)

    def now(self) -> str:
        """Give the present time as Fly writes it."""
        return self.timestamp(self.clock())

    @staticmethod
    def timestamp(unix_s: float) -> str:
        """Write a time as Fly does, in UTC with milliseconds."""
        moment = datetime.fromtimestamp(unix_s, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def create(
        self,
        app: AppRecord,
        *,
        name: str | None,
        region: str,
        config: dict[str, Any],
        secrets_version: int,
        cordoned: bool,
        launch: bool,
    ) -> MachineRecord:
        """Record a new machine, attach its volumes and set it going unless `launch` is False."""
        now = self.now()
        machine = MachineRecord(
            id=self.ids.machine(),
            app=app.name,
            name=name or self.ids.name(),
            region=region,
            config=config,
            instance_id=self.ids.version(),
            state="created" if launch else "stopped",
            created_at=now,
            updated_at=now,
            address=self.state.free_address(app),
            image=self.resolve(config["image"]).reference,
            cordoned=cordoned,
            secrets_version=secrets_version,
        )
        self.state.machines[machine.id] = machine
        for mount in config.get("mounts") or []:
            self.state.volumes[mount["volume"]].attached_machine = machine.id
        self._note(machine, "launch", "created", "user")
        self.changed(machine)
        if launch:
            self._spawn(machine, self._run(machine))
        return machine

    def update(
        self, machine: MachineRecord, config: dict[str, Any], *, secrets_version: int, launch: bool
    ) -> None:
        """Replace the whole configuration; the process is stopped, and started if `launch`."""
        image = self.resolve(config["image"]).reference
        old = machine.config
        machine.config, machine.image = config, image
        machine.instance_id = self.ids.version()
        machine.secrets_version = secrets_version
        machine.state = "replacing"
        self._note(machine, "update", "replacing", "user")
        self.changed(machine)
        self._spawn_replacement(machine, old, launch=launch)

    def start(self, machine: MachineRecord) -> None:
        """Start a machine whose state is one of `STARTABLE`."""
        machine.state = "starting"
        self._note(machine, "start", "starting", "user")
        self.changed(machine)
        self._spawn(machine, self._run(machine))

    def stop(self, machine: MachineRecord, signal: str | None, timeout_s: float | None) -> None:
        """Stop the process; without a signal or time-out, the machine's stop_config decides."""
        rule = _stop_rule(machine.config)
        machine.state = "stopping"
        self._note(machine, "stop", "stopping", "user")
        self.changed(machine)
        self._spawn(machine, self._stop(machine, signal or rule[0], timeout_s or rule[1]))

    def restart(self, machine: MachineRecord) -> None:
        """Stop and start with the same configuration, secrets and instance id."""
        machine.state = "replacing"
        self._note(machine, "restart", "replacing", "user")
        self.changed(machine)
        self._spawn_replacement(machine, machine.config)

    def destroy(self, machine: MachineRecord, *, source: str = "user") -> None:
        """Kill what runs and forget the machine; its volumes are detached and stay."""
        if machine.state in GONE:
            return
        machine.state = "destroying"
        self._note(machine, "destroy", "destroying", source)
        self.changed(machine)
        self._spawn(machine, self._destroy(machine))

    def cordon(self, machine: MachineRecord, *, cordoned: bool) -> None:
        """Take the machine out of the proxies' choice, or put it back; nothing is restarted."""
        machine.cordoned = cordoned
        self.changed(machine)

    async def exec(
        self, machine: MachineRecord, command: tuple[str, ...], timeout_s: float
    ) -> ExecResult:
        """Run a command inside a started machine; raises TimeoutError."""
        secrets = self.state.secrets_for(machine)
        return await self.runtime.exec(machine, command, timeout_s, secrets)

    async def wait_for(
        self, machine: MachineRecord, state: str, instance_id: str | None, timeout_s: float
    ) -> bool:
        """Wait until the machine, in this version if one is given, is in `state`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while machine.state != state or instance_id not in (None, machine.instance_id):
                    await self._changed.wait()
                return True
        return False

    async def settle(self) -> None:
        """Wait until no request's work is under way; for orderly ends, and for tests."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def recover(self) -> None:
        """Take up every machine where the last run of the sandbox left it; call before serving."""
        for machine in list(self.state.machines.values()):
            if machine.state in TRANSITIONAL:
                adopted = await self.runtime.adopt(machine)
                if adopted and machine.state != "replacing":
                    machine.state = "started"
                    self.changed(machine)
                else:
                    machine.state = "replacing"
                    self._spawn_replacement(machine, machine.config)
            elif machine.state == "stopping":
                await self.runtime.adopt(machine)
                self._spawn(machine, self._stop(machine, *_stop_rule(machine.config)))
            elif machine.state == "destroying":
                await self.runtime.adopt(machine)
                self._spawn(machine, self._destroy(machine))

    async def shutdown(self) -> None:
        """End all work and keep the records as they are: later events change nothing.

        A machine that is meant to run stays recorded so, and the next `recover` takes it up.
        Processes are the runtime's affair.
        """
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.state.save()

    def on_event(self, machine_id: str, kind: str, detail: Mapping[str, Any]) -> None:
        """Take note of what a process did; see `MachineRuntime` for the kinds."""
        machine = self.state.machines.get(machine_id)
        if self._closed or machine is None or machine.state == "destroyed":
            return
        if kind == "started":
            self._on_started(machine, detail)
        elif kind == "exited":
            self._on_exited(machine, detail)
        elif kind == "failed":
            self._note(machine, "start", "failed", "flyd", {"error": str(detail.get("error"))})
            if machine.state != "destroying":
                machine.state = "failed"
        else:
            raise ValueError(f"the runtime reported {kind!r}; known are started, exited, failed")
        self.changed(machine)

    def changed(self, machine: MachineRecord) -> None:
        """Save after a change to `machine` and wake those who wait for one."""
        machine.updated_at = self.now()
        self.state.save()
        self._changed.set()
        self._changed = asyncio.Event()

    def _on_started(self, machine: MachineRecord, detail: Mapping[str, Any]) -> None:
        machine.pid, machine.pid_started = detail.get("pid"), detail.get("pid_started")
        if machine.state in RUNNING or machine.state == "created":
            machine.state = "started"
            self._note(machine, "start", "started", "flyd")

    def _on_exited(self, machine: MachineRecord, detail: Mapping[str, Any]) -> None:
        machine.pid = machine.pid_started = None
        self._note(
            machine, "exit", "stopped", "flyd", events.exit_request(machine, detail, self.now())
        )
        if machine.state not in RUNNING:
            return  # a stop, a replacement or a destruction is under way and ends it
        if detail.get("restarting"):
            machine.state = "starting"
        elif machine.config.get("auto_destroy"):
            self.destroy(machine, source="flyd")
        else:
            machine.state = "stopped"

    async def _run(self, machine: MachineRecord) -> None:
        async with self._lock(machine):
            if machine.state not in ("created", "starting"):
                return
            machine.state = "starting"
            self.changed(machine)
            await self.runtime.start(machine, self.state.secrets_for(machine))

    def _spawn_replacement(
        self, machine: MachineRecord, old: Mapping[str, Any], *, launch: bool = True
    ) -> None:
        work = self._replace(machine, machine.instance_id, _stop_rule(old), launch=launch)
        self._spawn(machine, work)

    async def _replace(
        self, machine: MachineRecord, instance: str, rule: tuple[str, float], *, launch: bool
    ) -> None:
        async with self._lock(machine):
            if machine.state != "replacing":
                return
            await self.runtime.stop(machine.id, signal=rule[0], timeout_s=rule[1])
            if (machine.state, machine.instance_id) != ("replacing", instance):
                return
            machine.state = "starting" if launch else "stopped"
            self.changed(machine)
            if launch:
                await self.runtime.start(machine, self.state.secrets_for(machine))

    async def _stop(self, machine: MachineRecord, signal: str, timeout_s: float) -> None:
        async with self._lock(machine):
            if machine.state != "stopping":
                return
            await self.runtime.stop(machine.id, signal=signal, timeout_s=timeout_s)
            if machine.state != "stopping":
                return
            machine.state = "stopped"
            self.changed(machine)
            if machine.config.get("auto_destroy"):
                self.destroy(machine, source="flyd")

    async def _destroy(self, machine: MachineRecord) -> None:
        # Outside the lock: a graceful stop that is under way ends at once.
        await self.runtime.stop(machine.id, signal="SIGKILL", timeout_s=0)
        async with self._lock(machine):
            await self.runtime.forget(machine.id)
            for volume in self.state.attached_volumes(machine.id):
                volume.attached_machine = None
            machine.state = "destroyed"
            machine.pid = machine.pid_started = None
            self._note(machine, "destroy", "destroyed", "flyd")
            self.state.prune(machine.app)
            self.changed(machine)
        self._locks.pop(machine.id, None)

    def _note(
        self,
        machine: MachineRecord,
        type_: str,
        status: str,
        source: str,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        at = self.clock()
        events.note(machine, type_, status, source, id_=self.ids.version(), at=at, request=request)

    async def _guard(self, machine: MachineRecord, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # any defect of a runtime ends in the record
            log.exception("machine %s of app %s", machine.id, machine.app)
            self.on_event(machine.id, "failed", {"error": repr(error)})

    def _lock(self, machine: MachineRecord) -> asyncio.Lock:
        return self._locks.setdefault(machine.id, asyncio.Lock())

    def _spawn(self, machine: MachineRecord, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guard(machine, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _stop_rule(config: Mapping[str, Any]) -> tuple[str, float]:
    """Say with which signal a machine is stopped and how many seconds it may take."""
    rule = config.get("stop_config") or {}
    timeout_s = seconds(rule.get("timeout")) or STOP_TIMEOUT_S
    return str(rule.get("signal") or STOP_SIGNAL), timeout_s
