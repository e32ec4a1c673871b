"""How a single stateful machine is brought to its configuration without losing its volume."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fly.canonical import canonical
from fly.health import await_healthy, await_stopped
from fly.machine_config import MachineRequest
from fly.release import GONE, SECRETS_KEY
from fly.replies import Machine
from fly.sendable import sendable

if TYPE_CHECKING:
    from fly.api import FlyApi

LEASE_TTL_S = 60
HEALTHY_WITHIN_S = 180


@dataclass(frozen=True, slots=True)
class DataMachineSpec:
    """One machine, known by its name; `config` is in canonical form, `holder` is our lease's."""

    app: str
    name: str
    region: str
    config: Mapping[str, Any]
    secrets_version: int
    holder: str

    def request(self) -> MachineRequest:
        """Return what create and update send."""
        metadata = {**self.config.get("metadata", {}), SECRETS_KEY: str(self.secrets_version)}
        return MachineRequest(
            config=sendable({**self.config, "metadata": metadata}),
            region=self.region,
            name=self.name,
            min_secrets_version=self.secrets_version or None,
        )


def find(api: "FlyApi", app: str, name: str) -> Machine | None:
    """Return the app's living machine of this name; `FlyNotFound` when the app is gone."""
    machines = (m for m in api.machines.list(app) if m.name == name and m.state not in GONE)
    return next(machines, None)


def ensure(
    api: "FlyApi",
    spec: DataMachineSpec,
    *,
    progress: Callable[[str], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Machine:
    """Create the machine or update it in place where it differs, and wait for its checks."""
    have = find(api, spec.app, spec.name)
    if have is None:
        progress(f"creating machine {spec.name} of {spec.app}")
        made = api.machines.create(spec.app, spec.request().body(), launch_id=uuid.uuid4().hex)
        return _healthy(api, spec, made, lambda: None, clock, sleep)
    if _differs(have, spec):
        progress(f"updating machine {spec.name} of {spec.app}")
        held = api.leases.held(
            spec.app, have.id, description=spec.holder, ttl_s=LEASE_TTL_S, progress=progress
        )
        with held as lease:
            body = spec.request().body()
            api.machines.update(
                spec.app, have.id, body, nonce=lease.nonce, current_version=have.instance_id
            )

            def nonce() -> str:
                lease.keep()
                return lease.nonce

            return _healthy(api, spec, have, nonce, clock, sleep)
    return _healthy(api, spec, have, lambda: None, clock, sleep)


def release(
    api: "FlyApi",
    app: str,
    name: str,
    *,
    holder: str,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Stop the machine cleanly and destroy it; one that is gone already is no error."""
    machine = find(api, app, name)
    if machine is None:
        return
    with api.leases.held(app, machine.id, description=holder, ttl_s=LEASE_TTL_S) as lease:
        api.machines.stop(app, machine.id, nonce=lease.nonce)
        await_stopped(api, machine, app, tick=lease.keep, clock=clock, sleep=sleep)
        api.machines.delete(app, machine.id, nonce=lease.nonce)


def _differs(machine: Machine, spec: DataMachineSpec) -> bool:
    started_with = machine.metadata.get(SECRETS_KEY)
    return started_with != str(spec.secrets_version) or canonical(machine.config) != spec.config


def _healthy(
    api: "FlyApi",
    spec: DataMachineSpec,
    machine: Machine,
    nonce: Callable[[], str | None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Machine:
    return await_healthy(
        api,
        spec.app,
        machine.id,
        timeout_s=HEALTHY_WITHIN_S,
        nonce=nonce,
        clock=clock,
        sleep=sleep,
    )
