"""What the answers of a proof add up to: requests, dollars, versions, rescues that were counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.proof.answers import OK, Answer, Outcome
from gateway.proof.counters import NOT_RESCUED, RESCUED, counter_record
from gateway.proof.looking import Looks
from gateway.proof.plan import Plan
from gateway.proof.recording import rescues_seen

ROUNDING = 1e-6  # dollars
READINGS = 2  # of the counters: before and after


@dataclass(frozen=True, slots=True)
class Totals:
    """What must stand in the evidence; `whole` tells that it holds every answer of the proof.

    Otherwise the recorded amount stays, unless it is less than what the answers add up to.
    """

    plan: Plan
    evidence: Mapping[str, Any]
    looks: Looks
    whole: bool

    def versions(self) -> dict[str, Any]:
        """Return the pinned version and those that answered."""
        recorded = set(self.evidence["litellm_version"]["seen"])
        found = {answer.version for answer in self._answers() if answer.version}
        seen = found if self.whole else found | recorded
        return {"expected": self.plan.litellm_version, "seen": sorted(seen)}

    def requests(self) -> int:
        """Return how many requests were sent: every answer, the lists of models, the counters."""
        recorded: int = self.evidence["requests"]
        asked = sum(answer.outcome is not Outcome.SKIPPED for answer in self._answers())
        least = asked + (len(self.plan.chains) if asked else 0)
        low = least if self.evidence["counters"] is None else least + READINGS
        if recorded < low:
            return low
        return min(recorded, least + READINGS) if self.whole else recorded

    def cost_usd(self) -> float:
        """Return what the answers cost; streams do not say it, so it may be more."""
        recorded: float = self.evidence["cost_usd"]
        told = sum(answer.cost_usd or 0.0 for answer in self._answers() if answer.status == OK)
        return recorded if recorded >= told - ROUNDING else round(told, 6)

    def counters(self) -> dict[str, Any] | None:
        """Return how far the counters' recorded growth agrees with the rescues."""
        record = self.evidence["counters"]
        if record is None:
            return None
        seen = {(probe, target): count for probe, target, count in rescues_seen(self.looks)}
        counts: dict[tuple[str, str, str], float] = {}
        rescues: dict[tuple[str, str], int] = {}
        for row in record["edges"]:
            edge = (row["probe"], row["target"])
            counts |= {(RESCUED, *edge): row["counted"], (NOT_RESCUED, *edge): row["failed"]}
            least = seen.get(edge, 0)
            rescues[edge] = least if self.whole else max(least, row["seen"])
        rescues |= {edge: count for edge, count in seen.items() if edge not in rescues}
        return counter_record({}, counts, [(*edge, count) for edge, count in rescues.items()])

    def _answers(self) -> Iterator[Answer]:
        """Return every answer that is recorded, but for the breaker's."""
        for each in self.looks.cases.values():
            for look in each:
                if look.seen is not None:
                    yield from (*look.seen.samples, look.seen.negative)
        for target in self.looks.targets.values():
            yield target.positive
            if target.direct is not None:
                yield target.direct
