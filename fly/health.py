"""When a machine counts as healthy, and what is said of one that is not."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fly.durations import seconds
from fly.errors import FlyWaitTimeout
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

POLL_S = 0.25
SLICE_S = 15  # of waiting for a start: then the lease is kept, and who must end early does
STOP_MARGIN_S = 15  # beyond the machine's own kill timeout
STARTABLE = frozenset({"stopped", "created", "suspended"})
ENDED = frozenset({"failed", "destroyed", "destroying"})
RUNNING = frozenset({"started", "starting", "stopping"})


class UnhealthyMachineError(Exception):
    """A machine did not start or its checks did not pass in time; the text says what was seen."""


def await_healthy(
    api: "FlyApi",
    app: str,
    machine_id: str,
    *,
    timeout_s: float,
    nonce: Callable[[], str | None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Machine:
    """Start the machine if it is stopped, wait until it runs and every check passes.

    `nonce` is asked before each call, so that it can keep a lease. Raises
    `UnhealthyMachineError` with the last check output and event when `timeout_s` is over.
    """
    deadline = clock() + timeout_s
    machine = api.machines.get(app, machine_id)
    if machine.state in STARTABLE:
        api.machines.start(app, machine_id, nonce=nonce())
    try:
        api.machines.wait(
            app,
            machine_id,
            "started",
            instance_id=machine.instance_id,
            timeout_s=timeout_s,
            slice_s=SLICE_S,
            tick=lambda: _keep(nonce),
        )
    except FlyWaitTimeout as error:
        now = api.machines.get(app, machine_id)
        raise UnhealthyMachineError(
            f"machine {machine_id} ({now.region}) did not start within {timeout_s:.0f} s: "
            f"{last_event(now)}"
        ) from error
    while True:
        machine = api.machines.get(app, machine_id)
        failing = [check for check in machine.checks if check.status != "passing"]
        if machine.state == "started" and not failing:
            return machine
        if machine.state in ENDED or clock() >= deadline:
            seen = "; ".join(
                [*(f"{c.name} {c.status}: {c.output[:200]}" for c in failing), last_event(machine)]
            )
            raise UnhealthyMachineError(
                f"machine {machine_id} ({machine.region}) is not healthy after "
                f"{clock() - deadline + timeout_s:.0f} s: {seen}"
            )
        nonce()
        sleep(POLL_S)


def await_stopped(
    api: "FlyApi",
    machine: Machine,
    app: str,
    *,
    tick: Callable[[], object],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Wait until the machine no longer runs, at most its kill timeout and a margin."""
    limit = seconds((machine.config.get("stop_config") or {}).get("timeout") or "5s")
    deadline = clock() + limit + STOP_MARGIN_S
    while clock() < deadline:
        now = api.machines.find(app, machine.id)
        if now is None or now.state not in RUNNING:
            return
        tick()
        sleep(POLL_S)


def last_event(machine: Machine) -> str:
    """Say the machine's state, the newest event, and the exit code where it ended before."""
    if not machine.events:
        return f"state {machine.state}"
    event = machine.events[0]
    exits = ((past.get("request") or {}).get("exit_event") or {} for past in machine.events)
    code = next((f", exit code {end['exit_code']}" for end in exits if "exit_code" in end), "")
    return f"state {machine.state}, last event {event.get('type')} {event.get('status')}{code}"


def _keep(nonce: Callable[[], str | None]) -> None:
    nonce()
