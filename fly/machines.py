"""The calls about machines: what they are, what they should be, and waiting until they are it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fly.calls import Call, Connection, nothing
from fly.canonical import canonical
from fly.errors import FlyAmbiguous, FlyNotFound, FlyWaitTimeout, Where
from fly.provisions import resolved
from fly.replies import ExecResult, Machine

LAUNCH_ID = "gateway_launch_id"  # metadata key: the mark by which a lost create is found again
WAIT_SLICE_S = 60  # Fly's proxy cuts a longer wait
ANSWER_MARGIN_S = 15.0  # beyond the time that Fly was told to take
UPDATE_ATTEMPTS = 3  # of an update whose outcome stays unknown


class Machines:
    """Machines of apps. `nonce` is that of the machine's lease, needed while it is leased."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, app: str, *, metadata: Mapping[str, str] | None = None) -> tuple[Machine, ...]:
        """Return the app's machines that have this metadata, oldest first, without destroyed ones.

        The machines come without the nonce of a lease, whoever holds it.
        """
        wanted = dict(metadata or {})
        query = {f"metadata.{key}": value for key, value in wanted.items()}
        call = Call("GET", _path(app), "machine.list", app, query=query)
        machines = self._connection.send(
            call, lambda answer: [Machine.parse(row) for row in answer or ()]
        )
        found = (
            machine
            for machine in machines
            if machine.state != "destroyed" and wanted.items() <= dict(machine.metadata).items()
        )
        return tuple(sorted(found, key=lambda machine: (machine.created_at, machine.id)))

    def get(self, app: str, machine_id: str) -> Machine:
        """Return the machine, also a destroyed one while Fly remembers it; or `FlyNotFound`."""
        call = Call("GET", _path(app, machine_id), "machine.get", machine_id)
        return self._connection.send(call, Machine.parse)

    def find(self, app: str, machine_id: str) -> Machine | None:
        """Return the machine, or None when it is gone or destroyed."""
        try:
            machine = self.get(app, machine_id)
        except FlyNotFound:
            return None
        return None if machine.state == "destroyed" else machine

    def create(self, app: str, request: Mapping[str, Any], *, launch_id: str) -> Machine:
        """Create one machine, also when a reply is lost.

        `request` is Fly's body (`MachineRequest.body()`); `launch_id` is new for each machine
        wanted and is written into its metadata. A machine found again after a lost reply comes
        without `nonce`, even if `lease_ttl` was asked: its lease has to be waited out.
        """
        body = _marked(request, launch_id)
        call = Call("POST", _path(app), "machine.create", app, body=body, repeatable=False)
        return resolved(
            self._connection,
            lambda: self._connection.send(call, Machine.parse),
            lambda: next(iter(self.list(app, metadata={LAUNCH_ID: launch_id})), None),
        )

    def update(
        self,
        app: str,
        machine_id: str,
        request: Mapping[str, Any],
        *,
        nonce: str | None,
        current_version: str | None = None,
    ) -> Machine:
        """Replace the machine's whole configuration and return it with its new `instance_id`.

        `current_version` is the instance id that the update starts from: Fly refuses when it is
        no longer the one. With it, a lost reply costs no second restart.
        """
        body = dict(request)
        if current_version is not None:
            body["current_version"] = current_version
        path = _path(app, machine_id)
        call = Call(
            "POST", path, "machine.update", machine_id, body=body, nonce=nonce, repeatable=False
        )
        for attempt in range(UPDATE_ATTEMPTS):
            try:
                return self._connection.send(call, Machine.parse)
            except FlyAmbiguous:
                machine = self.get(app, machine_id)
                if current_version is not None and _took_effect(machine, body, current_version):
                    return machine
                if attempt == UPDATE_ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def delete(self, app: str, machine_id: str, *, nonce: str | None = None) -> None:
        """Destroy the machine, running or not; one that is gone is fine.

        Answers at once: wait for `destroyed` where that matters.
        """
        # `force` is the documented name, `kill` the one that flyctl sends.
        query = {"force": "true", "kill": "true"}
        path = _path(app, machine_id)
        call = Call("DELETE", path, "machine.delete", machine_id, query=query, nonce=nonce)
        try:
            self._connection.send(call, nothing)
        except FlyNotFound:
            return

    def start(self, app: str, machine_id: str, *, nonce: str | None = None) -> None:
        """Start a stopped machine."""
        self._act(app, machine_id, "start", nonce)

    def stop(
        self,
        app: str,
        machine_id: str,
        *,
        nonce: str | None = None,
        signal: str | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Stop the machine; without `signal` and `timeout_s` as its own configuration says."""
        body: dict[str, Any] = {}
        if signal is not None:
            body["signal"] = signal
        if timeout_s is not None:
            body["timeout"] = f"{timeout_s:g}s"
        self._act(app, machine_id, "stop", nonce, body)

    def cordon(self, app: str, machine_id: str, *, nonce: str | None = None) -> None:
        """Let no new request reach the machine's services."""
        self._act(app, machine_id, "cordon", nonce)

    def uncordon(self, app: str, machine_id: str, *, nonce: str | None = None) -> None:
        """Let requests reach the machine's services (also after `skip_service_registration`)."""
        self._act(app, machine_id, "uncordon", nonce)

    def set_metadata(
        self, app: str, machine_id: str, key: str, value: str, *, nonce: str | None = None
    ) -> None:
        """Set one metadata key; the machine is not restarted."""
        self._act(app, machine_id, f"metadata/{quote(key, safe='')}", nonce, {"value": value})

    def events(self, app: str, machine_id: str) -> tuple[Mapping[str, Any], ...]:
        """Return what happened to the machine, newest first, as far as Fly shows it with it."""
        return self.get(app, machine_id).events

    def wait(
        self,
        app: str,
        machine_id: str,
        state: str,
        *,
        instance_id: str | None,
        timeout_s: float,
        slice_s: int = WAIT_SLICE_S,
        tick: Callable[[], None] | None = None,
    ) -> None:
        """Return once the machine is in this state; raises `FlyWaitTimeout`.

        Fly is asked for `slice_s` at a time, at most 60 s; before each slice `tick` is called, to
        keep a lease or to raise when waiting has become pointless. `instance_id` is that of the
        create or update waited for: without it an old version's state would satisfy the wait.
        Waiting for `destroyed`, a machine that is gone has got there.
        """
        deadline = self._connection.clock() + timeout_s
        path = f"{_path(app, machine_id)}/wait"
        while True:
            if tick is not None:
                tick()
            left = deadline - self._connection.clock()
            if left <= 0:
                raise _overdue(path, state, timeout_s)
            seconds = max(1, min(slice_s, WAIT_SLICE_S, int(left)))
            query = {"state": state, "timeout": str(seconds)}
            if instance_id is not None:
                # Both names are in use for the same thing.
                query |= {"instance_id": instance_id, "version": instance_id}
            call = Call(
                "GET",
                path,
                "machine.wait",
                machine_id,
                query=query,
                awaited=True,
                timeout_s=seconds + ANSWER_MARGIN_S,
            )
            try:
                self._connection.send(call, nothing)
            except FlyWaitTimeout:
                continue
            except FlyNotFound:
                if state != "destroyed":
                    raise
            return

    def exec(
        self,
        app: str,
        machine_id: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        stdin: str | None = None,
        hidden: Sequence[str] = (),
    ) -> ExecResult:
        """Run a command inside the machine and return what it answered, whatever its exit code.

        Never sent twice: raises `FlyAmbiguous` when the command may have run unseen. `hidden` are
        secrets within the command that no error may quote.
        """
        body: dict[str, Any] = {"command": list(command), "timeout": max(1, round(timeout_s))}
        if stdin is not None:
            body["stdin"] = stdin
        call = Call(
            "POST",
            f"{_path(app, machine_id)}/exec",
            "machine.exec",
            machine_id,
            body=body,
            repeatable=False,
            timeout_s=timeout_s + ANSWER_MARGIN_S,
            hidden=tuple(hidden),
        )
        return self._connection.send(call, ExecResult.parse)

    def _act(
        self,
        app: str,
        machine_id: str,
        what: str,
        nonce: str | None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        action = f"machine.{what.partition('/')[0]}"
        path = f"{_path(app, machine_id)}/{what}"
        self._connection.send(
            Call("POST", path, action, machine_id, body=body, nonce=nonce), nothing
        )


def _path(app: str, machine_id: str | None = None) -> str:
    path = f"/apps/{quote(app, safe='')}/machines"
    return path if machine_id is None else f"{path}/{quote(machine_id, safe='')}"


def _marked(request: Mapping[str, Any], launch_id: str) -> dict[str, Any]:
    config = dict(request["config"])
    config["metadata"] = {**(config.get("metadata") or {}), LAUNCH_ID: launch_id}
    return {**request, "config": config}


def _took_effect(machine: Machine, body: Mapping[str, Any], current_version: str) -> bool:
    return machine.instance_id != current_version and canonical(machine.config) == canonical(
        body["config"]
    )


def _overdue(path: str, state: str, timeout_s: float) -> FlyWaitTimeout:
    where = Where("GET", path, 408)
    return FlyWaitTimeout(where, f"the machine was not {state} within {timeout_s:g} s")
