"""How looks at a fallback end, and which of several ends decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a look ended; the order of `WORST_FIRST` decides between several.

    FAILED: the gateway said no. ERRORED: the checker could not look. INCONCLUSIVE: nothing was
    shown either way. KNOWN_LIMIT: the pinned LiteLLM is known not to do this; never a pass, and
    an edge is judged by its other cases.
    """

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"
    KNOWN_LIMIT = "known_limit"


WORST_FIRST = (
    Verdict.FAILED,
    Verdict.ERRORED,
    Verdict.INCONCLUSIVE,
    Verdict.KNOWN_LIMIT,
    Verdict.PASSED,
)
EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.FAILED: 2,
    Verdict.INCONCLUSIVE: 2,
    Verdict.ERRORED: 1,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against a pass; a final one is not looked at again.

    `unrescued` marks the reasons that a known limit of LiteLLM may explain.
    """

    verdict: Verdict
    reason: str
    final: bool = False
    unrescued: bool = False


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that decides; passed when there is none."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.PASSED)


def decided(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over cases: known limits count for nothing, and alone prove nothing."""
    found = list(verdicts)
    counted = [verdict for verdict in found if verdict is not Verdict.KNOWN_LIMIT]
    return Verdict.INCONCLUSIVE if found and not counted else worst(counted)


def first(*rules: tuple[bool, Finding]) -> list[Finding]:
    """Return the finding of the first rule that applies, or none."""
    return next(([finding] for applies, finding in rules if applies), [])
