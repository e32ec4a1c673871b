"""The checks that a fault's run is put to: each looks at the caller's side or at the attempt log.

The kinds and what they count are Failover Bench's (failoverbench/failoverbench, METHODOLOGY.md and
scenarios/catalogue.yaml, methodology 0.1).
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.drill.seen import Answer, Outcome, Seen

Judge = Callable[[Seen], str]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition; `judge` returns what is wrong, "" for nothing.

    `advisory`: not met, it makes a pass a partial one, and nothing worse.
    """

    name: str
    judge: Judge
    advisory: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that was not met, and what was seen instead."""

    check: str
    why: str
    advisory: bool


def findings(checks: tuple[Check, ...], seen: Seen) -> tuple[Finding, ...]:
    """Return every check that was not met."""
    judged = ((check, check.judge(seen)) for check in checks)
    return tuple(Finding(check.name, why, check.advisory) for check, why in judged if why)


def advisory(check: Check) -> Check:
    """Return the same check as one that is noted only."""
    return Check(check.name, check.judge, advisory=True)


def primary_at_least(count: int) -> Check:
    """Require so many attempts at the primary."""

    def judge(seen: Seen) -> str:
        found = len(seen.on_primary)
        return "" if found >= count else f"{_times(found)} at the primary, expected {count} or more"

    return Check(f"primary tried at least {count} x", judge)


def primary_at_most(count: int) -> Check:
    """Require no more attempts at the primary, and at least one: a fault nobody met shows nothing.

    A run without any attempt at the primary in the log was not drilled.
    """

    def judge(seen: Seen) -> str:
        found = len(seen.on_primary)
        if found == 0:
            return "the primary was never tried: nothing was drilled"
        return "" if found <= count else f"{_times(found)} at the primary, at most {count} allowed"

    return Check(f"primary tried at most {count} x", judge)


def first_gap_at_least(seconds: float) -> Check:
    """Require a pause between the first two attempts at the primary; no second one is no pause."""

    def judge(seen: Seen) -> str:
        tried = seen.on_primary
        if len(tried) < 2:  # noqa: PLR2004 - a gap has two ends
            return f"no second attempt at the primary after {seconds:g} s"
        gap = tried[1].at_s - tried[0].at_s
        return "" if gap >= seconds else f"tried again after {gap:.2f} s, asked for {seconds:g} s"

    return Check(f"second attempt after {seconds:g} s", judge)


def no_hammering(*, within_s: float, most: int) -> Check:
    """Require that no more attempts reach the primary in the seconds after its first one."""

    def judge(seen: Seen) -> str:
        tried = seen.on_primary
        early = [one for one in tried if one.at_s - tried[0].at_s <= within_s]
        if len(early) <= most:
            return ""
        return f"{len(early)} attempts in {within_s:g} s, at most {most} allowed"

    return Check(f"at most {most} attempts in {within_s:g} s", judge)


def within(seconds: float) -> Check:
    """Require an end, of any kind, within so many seconds."""

    def judge(seen: Seen) -> str:
        took = seen.answer.took_s
        return "" if took <= seconds else f"took {took:.1f} s, at most {seconds:g} s allowed"

    return Check(f"over within {seconds:g} s", judge)


def reports_who_answered() -> Check:
    """Require that a rescued caller is told so: LiteLLM's two headers and the answer's `model`."""

    def judge(seen: Seen) -> str:
        answer = seen.answer
        if answer.outcome is not Outcome.ANSWER or answer.by == seen.primary:
            return ""
        if not answer.fallbacks:
            return "no x-litellm-attempted-fallbacks of 1 or more"
        if answer.group in (None, seen.group):
            return f"x-litellm-model-group is {answer.group or 'missing'}, another answered"
        if answer.model.rpartition("/")[2] != answer.by.rpartition("/")[2]:
            return f'`model` is "{answer.model}", {answer.by} answered'
        return ""

    return Check("the caller is told who answered", judge)


def usage_present() -> Check:
    """Require a usage block in a successful answer."""

    def judge(seen: Seen) -> str:
        answered = seen.answer.outcome is Outcome.ANSWER
        return "no usage in the answer" if answered and not seen.answer.usage else ""

    return Check("usage is reported", judge)


def alive_after() -> Check:
    """Require that the gateway answers a healthy request afterwards."""

    def judge(seen: Seen) -> str:
        return "" if seen.alive else "a healthy request afterwards was not answered"

    return Check("alive afterwards", judge)


def not_resent_unchanged() -> Check:
    """Require one attempt at the primary, or a second that is strictly smaller."""

    def judge(seen: Seen) -> str:
        tried = seen.on_primary
        if not tried:
            return "the primary was never tried: nothing was drilled"
        if len(tried) == 1 or (len(tried) == 2 and tried[1].tokens < tried[0].tokens):  # noqa: PLR2004
            return ""
        return f"the same request was sent {_times(len(tried))}"

    return Check("not sent again unchanged", judge)


def no_prefill_masking() -> Check:
    """Fail an error that hides the real one behind a target which continues no answer."""

    def judge(seen: Seen) -> str:
        rejected = any(one.prefilled for one in seen.elsewhere)
        masked = rejected and seen.answer.outcome is Outcome.ERROR
        return "a prefill that the target rejects became the caller's error" if masked else ""

    return Check("no prefill hides the fault", judge)


def answered_in_place() -> Check:
    """Require the primary's own answer, in full."""

    def judge(seen: Seen) -> str:
        by = seen.answer.by
        return "" if by == seen.primary else f"answered by {by or 'nobody'}"

    return Check("answered by the primary", judge)


def nobody_else_tried() -> Check:
    """Require that no other model is asked."""

    def judge(seen: Seen) -> str:
        tried = {one.deployment for one in seen.elsewhere}
        return f"{', '.join(sorted(tried))} tried as well" if tried else ""

    return Check("no other model tried", judge)


def served_while_down() -> Check:
    """Require an answer to every request that came while the primary was down."""

    def judge(seen: Seen) -> str:
        lost = [one for one in _while_down(seen) if one.outcome is not Outcome.ANSWER]
        return f"{len(lost)} of {len(_while_down(seen))} not answered" if lost else ""

    return Check("served while it was down", judge)


def breaker_spares_the_primary(most: int) -> Check:
    """Require that a dead primary is left alone after so many attempts."""

    def judge(seen: Seen) -> str:
        healed = seen.healed_at_s or 0.0
        began = seen.attempts[0].at_s if seen.attempts else 0.0
        tried = [one for one in seen.on_primary if one.at_s - began < healed]
        return "" if len(tried) <= most else f"{_times(len(tried))} while it was down"

    return Check(f"a dead primary is tried at most {most} x", judge)


def back_within(seconds: float) -> Check:
    """Require that the primary answers again, at the latest so long after it is well."""

    def judge(seen: Seen) -> str:
        healed = seen.healed_at_s or 0.0
        back = [a.at_s + a.took_s for a in seen.answers if a.by == seen.primary and a.at_s > healed]
        if not back:
            return "the primary never answered again"
        late = back[0] - healed
        return "" if late <= seconds else f"back after {late:.0f} s, at most {seconds:g} s allowed"

    return Check(f"back within {seconds:g} s", judge)


def _while_down(seen: Seen) -> list[Answer]:
    healed = seen.healed_at_s or 0.0
    return [one for one in seen.answers if one.at_s < healed]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
