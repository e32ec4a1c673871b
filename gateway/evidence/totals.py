"""What the answers of a proof add up to: requests, dollars, versions, rescues that were counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.proof.answers import OK, Answer, Outcome
from gateway.proof.counters import NOT_RESCUED, RESCUED, counter_record
from gateway.proof.looking import Looks
from gateway.proof.plan import Plan
from gateway.proof.recording import rescues_seen

ROUNDING = 1e-6  # dollars
READINGS = 2  # of the counters: before and after
CLOCK_STEP = 0.001  # seconds: what rounding may take from a duration

Number = TypeVar("Number", int, float)


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

    def duration_s(self) -> float:
        """Return how long it took: no less than its longest answer."""
        recorded: float = self.evidence["duration_s"]
        longest = max((answer.latency_ms for answer in self._answers()), default=0.0) / 1000
        return recorded if recorded >= longest - CLOCK_STEP else round(longest, 3)

    def cost_usd(self) -> float:
        """Return what the answers cost.

        An answer that says no price, such as a stream, counts as the dearest that its group gave so
        far: something between nothing and the dearest of all.
        """
        recorded: float = self.evidence["cost_usd"]
        prices, unpriced = self._prices()
        least = sum(sum(told) for told in prices.values())
        most = least + sum(max(prices.get(group, [0.0])) * n for group, n in unpriced.items())
        return self._within(recorded, round(least, 6), round(most, 6), ROUNDING)

    def unpriced(self) -> int:
        """Return how many answers came before their group had said a price."""
        prices, unpriced = self._prices()
        never = sum(count for group, count in unpriced.items() if group not in prices)
        recorded: int = self.evidence["unpriced"]
        if not self.whole:
            return recorded
        return self._within(recorded, never, sum(unpriced.values()), 0)

    def _prices(self) -> tuple[dict[str, list[float]], Counter[str]]:
        """Return by group the prices that its answers said, and how many said none."""
        prices: dict[str, list[float]] = {}
        unpriced: Counter[str] = Counter()
        for asked, answer in self._asked():
            if answer.status != OK:
                continue
            group = answer.group or asked
            if answer.cost_usd is None:
                unpriced[group] += 1
            else:
                prices.setdefault(group, []).append(answer.cost_usd)
        return prices, unpriced

    def _within(self, recorded: Number, least: Number, most: Number, slack: float) -> Number:
        """Return what is recorded, unless it cannot be; without all answers there is no most."""
        if recorded < least - slack:
            return least
        return most if self.whole and recorded > most + slack else recorded

    def counters(self) -> dict[str, Any] | None:
        """Return how far the counters' recorded growth agrees with the rescues."""
        record = self.evidence["counters"]
        if record is None:
            return None
        seen = {(probe, target): count for probe, target, count in rescues_seen(self.looks)}
        probes = {(edge.probe, edge.target) for edge in self.plan.edges}
        counts: dict[tuple[str, str, str], float] = {}
        rescues: dict[tuple[str, str], int] = {}
        for row in record["edges"]:
            edge = (row["probe"], row["target"])
            if edge not in probes:
                raise ValueError(f"a counter is of {row['probe']!r}, which was not asked")
            counts |= {(RESCUED, *edge): row["counted"], (NOT_RESCUED, *edge): row["failed"]}
            least = seen.get(edge, 0)
            rescues[edge] = least if self.whole else max(least, row["seen"])
        rescues |= {edge: count for edge, count in seen.items() if edge not in rescues}
        return counter_record({}, counts, [(*edge, count) for edge, count in rescues.items()])

    def _answers(self) -> Iterator[Answer]:
        return (answer for _, answer in self._asked())

    def _asked(self) -> Iterator[tuple[str, Answer]]:
        """Return every answer that is recorded, with who was asked, but for the breaker's."""
        for case, each in self.looks.cases.items():
            for look in each:
                if look.seen is not None:
                    for answer in (*look.seen.samples, look.seen.negative):
                        yield case.edge.probe, answer
        for (group, _), target in self.looks.targets.items():
            yield group, target.positive
            if target.direct is not None:
                yield group, target.direct
