"""How a fault's run is scored: pass, partial, safe or fail, as Failover Bench defines them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.drill.checks import Finding, findings
from gateway.drill.fault import Fault, Ideal
from gateway.drill.seen import Outcome, Seen

RULE = (
    "pass: the caller has what is right and every check holds; partial: the same, but an advisory"
    " check does not hold; safe: not rescued, but a clean error in time and every required check"
    " holds; fail: a hang, half an answer told as a success, or a required check does not hold;"
    " unmet: the attempt log does not show the fault. A fault scores as its worst run"
)


class Score(StrEnum):
    """A score, in order from the best to the worst."""

    PASS = "pass"  # noqa: S105 - a score
    PARTIAL = "partial"
    SAFE = "safe"
    FAIL = "fail"
    UNMET = "unmet"


_ORDER = list(Score)


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with the reasons against a better one; `required` are those that make it a fail."""

    score: Score
    reasons: tuple[str, ...]
    required: tuple[str, ...] = ()


def score(fault: Fault, seen: Seen) -> Scored:
    """Score one run by the caller's outcome and the attempt log together."""
    if not seen.on_primary:
        why = "the fault never reached a request: the primary has no attempt in the log"
        return Scored(Score.UNMET, (why,))
    found = findings(fault.checks, seen)
    broken = [_worst_end(seen), _unseen_helper(seen), *(_text(f) for f in found if not f.advisory)]
    required = tuple(reason for reason in broken if reason)
    noted = tuple(_text(finding) for finding in found if finding.advisory)
    if required:
        return Scored(Score.FAIL, (*required, *noted), required)
    outcome = seen.answer.outcome
    if fault.lasts_s is None and fault.ideal is Ideal.ANSWER and outcome is Outcome.ERROR:
        return Scored(Score.SAFE, (f"not rescued: {_said(seen)}", *noted))
    if fault.ideal is Ideal.ERROR and outcome is Outcome.ANSWER:
        return Scored(Score.PARTIAL, (f"answered around it by {seen.answer.by}", *noted))
    return Scored(Score.PARTIAL if noted else Score.PASS, noted)


def worst(scores: Iterable[Score]) -> Score:
    """Return the score of a fault from those of its runs; there is at least one."""
    return max(scores, key=_ORDER.index)


def _worst_end(seen: Seen) -> str:
    """Name a hang or a cut answer among the run's answers."""
    for answer in seen.answers:
        if answer.outcome is Outcome.HANG:
            return f"neither answer nor error within {answer.took_s:.0f} s"
        if answer.outcome is Outcome.CUT_SHORT:
            return f'told as a success: "{answer.text}"'
    return ""


def _unseen_helper(seen: Seen) -> str:
    """Name an answer from a model that the providers' log does not know to have been asked."""
    asked = {one.deployment for one in seen.attempts}
    for answer in seen.answers:
        if answer.outcome is Outcome.ANSWER and answer.by not in asked:
            return f"answered by {answer.by}, which was never asked: a cache?"
    return ""


def _text(finding: Finding) -> str:
    return f"{finding.check}: {finding.why}"


def _said(seen: Seen) -> str:
    status = seen.answer.status
    if not status:
        return "the connection broke"
    return f"HTTP {status}" + (", then an error" if 200 <= status < 300 else "")  # noqa: PLR2004
