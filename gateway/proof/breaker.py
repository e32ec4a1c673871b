"""The proof of the circuit breaker: it opens under a burst, answers fast, and closes again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.proof.answers import COOLED_ERROR, Answer, Outcome, said
from gateway.proof.asking import Asker
from gateway.proof.plan import Breaker
from gateway.proof.verdicts import Finding, Verdict, first, worst

FORM = "chat"
LOOK_EVERY_S = 0.5
CLOSES_LATE_S = 10  # what may pass between the end of the cool-down and the primary's next request
OPEN_SAMPLES = 3

Sleep = Callable[[float], None]


def breaker_record(
    asker: Asker,
    breaker: Breaker | None,
    clock: Callable[[], float],
    sleep: Sleep,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Trip the breaker of its own group and watch it; needs `cooldown_s` and a little more.

    The burst is as large as the declared number of failures, times the workers that count each for
    itself, and one more each; requests of the burst that come after the opening are let through.
    """
    if breaker is None:
        reason = "no breaker is declared: router_settings.allowed_fails is not set, or no chain"
        return {"verdict": Verdict.INCONCLUSIVE, "reasons": [reason]}
    needed = (breaker.allowed_fails + 1) * breaker.counted_by
    before = asker.ask(breaker.probe, FORM, fallbacks=False)
    with ThreadPoolExecutor(max_workers=asker.plan.bounds.concurrency) as pool:
        sent = [pool.submit(asker.ask, breaker.probe, FORM, fallbacks=False) for _ in range(needed)]
        burst = [before, *(each.result() for each in sent)]
    opened_at = clock()
    progress(f"proof: breaker, {needed + 1} failures sent")
    control = asker.ask(breaker.probe, FORM, fallbacks=False)
    is_open = control.error == COOLED_ERROR
    while_open = [asker.ask(breaker.probe, FORM) for _ in range(OPEN_SAMPLES)] if is_open else []
    closed = _until_closed(asker, breaker, clock, sleep) if is_open else None
    closed_after_s = round(clock() - opened_at, 1) if closed else None
    after = asker.ask(breaker.probe, FORM) if closed else None
    findings = [
        *_judge_opening(before, control, breaker),
        *(each for answer in while_open for each in _judge_open(asker, answer, breaker)),
        *_judge_closing(is_open=is_open, closed_after_s=closed_after_s, breaker=breaker),
        *(_judge_rescue(after, breaker) if after else ()),
    ]
    return {
        "verdict": worst(finding.verdict for finding in findings),
        "reasons": list(dict.fromkeys(finding.reason for finding in findings)),
        "probe": breaker.probe,
        "declared": {"allowed_fails": breaker.allowed_fails, "cooldown_s": breaker.cooldown_s},
        "burst": [answer.record() for answer in burst],
        "opened": is_open,
        "open_ms": [answer.latency_ms for answer in while_open],
        "while_open": [answer.record() for answer in while_open],
        "closed_after_s": closed_after_s,
        "after": after.record() if after else None,
    }


def _until_closed(asker: Asker, breaker: Breaker, clock: Callable[[], float], sleep: Sleep) -> bool:
    """Wait until the primary is asked again; False when it is not in time."""
    ends = clock() + breaker.cooldown_s + CLOSES_LATE_S
    while clock() < ends:
        sleep(LOOK_EVERY_S)
        answer = asker.ask(breaker.probe, FORM, fallbacks=False)
        if answer.outcome is Outcome.SKIPPED:
            return False
        if answer.outcome is Outcome.ANSWERED and answer.error != COOLED_ERROR:
            return True
    return False


def _judge_opening(before: Answer, control: Answer, breaker: Breaker) -> list[Finding]:
    started_open = f"the breaker was open before the burst: {said(before)}"
    never = f"the breaker did not open after more than {breaker.allowed_fails} failures"
    return first(
        (before.outcome is not Outcome.ANSWERED, Finding(Verdict.ERRORED, said(before))),
        (before.error == COOLED_ERROR, Finding(Verdict.INCONCLUSIVE, started_open)),
        (control.outcome is not Outcome.ANSWERED, Finding(Verdict.ERRORED, said(control))),
        # Workers that count for themselves may each have got too few of them.
        (
            control.error != COOLED_ERROR,
            Finding(
                Verdict.FAILED if breaker.counted_by == 1 else Verdict.INCONCLUSIVE,
                f"{never}: {said(control)}",
            ),
        ),
    )


def _judge_open(asker: Asker, answer: Answer, breaker: Breaker) -> list[Finding]:
    bound = asker.plan.bounds.warm_rescue_ms
    slow = f"open, and still {answer.latency_ms:.0f} ms; bound {bound} ms"
    return _judge_rescue(answer, breaker) or first(
        (answer.latency_ms > bound, Finding(Verdict.FAILED, slow)),
    )


def _judge_rescue(answer: Answer, breaker: Breaker) -> list[Finding]:
    rescued = answer.succeeded and bool(answer.fallbacks) and answer.group == breaker.target
    return first((not rescued, Finding(Verdict.FAILED, f"{said(answer)}, not rescued")))


def _judge_closing(
    *, is_open: bool, closed_after_s: float | None, breaker: Breaker
) -> list[Finding]:
    late = f"the breaker did not close within {breaker.cooldown_s} s and {CLOSES_LATE_S} s more"
    return first((is_open and closed_after_s is None, Finding(Verdict.FAILED, late)))
