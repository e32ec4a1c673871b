"""The steps a rollout is made of: what is asked of machines, under leases and with deadlines."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fly.errors import FlyNotFound
from fly.health import await_healthy, await_stopped
from fly.machine_config import MachineRequest
from fly.release import PHASE_KEY, RELEASE_KEY, Phase, Release, Slot, phase_of
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

if TYPE_CHECKING:
    from fly.leases import HeldLease

LEASE_TTL_S = 120  # outlasts one gate

Progress = Callable[[str], None]


class MachineSteps:
    """What one rollout does to machines; every mutation of a held machine carries its nonce."""

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

    def machines(self) -> tuple[Machine, ...]:
        """Return every machine of the app, as it is now."""
        return self._api.machines.list(self._app)

    @contextmanager
    def leased(self, machine: Machine) -> Iterator[None]:
        """Hold the machine's lease, so that no other client changes it meanwhile."""
        held = self._api.leases.held(
            self._app,
            machine.id,
            description=self._release.holder,
            ttl_s=LEASE_TTL_S,
            progress=self._progress,
        )
        with held as lease:
            self._leases[machine.id] = lease
            try:
                yield
            finally:
                self._leases.pop(machine.id, None)

    def create(self, slot: Slot) -> Machine:
        """Create the slot's machine without traffic; a lost reply does not make a second one."""
        self._progress(f"creating {slot.name}")
        request = MachineRequest(
            config=self._release.stamped(Phase.NEW),
            region=slot.region,
            skip_service_registration=True,
            min_secrets_version=self._release.secrets_version or None,
        )
        return self._api.machines.create(self._app, request.body(), launch_id=uuid.uuid4().hex)

    def update(self, machine: Machine, *, withdraw: bool) -> None:
        """Give the machine the release's configuration in place; `withdraw` takes traffic first."""
        if withdraw:
            self.withdraw([machine], Phase.RETIRED)
        self._progress(f"updating machine {machine.id} ({machine.region})")
        self._replace(machine, self._release.stamped(Phase.NEW))

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
        self._progress(f"waiting for machine {machine.id} ({machine.region})")
        await_healthy(
            self._api,
            self._app,
            machine.id,
            timeout_s=self._release.wait_timeout_s,
            nonce=lambda: self._nonce(machine),
            clock=self._clock,
            sleep=self._sleep,
        )

    def uncordon(self, machines: Iterable[Machine]) -> None:
        """Let Fly's proxy send requests to the machines."""
        for machine in machines:
            self._api.machines.uncordon(self._app, machine.id, nonce=self._nonce(machine))

    def serve(self, machines: Iterable[Machine]) -> None:
        """Give the machines traffic and mark them as proven."""
        for machine in machines:
            self._api.machines.uncordon(self._app, machine.id, nonce=self._nonce(machine))
            self.mark([machine], Phase.SERVING)

    def mark(self, machines: Iterable[Machine], phase: Phase) -> None:
        """Write the phase into the machines' metadata."""
        for machine in machines:
            self._api.machines.set_metadata(
                self._app, machine.id, PHASE_KEY, phase.value, nonce=self._nonce(machine)
            )

    def withdraw(self, machines: Iterable[Machine], phase: Phase) -> None:
        """Mark the machines, then take their traffic; requests in flight finish."""
        for machine in machines:
            self.mark([machine], phase)
            self._api.machines.cordon(self._app, machine.id, nonce=self._nonce(machine))

    def destroy(self, machines: Iterable[Machine]) -> None:
        """Stop the machines by their own kill signal and time-out, then destroy them."""
        doomed = list(machines)
        for machine in doomed:
            self._progress(f"stopping machine {machine.id} ({machine.region})")
            try:
                self._api.machines.stop(self._app, machine.id, nonce=self._nonce(machine))
            except FlyNotFound:
                continue
        for machine in doomed:
            await_stopped(
                self._api,
                machine,
                self._app,
                tick=self._keep_leases,
                clock=self._clock,
                sleep=self._sleep,
            )
            self._api.machines.delete(self._app, machine.id, nonce=self._nonce(machine))

    def _replace(self, machine: Machine, config: Mapping[str, Any]) -> None:
        request = MachineRequest(
            config=dict(config),
            region=machine.region,
            min_secrets_version=self._release.secrets_version or None,
        )
        self._api.machines.update(self._app, machine.id, request.body(), nonce=self._nonce(machine))

    def _keep_leases(self) -> None:
        for lease in self._leases.values():
            lease.keep()

    def _nonce(self, machine: Machine) -> str | None:
        self._keep_leases()
        lease = self._leases.get(machine.id)
        return lease.nonce if lease else None
