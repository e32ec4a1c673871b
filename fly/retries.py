"""How often and how fast Fly's API may be asked: back-off after a fault, pacing before a call."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 5  # of one call that meets 5xx or no answer
RATE_LIMITED_ATTEMPTS = 9  # of one call that meets 429: it costs nothing but time
BASE_S = 0.5
CAP_S = 8.0
RATE_LIMIT_FLOOR_S = 1.0  # Fly refills one request a second
LONGEST_RETRY_AFTER_S = 120.0  # beyond it the call fails at once and says so


def backoff_s(attempt: int, random: Callable[[], float]) -> float:
    """Return a full-jitter delay: anything up to 0.5 s, 1 s, 2 s ... and never above 8 s.

    `attempt` counts from 0; `random` answers in [0, 1).
    """
    return random() * min(CAP_S, BASE_S * math.ldexp(1, min(attempt, 16)))


def rate_limit_s(attempt: int, retry_after: str | None, random: Callable[[], float]) -> float:
    """Return the delay after a 429: Fly's Retry-After when given, with jitter on top."""
    asked = retry_after_s(retry_after)
    floor = RATE_LIMIT_FLOOR_S if asked is None else asked
    return floor + backoff_s(attempt, random)


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header, seconds or a date; None when there is none that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


ROUNDING_S = 1e-6  # a delay below it is floating-point noise


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket's shape; `reserve` of its burst we keep back.

    Calls arrive closer together than they were sent when an earlier one took longer on its way,
    and a bucket that is spent to the last refuses such a one.
    """

    per_s: float
    burst: int
    reserve: int = 1


# Fly's documented limits, for one action on one machine or app
# (fly.io/docs/machines/api/working-with-machines-api, "Rate Limits").
DEFAULT_LIMIT = Limit(per_s=1, burst=3)
LIMITS = {
    "machine.get": Limit(per_s=5, burst=10),
    # Of an app and not of a machine: a large release is at this limit for minutes, and one call
    # that is two seconds late would be enough.
    "machine.create": Limit(per_s=1, burst=3, reserve=2),
}


def least_s(calls: int, limit: Limit = DEFAULT_LIMIT) -> float:
    """Return the least seconds from the first to the last of so many calls of one bucket."""
    return max(0.0, (calls - limit.burst) / limit.per_s)


def release_least_s(machines: int) -> float:
    """Return the least seconds that Fly's limits leave a bluegreen release of so many machines.

    Creating is limited for each app, so 100 machines are created in 97 s by nobody faster; every
    other action of a release is limited for each machine and runs beside it. What the last one
    takes to boot and be proven comes on top.
    """
    return least_s(machines)


class Pacer:
    """Holds calls back so that Fly's limits are not met; threads may share one.

    One bucket for each (action, object). A call takes its place at once and then sleeps, so
    that calls go out in the order in which they asked.
    """

    def __init__(self, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._full_at: dict[tuple[str, str], float] = {}  # when the bucket is full again

    def wait(self, action: str, target: str) -> None:
        """Return when the next call of this action on this object may go out."""
        limit = LIMITS.get(action, DEFAULT_LIMIT)
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get((action, target), now)) + 1 / limit.per_s
            self._full_at[action, target] = full_at
        delay = full_at - now - (limit.burst - limit.reserve) / limit.per_s
        if delay > ROUNDING_S:
            self._sleep(delay)


def unpaced(action: str, target: str) -> None:
    """Hold nothing back: the sandbox has no limits unless it is told to."""
