"""What a proof has used of its limits: requests, seconds, dollars."""

import threading
from collections.abc import Callable

from gateway.proof.plan import Bounds


class Spending:
    """Counts from several threads; the first limit that is reached ends the asking.

    LiteLLM says an answer's price in a header, but not of a stream, whose headers come first: such
    an answer counts as the dearest that its group gave so far.
    """

    def __init__(self, bounds: Bounds, clock: Callable[[], float]) -> None:
        self.requests = 0
        self.cost_usd = 0.0
        self.unpriced = 0  # answers of groups that never said a price
        self._bounds = bounds
        self._clock = clock
        self._began = clock()
        self._ends = self._began + bounds.total_timeout_s
        self._dearest: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def seconds_left(self) -> float:
        """Seconds until `total_timeout_s` is used up."""
        return self._ends - self._clock()

    @property
    def seconds_used(self) -> float:
        """Seconds since the proof began."""
        return self._clock() - self._began

    def take(self) -> str | None:
        """Count one request; return which limit forbids it, or None."""
        with self._lock:
            if self.seconds_left <= 0:
                return "total_timeout_s is used up"
            if self.requests >= self._bounds.total_requests:
                return "total_requests is used up"
            if self.cost_usd >= self._bounds.total_cost_usd:
                return "total_cost_usd is used up"
            self.requests += 1
            return None

    def pay(self, group: str, cost_usd: float | None) -> None:
        """Add what an answer of `group` cost; None is not known."""
        with self._lock:
            if cost_usd is None and group not in self._dearest:
                self.unpriced += 1
            elif cost_usd is not None:
                self._dearest[group] = max(cost_usd, self._dearest.get(group, 0.0))
            self.cost_usd += self._dearest.get(group, 0.0) if cost_usd is None else cost_usd
