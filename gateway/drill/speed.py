"""How fast rescues were against what was promised of them: at first, and once a breaker is open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.drill.fault import Meets

FAST_P50_S = 0.1
FAST_P99_S = 0.3
HANG_SLACK_S = 0.2
TIMES_FASTER = 50
OWN_WORK_S = 0.2  # what LiteLLM's own work may add to an arithmetic of sleeps and time-outs
# What a provider answers at once; a rescue from it is bounded by the figures above.
ANSWERED_AT_ONCE = (Meets.SERVER_ERROR, Meets.UNAVAILABLE, Meets.RATE_LIMIT)


@dataclass(frozen=True, slots=True)
class Times:
    """The rescues of one kind, in seconds, and whether their bound held; `bound` is its text."""

    kind: str
    count: int
    p50: float
    p99: float
    bound: str
    held: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """One group's rescues from a 500 by its first target, in seconds, as the log tells them apart.

    `cold`: the primary was asked; `warm`: its breaker was open. `bound_s` is what each may take,
    `at_once` whether the settings ask the target after the first failure.
    """

    source: str
    target: str
    bound_s: float
    at_once: bool
    cold: tuple[float, ...] = ()
    warm: tuple[float, ...] = ()

    @property
    def held(self) -> bool | None:
        """Whether every rescue was within the bound; None where there was none."""
        found = (*self.cold, *self.warm)
        return max(found) <= self.bound_s if found else None


def edge_bound_s(*, at_once: bool, promised_s: float) -> float:
    """Return what one rescue from a 500 may take: the fixed bound, or the retries' arithmetic."""
    return FAST_P99_S if at_once else promised_s + OWN_WORK_S


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def fast(kind: str, seconds: Sequence[float]) -> Times | None:
    """Judge rescues from faults that are answered at once; None where there were none."""
    if not seconds:
        return None
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    held = p50 <= FAST_P50_S and p99 <= FAST_P99_S
    bound = f"p50 <= {FAST_P50_S * 1000:.0f} ms, p99 <= {FAST_P99_S * 1000:.0f} ms"
    return Times(kind, len(seconds), p50, p99, bound, held)


def hangs(kind: str, over_s: Sequence[float]) -> Times | None:
    """Judge rescues from silence by what they took beyond the declared time-out."""
    if not over_s:
        return None
    p50, p99 = percentile(over_s, 0.5), percentile(over_s, 0.99)
    bound = f"all <= {HANG_SLACK_S * 1000:.0f} ms"
    return Times(kind, len(over_s), p50, p99, bound, max(over_s) <= HANG_SLACK_S)
