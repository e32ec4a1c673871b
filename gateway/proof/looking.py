"""In which order the cases are looked at: refused first, then owned faults, doubts once more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from gateway.proof.answers import Answer, Outcome
from gateway.proof.asking import Asker
from gateway.proof.controls import Target, check_target
from gateway.proof.faults import FAULTS, HANG, REFUSED
from gateway.proof.judging import Case, Seen, judge
from gateway.proof.plan import Edge, Plan
from gateway.proof.verdicts import Finding, Verdict, worst

LOOKS = 2  # a doubt that a provider's hiccup may explain is looked at once more
WAITING = 16  # requests that only wait for a time-out cost the gateway nothing meanwhile

TargetKey = tuple[str, str]  # group and form


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a case and what speaks against a pass; `seen` is None when it was not asked.

    `target` is the positive control that it was judged by: a later look may have a newer one.
    """

    seen: Seen | None
    findings: list[Finding]
    target: Target | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def is_worth_another(self) -> bool:
        """Whether something is in doubt and nothing is final."""
        return bool(self.findings) and not any(finding.final for finding in self.findings)


@dataclass(slots=True)
class Looks:
    """Everything that was seen, by case, and each target's positive control by form."""

    cases: dict[Case, list[Look]] = field(default_factory=dict)
    targets: dict[TargetKey, Target] = field(default_factory=dict)

    def of(self, edge: Edge) -> dict[Case, list[Look]]:
        """Return one edge's cases."""
        return {case: looks for case, looks in self.cases.items() if case.edge is edge}


def cases_of(plan: Plan, *, owned: bool) -> list[Case]:
    """Return the cases that can be had: from outside, only those of a refused connection."""
    return [
        Case(edge, form, fault)
        for edge in plan.edges
        for form in edge.forms
        for fault in edge.faults
        if owned or not FAULTS[fault].owned
    ]


def phases(cases: Iterable[Case]) -> tuple[list[Case], list[Case]]:
    """Return the cases of the closed port, and those for which it must be open.

    Hangs come first: while they wait, the others are asked.
    """
    given = list(cases)
    owned = [case for case in given if case.fault != REFUSED]
    hangs = [case for case in owned if case.fault == HANG]
    others = [case for case in owned if case.fault != HANG]
    return [case for case in given if case.fault == REFUSED], [*hangs, *others]


def requests_of(plan: Plan, *, owned: bool) -> int:
    """Return how many requests a proof sends when nothing has to be looked at twice.

    Samples and negative controls of every case, each target in each form, the lists of chains.
    """
    asked = [case for case in cases_of(plan, owned=owned) if not _is_left_out(case, plan)]
    targets = {(case.edge.target, case.form) for case in asked}
    return len(plan.chains) + len(targets) + sum(_samples(case, plan) + 1 for case in asked)


def size_told(plan: Plan, *, owned: bool) -> str:
    """Say how much a proof asks, and how long it may take."""
    forms = ", ".join(dict.fromkeys(form for edge in plan.edges for form in edge.forms))
    return (
        f"{len(plan.edges)} edges in {forms or 'no form'}, "
        f"{requests_of(plan, owned=owned)} requests, at most {plan.bounds.total_timeout_s} s"
    )


def look_at(
    asker: Asker, cases: Sequence[Case], looks: Looks, progress: Callable[[str], None]
) -> None:
    """Look at each case, and once more at those whose doubts are not final."""
    plan = asker.plan
    for case in cases:
        limit = case.limit(plan.litellm_version)
        if limit is not None and not limit.asks:
            finding = Finding(Verdict.KNOWN_LIMIT, limit.what, final=True)
            looks.cases[case] = [Look(None, [finding])]
    left = [case for case in cases if case not in looks.cases]
    with (
        ThreadPoolExecutor(max_workers=plan.bounds.concurrency) as pool,
        ThreadPoolExecutor(max_workers=WAITING) as waiting,
    ):
        for number in range(LOOKS):
            if not left:
                break
            _check_targets(pool, asker, left, looks.targets, again=number > 0)
            pending = {
                case: _submit(waiting if case.fault == HANG else pool, asker, case) for case in left
            }
            open_cases = set(left)
            for case, (samples, negative) in pending.items():
                seen = Seen(tuple(sample.result() for sample in samples), negative.result())
                target = looks.targets[case.edge.target, case.form]
                found = judge(case, seen, target, asker.plan)
                looks.cases.setdefault(case, []).append(Look(seen, found, target))
                open_cases.discard(case)
                if not any(other.edge is case.edge for other in open_cases):
                    progress(_edge_told(case.edge, left, open_cases, looks, asker))
            progress(_told(left, looks.cases))
            left = [case for case in left if looks.cases[case][-1].is_worth_another]


def _check_targets(
    pool: ThreadPoolExecutor,
    asker: Asker,
    cases: Sequence[Case],
    targets: dict[TargetKey, Target],
    *,
    again: bool,
) -> None:
    wanted = dict.fromkeys((case.edge.target, case.form) for case in cases)
    checks = {
        key: pool.submit(check_target, asker, *key)
        for key in wanted
        if again or key not in targets or not _is_certain(targets[key])
    }
    targets |= {key: check.result() for key, check in checks.items()}


def _is_certain(target: Target) -> bool:
    return target.positive.outcome is not Outcome.SKIPPED


def _submit(
    pool: ThreadPoolExecutor, asker: Asker, case: Case
) -> tuple[list[Future[Answer]], Future[Answer]]:
    """Send a case's samples and its negative control; owned faults need one sample each."""
    probe, form, fault = case.edge.probe, case.form, case.fault
    samples = [
        pool.submit(asker.ask, probe, form, fault=fault) for _ in range(_samples(case, asker.plan))
    ]
    negative = pool.submit(asker.ask, probe, form, fault=fault, fallbacks=False)
    return samples, negative


def _samples(case: Case, plan: Plan) -> int:
    return plan.bounds.samples if case.fault == REFUSED else 1


def _is_left_out(case: Case, plan: Plan) -> bool:
    limit = case.limit(plan.litellm_version)
    return limit is not None and not limit.asks


def _edge_told(
    edge: Edge, cases: Sequence[Case], still_open: set[Case], looks: Looks, asker: Asker
) -> str:
    edges = {id(case.edge) for case in cases}
    done = len(edges) - len({id(case.edge) for case in still_open})
    own = [looks.cases[case][-1].verdict for case in cases if case.edge is edge]
    took = asker.spending.seconds_used
    where = f"{edge.source} -> {edge.target}"
    return f"proof: {done} of {len(edges)} edges, {took:.1f} s: {worst(own)} {where}"


def _told(cases: Sequence[Case], looks: Mapping[Case, Sequence[Look]]) -> str:
    faults = ", ".join(dict.fromkeys(case.fault for case in cases))
    passed = sum(looks[case][-1].verdict is Verdict.PASSED for case in cases)
    return f"proof: {passed} of {len(cases)} rescued ({faults})"
