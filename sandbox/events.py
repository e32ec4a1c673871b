"""What the events look like that Fly keeps of each machine, and what can be read from them."""

from collections.abc import Mapping
from typing import Any

from sandbox.interfaces import MachineRecord

EVENTS_KEPT = 50


def note(
    machine: MachineRecord,
    type_: str,
    status: str,
    source: str,
    *,
    id_: str,
    at: float,
    request: Mapping[str, Any] | None = None,
) -> None:
    """Put an event in front of the others; `at` is in Unix seconds, the event's in milliseconds."""
    event: dict[str, Any] = {
        "id": id_,
        "type": type_,
        "status": status,
        "source": source,
        "timestamp": int(at * 1000),
    }
    if request is not None:
        event["request"] = dict(request)
    machine.events.insert(0, event)
    del machine.events[EVENTS_KEPT:]


def exit_request(
    machine: MachineRecord, detail: Mapping[str, Any], exited_at: str
) -> dict[str, Any]:
    """Turn what the runtime reported about an exit into the event's `request`.

    `restart_count` counts the restarts by policy since somebody last asked for a start, this
    one included: flyctl takes more than one for a crash loop.
    """
    restarting = bool(detail.get("restarting"))
    code, signal = int(detail.get("exit_code") or 0), int(detail.get("signal") or 0)
    exit_event = {
        "exit_code": code,
        "guest_exit_code": code,
        "guest_signal": signal,
        "signal": signal,
        "oom_killed": False,
        "requested_stop": bool(detail.get("requested_stop")),
        "restarting": restarting,
        "exited_at": exited_at,
    }
    return {"exit_event": exit_event, "restart_count": _restarts(machine) + restarting}


def _restarts(machine: MachineRecord) -> int:
    count = 0
    for event in machine.events:
        if event["source"] == "user":
            break
        exit_event = event.get("request", {}).get("exit_event", {})
        count += bool(exit_event.get("restarting"))
    return count
