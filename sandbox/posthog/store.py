"""Which events were sent, and which of them a query finds by now; in memory only."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sandbox.posthog.faults import Faults
from sandbox.posthog.wire import AI_EVENTS, Asked, Captured

KEPT = 20_000  # events; the oldest make room


@dataclass(slots=True)
class EventStore:
    """All events, whatever project they are of: there is one."""

    clock: Callable[[], float]
    faults: Faults = field(default_factory=Faults)
    kept: int = KEPT
    queries: int = 0
    batches: int = 0
    _events: deque[Captured] = field(default_factory=deque)

    def keep(self, events: Sequence[Captured]) -> None:
        """Take a batch in; what the faults drop is gone."""
        self.batches += 1
        self._events.extend(event for event in events if not self.faults.drops(event))
        while len(self._events) > self.kept:
            self._events.popleft()

    def refusal(self) -> Faults | None:
        """Count a query, and return the fault that it meets instead of an answer."""
        self.queries += 1
        met = self.faults
        if not met.status:
            return None
        if met.times:
            left = met.times - 1
            self.faults = replace(met, times=left) if left else replace(met, status=0, times=0)
        return met

    def find(self, asked: Asked) -> list[Captured]:
        """Return what a query finds, oldest first."""
        seen_until = self.clock() - self.faults.late_s
        return [
            event
            for event in self._events
            if event.name in AI_EVENTS
            and asked.since <= event.at <= seen_until
            and event.marker in asked.markers
        ]

    def kept_events(self) -> list[Captured]:
        """Return everything that was sent and kept, oldest first."""
        return list(self._events)

    def counts(self) -> dict[str, int]:
        """Return how much there is."""
        failed = sum(event.failed for event in self._events)
        return {
            "events": len(self._events),
            "failures": failed,
            "batches": self.batches,
            "queries": self.queries,
        }

    def clear(self) -> None:
        """Forget the events and heal the faults."""
        self._events.clear()
        self.faults = Faults()
