"""The steps a rollout is made of: what is asked of machines, under leases and with deadlines."""

import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fly.errors import FlyNotFound
from fly.health import await_healthy, await_stopped
from fly.machine_config import MachineRequest
from fly.release import PHASE_KEY, RELEASE_KEY, Phase, Release, Slot, phase_of
from fly.replies import Machine
from fly.tally import Tally
from fly.together import Together

if TYPE_CHECKING:
    from fly.api import FlyApi
    from fly.leases import HeldLease

Progress = Callable[[str], None]

LEASE_TTL_S = 120  # outlasts one gate
# Machines worked on at a time. Fly creates one a second for an app, so that this many are on their
# way through boot and gate when both together take 48 s.
AT_ONCE = 48
CREATING = 4  # of them, waiting for Fly to answer a create: those behind them can still be stopped
LOOKS_PER_S = 16  # at machines that boot or stop, all of them together

Item = TypeVar("Item")
Result = TypeVar("Result")


class MachineSteps:
    """What one rollout does to machines; every mutation of a held machine carries its nonce.

    Steps over several machines do them at once. When one machine's step fails, no further one is
    begun, those under way end, and the first error is raised.
    """

    def __init__(
        self,
        api: "FlyApi",
        release: Release,
        progress: Progress,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._api = api
        self._app = release.app
        self._release = release
        self._progress = progress
        self._clock = clock
        self._sleep = sleep
        self._leases: dict[str, HeldLease] = {}
        self._keeping = threading.Lock()
        self._creating = threading.BoundedSemaphore(CREATING)
        self._together = Together(AT_ONCE)
        self._watched: set[str] = set()
        self.tally = Tally(progress, clock, 1)

    def machines(self) -> tuple[Machine, ...]:
        """Return every machine of the app, as it is now."""
        return self._api.machines.list(self._app)

    def each(self, items: Collection[Item], act: Callable[[Item], Result]) -> list[Result]:
        """Do one thing for every item at once and return the results in their order.

        `act` may use the steps for single machines, and `check`.
        """
        if len(items) > 1:
            self.tally = Tally(self._progress, self._clock, len(items))
        return self._together.each(items, act, tick=self._keep_leases)

    def check(self) -> None:
        """Raise when what is done at once is to end, because one of it has failed."""
        self._together.check()

    @contextmanager
    def leased(self, *machines: Machine) -> Iterator[None]:
        """Hold the machines' leases, so that no other client changes them meanwhile."""
        stacks = {machine.id: ExitStack() for machine in machines}
        try:
            self.each(machines, lambda machine: self._take(machine, stacks[machine.id]))
            yield
        finally:
            for machine in machines:  # from here on not refreshed any more, but given back
                self._leases.pop(machine.id, None)
            self.each(list(stacks.values()), lambda stack: stack.close())

    def create(self, slot: Slot) -> Machine:
        """Create the slot's machine without traffic; a lost reply does not make a second one."""
        self.tally.one(f"creating {slot.name}")
        request = MachineRequest(
            config=self._release.stamped(Phase.NEW),
            region=slot.region,
            skip_service_registration=True,
            min_secrets_version=self._release.secrets_version or None,
        )
        with self._creating:
            self.check()
            made = self._api.machines.create(self._app, request.body(), launch_id=uuid.uuid4().hex)
        self.tally.done("created")
        return made

    def update(self, machine: Machine, *, withdraw: bool) -> None:
        """Give the machine the release's configuration in place; `withdraw` takes traffic first."""
        if withdraw:
            self.withdraw([machine], Phase.RETIRED)
        self.tally.one(f"updating machine {machine.id} ({machine.region})")
        self._replace(machine, self._release.stamped(Phase.NEW))
        self.tally.done("updated")

    def restore(self, machine: Machine, config: Mapping[str, Any], *, withdraw: bool) -> None:
        """Give the machine an earlier canonical configuration and its traffic back.

        `machine` is what it was before the release; one that an earlier run of this release had
        updated already does not know any more which release it had run. `withdraw` takes its
        traffic first, so that no request finds it restarting.
        """
        if withdraw:
            self.withdraw([machine], Phase.NEW)
        known = phase_of(machine) is not Phase.NEW
        digest = machine.metadata.get(RELEASE_KEY, "") if known else ""
        self._replace(machine, self._release.stamp(config, Phase.SERVING, digest=digest))
        self.healthy(machine)
        self.uncordon([machine])

    def healthy(self, machine: Machine) -> None:
        """Wait until the machine runs and every check passes, within `wait_timeout_s`."""
        self.tally.one(f"waiting for machine {machine.id} ({machine.region})")
        with self._watching(machine):
            await_healthy(
                self._api,
                self._app,
                machine.id,
                timeout_s=self._release.wait_timeout_s,
                nonce=lambda: self._nonce(machine),
                clock=self._clock,
                sleep=self._pause,
            )
        self.tally.done("healthy")

    def uncordon(self, machines: Collection[Machine]) -> None:
        """Let Fly's proxy send requests to the machines."""
        self.each(machines, self._uncordon)

    def serve(self, machines: Collection[Machine]) -> None:
        """Give the machines traffic and mark them as proven."""

        def serve_one(machine: Machine) -> None:
            self._uncordon(machine)
            self._mark(machine, Phase.SERVING)

        self.each(machines, serve_one)

    def mark(self, machines: Collection[Machine], phase: Phase) -> None:
        """Write the phase into the machines' metadata."""
        self.each(machines, lambda machine: self._mark(machine, phase))

    def withdraw(self, machines: Collection[Machine], phase: Phase) -> None:
        """Mark the machines, then take their traffic; requests in flight finish."""

        def withdraw_one(machine: Machine) -> None:
            self._mark(machine, phase)
            self._api.machines.cordon(self._app, machine.id, nonce=self._nonce(machine))

        self.each(machines, withdraw_one)

    def destroy(self, machines: Iterable[Machine]) -> None:
        """Stop the machines by their own kill signal and time-out, then destroy them."""
        doomed = list(machines)
        self.each(doomed, self._stop)
        self.each(doomed, self._destroy_stopped)

    def _take(self, machine: Machine, stack: ExitStack) -> None:
        self.check()
        held = self._api.leases.held(
            self._app,
            machine.id,
            description=self._release.holder,
            ttl_s=LEASE_TTL_S,
            progress=self._progress,
        )
        self._leases[machine.id] = stack.enter_context(held)

    def _uncordon(self, machine: Machine) -> None:
        self._api.machines.uncordon(self._app, machine.id, nonce=self._nonce(machine))

    def _mark(self, machine: Machine, phase: Phase) -> None:
        self._api.machines.set_metadata(
            self._app, machine.id, PHASE_KEY, phase.value, nonce=self._nonce(machine)
        )

    def _stop(self, machine: Machine) -> None:
        self.tally.one(f"stopping machine {machine.id} ({machine.region})")
        try:
            self._api.machines.stop(self._app, machine.id, nonce=self._nonce(machine))
        except FlyNotFound:
            return

    def _destroy_stopped(self, machine: Machine) -> None:
        with self._watching(machine):
            await_stopped(
                self._api,
                machine,
                self._app,
                tick=lambda: self._nonce(machine),
                clock=self._clock,
                sleep=self._pause,
            )
        nonce, lease = self._nonce(machine), self._leases.pop(machine.id, None)
        self._api.machines.delete(self._app, machine.id, nonce=nonce)
        if lease is not None:
            lease.over = True
        self.tally.done("destroyed")

    def _replace(self, machine: Machine, config: Mapping[str, Any]) -> None:
        request = MachineRequest(
            config=dict(config),
            region=machine.region,
            min_secrets_version=self._release.secrets_version or None,
        )
        self._api.machines.update(self._app, machine.id, request.body(), nonce=self._nonce(machine))

    @contextmanager
    def _watching(self, machine: Machine) -> Iterator[None]:
        self._watched.add(machine.id)
        try:
            yield
        finally:
            self._watched.discard(machine.id)

    def _pause(self, seconds: float) -> None:
        """Wait before the next look at a machine, longer the more of them are looked at."""
        self._sleep(max(seconds, len(self._watched) / LOOKS_PER_S))

    def _keep_leases(self) -> None:
        """Refresh the leases that need it; one thread does it, the others go on meanwhile."""
        if not self._keeping.acquire(blocking=False):
            return
        try:
            for machine_id, lease in tuple(self._leases.items()):
                try:
                    lease.keep()
                except FlyNotFound:
                    if machine_id in self._leases:
                        raise  # else it was destroyed just now, and its lease with it
        finally:
            self._keeping.release()

    def _nonce(self, machine: Machine) -> str | None:
        self.check()
        self._keep_leases()
        lease = self._leases.get(machine.id)
        return lease.nonce if lease else None
