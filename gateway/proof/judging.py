"""When a rescue counts: from the declared target, by a fallback, whole, and within its bound."""

from dataclasses import dataclass

from gateway.proof.answers import OK, Answer, Outcome, said
from gateway.proof.controls import DOWN, Target, judge_negative, judge_target
from gateway.proof.faults import HANG
from gateway.proof.limits import Limit, known_limit
from gateway.proof.plan import Edge, Plan
from gateway.proof.verdicts import Finding, Verdict, first

HANG_SLACK_MS = 200  # beyond the time-out itself, until LiteLLM goes on


@dataclass(frozen=True, slots=True)
class Case:
    """One edge, asked in one form, with one fault of its primary."""

    edge: Edge
    form: str
    fault: str

    def limit(self, version: str) -> Limit | None:
        """Return what LiteLLM is known not to do here."""
        return known_limit(version, self.edge.speaks, self.form, self.fault)

    def slept_ms(self, attempt_timeout_s: int) -> int:
        """Return how long the fault itself keeps LiteLLM waiting."""
        if self.fault != HANG:
            return 0
        return self.edge.attempts * attempt_timeout_s * 1000 + HANG_SLACK_MS


@dataclass(frozen=True, slots=True)
class Seen:
    """The answers of one look at a case."""

    samples: tuple[Answer, ...]
    negative: Answer


def judge(case: Case, seen: Seen, target: Target, plan: Plan) -> list[Finding]:
    """Return every reason against a pass, from both controls and all samples."""
    limit = case.limit(plan.litellm_version)
    if limit is not None and not limit.asks:
        return [Finding(Verdict.KNOWN_LIMIT, limit.what, final=True)]
    found = [*judge_target(case.edge.target, target), *judge_negative(seen.negative, case.fault)]
    for number, sample in enumerate(seen.samples):
        found += _judge_sample(sample, case, target, plan)
        found += _judge_time(sample, case, target, plan, cold=number == 0)
    if limit is not None and all(
        finding.unrescued or finding.verdict is Verdict.PASSED for finding in found
    ):
        return [Finding(Verdict.KNOWN_LIMIT, limit.what, final=True)] if found else []
    return found


def rescue_ms(sample: Answer, target: Target) -> float | None:
    """Return what the rescue cost beyond the target's own answer; None when there was none."""
    if not (sample.succeeded and sample.fallbacks):
        return None
    own = target.positive.latency_ms if target.positive.succeeded else 0.0
    return round(max(0.0, sample.latency_ms - own), 1)


def _judge_sample(answer: Answer, case: Case, target: Target, plan: Plan) -> list[Finding]:
    seen, name, version = said(answer), case.edge.target, plan.litellm_version
    looked = answer.outcome in (Outcome.ANSWERED, Outcome.TIMEOUT)
    # A target that is down explains whatever else went wrong on the way to it.
    no = Verdict.INCONCLUSIVE if target.state == DOWN else Verdict.FAILED
    other = f"{answer.group} answered in place of {name}"
    pinned = f"LiteLLM {answer.version} answered, {version} is pinned"
    broken = answer.status == OK and not answer.complete and not answer.fallbacks
    return first(
        (answer.outcome is Outcome.SKIPPED, Finding(Verdict.INCONCLUSIVE, seen)),
        (not looked, Finding(Verdict.ERRORED, seen)),
        (
            answer.status != OK or broken,
            Finding(no, f"{seen}, not rescued", unrescued=True),
        ),
        (answer.cached, Finding(Verdict.INCONCLUSIVE, f"{seen}, from the response cache")),
        (
            not answer.fallbacks,
            Finding(
                Verdict.FAILED,
                f"{seen}, without a fallback",
                final=True,
                unrescued=answer.group == case.edge.probe,
            ),
        ),
        (answer.version != version, Finding(Verdict.FAILED, pinned, final=True)),
        (answer.group != name, Finding(no, other, unrescued=True)),
        (not answer.complete, Finding(no, f"{seen}, with nothing in it", unrescued=True)),
        (
            answer.attempts == 0,
            Finding(Verdict.INCONCLUSIVE, f"{seen}, and its primary was never asked"),
        ),
    )


def _judge_time(
    answer: Answer, case: Case, target: Target, plan: Plan, *, cold: bool
) -> list[Finding]:
    took, bounds = rescue_ms(answer, target), plan.bounds
    promised = bounds.cold_rescue_ms if cold else bounds.warm_rescue_ms
    bound = promised + case.slept_ms(bounds.attempt_timeout_s)
    if took is None or took <= bound:
        return []
    kind = "cold" if cold else "warm"
    reason = f"rescued {took:.0f} ms later than the target itself answers; {kind} bound {bound} ms"
    return [Finding(Verdict.FAILED, reason)]
