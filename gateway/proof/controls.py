"""The controls of each look: a target that answers by itself, a primary that is really dead."""

from dataclasses import dataclass
from typing import Any

from gateway.proof.answers import COOLED_ERROR, OK, UNKNOWN_GROUP, Answer, Outcome, said
from gateway.proof.asking import Asker
from gateway.proof.faults import FAULTS, REFUSED
from gateway.proof.verdicts import Finding, Verdict, first

HEALTHY = "healthy"
DOWN = "down"
ALWAYS_FALLS_BACK = "always-falls-back"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Target:
    """A target asked directly; when that was not clean, `direct` asked without fallbacks."""

    state: str
    positive: Answer
    direct: Answer | None = None

    def record(self) -> dict[str, Any]:
        """Return it for the evidence."""
        direct = {"direct": self.direct.record()} if self.direct else {}
        return {"state": self.state, "positive": self.positive.record(), **direct}


def check_target(asker: Asker, name: str, form: str) -> Target:
    """Ask a target itself: it must answer from its own group with no fallback."""
    positive = asker.ask(name, form)
    if _is_clean(positive, name):
        return Target(HEALTHY, positive)
    if positive.outcome not in (Outcome.ANSWERED, Outcome.TIMEOUT):
        return Target(UNKNOWN, positive)
    direct = asker.ask(name, form, fallbacks=False)
    if direct.outcome is Outcome.ANSWERED and direct.status == OK:
        # The provider is up. Either it was down a moment ago, or the gateway falls back always.
        repeated = asker.ask(name, form)
        state = HEALTHY if _is_clean(repeated, name) else ALWAYS_FALLS_BACK
        return Target(state, repeated, direct)
    state = DOWN if direct.outcome in (Outcome.ANSWERED, Outcome.TIMEOUT) else UNKNOWN
    return Target(state, positive, direct)


def judge_target(name: str, target: Target) -> list[Finding]:
    """Return what the positive control says against a pass."""
    seen = said(target.positive)
    fake = f"positive control: {name} is up, and {seen} answered for it"
    by_itself = said(target.direct or target.positive)
    dead = f"positive control: {name} itself does not answer ({by_itself})"
    unseen = f"positive control: {by_itself}"
    skipped = (target.direct or target.positive).outcome is Outcome.SKIPPED
    return first(
        (target.state == ALWAYS_FALLS_BACK, Finding(Verdict.FAILED, fake, final=True)),
        (target.state == DOWN, Finding(Verdict.INCONCLUSIVE, dead)),
        (
            target.state == UNKNOWN,
            Finding(Verdict.INCONCLUSIVE if skipped else Verdict.ERRORED, unseen),
        ),
    )


def judge_negative(answer: Answer, fault: str) -> list[Finding]:
    """Return what the negative control says: without fallbacks, the fault itself must show."""
    seen = f"negative control: {said(answer)}"
    alive = f"{seen}, although its primary is dead and fallbacks are off"
    # A stream may have begun before its primary failed: then HTTP 200 carries the error.
    broken_stream = answer.status == OK and not answer.complete
    shows = answer.status in FAULTS[fault].statuses or broken_stream
    expected = " or ".join(str(int(status)) for status in FAULTS[fault].statuses)
    unasked = fault != REFUSED and answer.attempts == 0
    inconclusive = Verdict.INCONCLUSIVE
    return first(
        (answer.outcome is Outcome.SKIPPED, Finding(inconclusive, seen)),
        (answer.outcome is Outcome.TIMEOUT, Finding(inconclusive, seen)),
        (answer.outcome is not Outcome.ANSWERED, Finding(Verdict.ERRORED, seen)),
        (
            answer.succeeded or bool(answer.fallbacks),
            Finding(Verdict.FAILED, alive, final=True),
        ),
        (
            answer.error == UNKNOWN_GROUP,
            Finding(Verdict.FAILED, f"{seen}: the gateway does not know the probe", final=True),
        ),
        (
            not shows,
            Finding(inconclusive, f"{seen}, where {expected} shows the dead primary"),
        ),
        (
            unasked and answer.error != COOLED_ERROR,
            Finding(inconclusive, f"{seen}, and its primary was never asked"),
        ),
        (unasked, Finding(inconclusive, f"{seen}: the probe is cooled down, so nothing failed")),
    )


def _is_clean(answer: Answer, group: str) -> bool:
    return (
        answer.succeeded and answer.fallbacks == 0 and answer.group == group and not answer.cached
    )
