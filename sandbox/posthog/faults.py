"""How PostHog may fail here: late, refused, limited, broken, or with events that never come."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.fault_order import read_order
from sandbox.posthog.wire import Captured, error

KNOWN = {
    400: ("validation_error", "invalid_input", "Unknown table `ai_events`."),
    401: (
        "authentication_error",
        "authentication_failed",
        "Personal API key found in request Authorization header is invalid.",
    ),
    403: (
        "authentication_error",
        "permission_denied",
        "API key missing required scope 'query:read'",
    ),
    404: ("invalid_request", "not_found", "Project not found."),
    429: ("throttled_error", "throttled", "Request was throttled."),
}
BROKEN = ("server_error", "error", "A server error occurred.")


class Drop(StrEnum):
    """Which events are taken and never kept."""

    FAILURES = "failures"
    SUCCESSES = "successes"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong; nothing, as it stands.

    `late_s` passes between an event's arrival and the first query that finds it. `status` is the
    answer of the next `times` queries (0: of all), with `retry_after_s` when it is 429.
    """

    late_s: float = 0
    status: int = 0
    times: int = 0
    retry_after_s: int = 0
    drop: str = ""

    def drops(self, event: Captured) -> bool:
        """Tell whether an event never comes."""
        if self.drop == Drop.ALL:
            return True
        return self.drop == (Drop.FAILURES if event.failed else Drop.SUCCESSES)

    def body(self) -> dict[str, Any]:
        """Return the body of the answer `status`."""
        return error(*KNOWN.get(self.status, BROKEN))


def parse_faults(body: object) -> Faults:
    """Read the faults of a control call; `FaultError` names all that is wrong."""
    return read_order(
        body, Faults, numbers=("late_s", "times", "retry_after_s"), more=_no_such_drop
    )


def _no_such_drop(body: dict[str, Any]) -> Iterator[str]:
    if body.get("drop", "") not in ("", *Drop):
        yield f"drop: {body['drop']!r}; expected one of {', '.join(Drop)}"
