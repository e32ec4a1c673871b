"""How PostHog may fail here: late, refused, limited, broken, or with events that never come."""

import math
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

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


class FaultError(Exception):
    """A fault that cannot be read; `problems` names every place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
    names = [field.name for field in fields(Faults)]
    if not isinstance(body, dict):
        raise FaultError([f"expected an object with some of {', '.join(names)}"])
    problems = [
        f"{key}: no such fault; there are {', '.join(names)}" for key in set(body) - set(names)
    ]
    for name in ("late_s", "times", "retry_after_s"):
        value = body.get(name, 0)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and value >= 0):
            problems.append(f"{name}: {value!r}; expected a number of at least 0")
    status = body.get("status", 0)
    if status != 0 and not (type(status) is int and 400 <= status <= 599):  # noqa: PLR2004 - HTTP
        problems.append(f"status: {status!r}; expected a number from 400 to 599")
    if body.get("drop", "") not in ("", *Drop):
        problems.append(f"drop: {body['drop']!r}; expected one of {', '.join(Drop)}")
    if problems:
        raise FaultError(sorted(problems))
    return Faults(**body)
