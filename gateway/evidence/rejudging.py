"""What a proof's evidence must say, worked out anew from the answers that it records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.events.joining import EVENTS, rejoined
from gateway.evidence.document import SOURCES
from gateway.evidence.kept import kept_case, reduction, without_answers
from gateway.evidence.replay import (
    answer_of,
    is_a,
    replayed_breaker,
    replayed_chains,
    replayed_target,
    was_up,
)
from gateway.evidence.totals import Totals
from gateway.proof.controls import Target
from gateway.proof.evidence import sha256
from gateway.proof.faults import FAULTS, REFUSED
from gateway.proof.judging import Case, Seen, judge
from gateway.proof.limits import LIMITS
from gateway.proof.looking import Look, Looks, cases_of
from gateway.proof.plan import SCHEMA, Edge, Plan, read_plan
from gateway.proof.recording import (
    RULE,
    case_record,
    edge_of,
    edge_reasons,
    edge_records,
    grade_record,
    target_records,
)
from gateway.proof.running import NO_ADDRESS, NO_EVENTS, NOT_INSIDE, UNREAD
from gateway.proof.verdicts import Finding, Verdict, worst

Record = Mapping[str, Any]

# What was observed and cannot follow from anything else in the document.
OBSERVED: Mapping[str, type] = {
    "started_at": str,
    "duration_s": float,
    "url": str,
    "unpriced": int,
    "requests": int,
    "cost_usd": float,
}


@dataclass
class Rejudged:
    """What the evidence must say; `unknown` tells what is not kept, so that it was not judged."""

    expected: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def rejudged(plan: Mapping[str, Any], evidence: Record, *, inside: bool) -> Rejudged:
    """Judge one gate's evidence again; ValueError, LookupError or TypeError: not its shape.

    `inside` tells whether the gate was asked inside the machine, where the proof has its own
    faults.
    """
    if "plan_digest" not in evidence:
        return _of_none(evidence)
    return _Judging(plan, evidence, inside=inside).result()


def _of_none(evidence: Record) -> Rejudged:
    """Return what the evidence of a proof says that did not come to its end."""
    _check_observed(evidence)
    taken = ("started_at", "duration_s", "url", "reasons", "digest")
    expected = {name: evidence[name] for name in taken}
    expected |= {"schema": SCHEMA, "verdict": Verdict.ERRORED, "requests": 0, "edges": []}
    if not evidence["reasons"]:
        raise ValueError("a proof that did not come to its end says why")
    return Rejudged(expected, ["everything: the proof did not come to its end"])


class _Judging:
    """One rejudging under way."""

    def __init__(self, plan: Mapping[str, Any], evidence: Record, *, inside: bool) -> None:
        _check_observed({"unpriced": 0, "cost_usd": 0.0, **evidence})
        self._document = plan
        self._plan: Plan = read_plan(plan)
        self._evidence = evidence
        self._unknown: list[str] = []
        self._complete = True  # every answer of the proof is in the evidence
        self._chains, compared = replayed_chains(self._plan, evidence["chains"])
        self._why_not: str = evidence["faults"]["why_not"]
        if not is_a(self._why_not, str):
            raise TypeError(f"faults.why_not is {self._why_not!r}")
        if inside and self._chains.may_ask and self._why_not == NOT_INSIDE:
            raise ValueError("the gate is asked inside the machine, and its proof was not")
        if not inside or not self._chains.may_ask:
            self._why_not = NOT_INSIDE
        self._edges = [edge for edge in self._plan.edges if inside or not _needs_owned_fault(edge)]
        if not compared:
            self._unknown.append("chains: what the list of models was, beyond the reasons given")
        self._reduced = reduction(evidence)
        self._looks = Looks()

    def result(self) -> Rejudged:
        """Return what the evidence must say."""
        edges = self._judged() if self._chains.may_ask else self._unasked()
        breaker = self._breaker()
        verdicts = [self._chains.verdict, *(Verdict(edge["verdict"]) for edge in edges)]
        reasons = [
            *self._chains.reasons,
            *edge_reasons(edges if self._chains.may_ask else []),
        ]
        if breaker is not None:
            verdicts.append(Verdict(breaker["verdict"]))
            reasons += [f"breaker: {reason}" for reason in breaker["reasons"]]
        evidence, told = self._evidence, self._plan
        whole = self._complete and self._chains.may_ask
        totals = Totals(told, evidence, self._looks, whole=whole)
        observed = {name: evidence[name] for name in OBSERVED if name in evidence}
        if self._reduced:
            observed["reduced_to"] = self._reduced
        expected = {
            **observed,
            **({EVENTS: rejoined(evidence)} if EVENTS in evidence else {}),
            "schema": SCHEMA,
            "verdict": worst(verdicts),
            "reasons": reasons,
            "rule": RULE,
            "litellm_version": totals.versions(),
            "plan_digest": sha256(self._document),
            "bounds": asdict(told.bounds),
            "duration_s": totals.duration_s(),
            "requests": totals.requests(),
            "cost_usd": totals.cost_usd(),
            "unpriced": totals.unpriced(),
            "edges": edges,
            "unproven": [
                *told.unproven,
                *(
                    edge.named | {"why": NOT_INSIDE}
                    for edge in told.edges
                    if edge not in self._edges
                ),
            ],
            "known_limits": _limits(edges),
            "targets": target_records(self._looks),
            "chains": self._chains.record(),
            "counters": totals.counters(),
            "faults": {"owned": not self._why_not, "why_not": self._why_not},
            "evidence": self._grade(),
            "breaker": breaker,
            "digest": evidence["digest"],
        }
        return Rejudged(expected, self._unknown)

    def _unasked(self) -> list[dict[str, Any]]:
        self._unknown.append("edges: nothing could be asked")
        return edge_records(self._edges, self._plan, Looks(), self._chains, self._why_not)

    def _judged(self) -> list[dict[str, Any]]:
        """Judge every case again, and every edge by its cases."""
        recorded = self._evidence["edges"]
        if any(case["looks"] > 1 for edge in recorded for case in edge["cases"]):
            self._complete = False
            self._unknown.append(
                "first looks: where a case was looked at twice, only the reasons of the first are "
                "kept, not its answers"
            )
        if self._reduced:
            self._complete = False
            self._unknown.append(
                f"answers: {self._reduced} are kept, to fit into what a machine's exec may print"
            )
        cases = cases_of(self._plan, owned=not self._why_not)
        found = []
        for edge, record in zip(self._edges, recorded, strict=True):
            wanted = {(case.form, case.fault): case for case in cases if case.edge is edge}
            given = [(case["form"], case["fault"]) for case in record["cases"]]
            if sorted(given) != sorted(wanted):
                raise ValueError(f"{edge.source} -> {edge.target} records other cases than planned")
            judged = [
                self._case(wanted[each["form"], each["fault"]], each) for each in record["cases"]
            ]
            found.append(edge_of(edge, judged, self._why_not))
        return found

    def _case(self, case: Case, record: Record) -> dict[str, Any]:
        """Return what a case must record."""
        limit = case.limit(self._plan.litellm_version)
        if limit is not None and not limit.asks:
            looks = [Look(None, [Finding(Verdict.KNOWN_LIMIT, limit.what, final=True)])]
            told = case_record(case, looks, self._looks, self._plan)
            return told if "samples" in record else without_answers(told)
        target = self._target(case)
        if "samples" not in record:
            return kept_case(case, record, self._plan)
        if "target" in record:
            target = replayed_target(self._plan, case.edge.target, case.form, record["target"])
        self._looks.cases[case] = self._looked(case, record, target)
        return case_record(case, self._looks.cases[case], self._looks, self._plan)

    def _looked(self, case: Case, record: Record, target: Target) -> list[Look]:
        """Return the looks at one case as they were."""
        count = self._plan.bounds.samples if case.fault == REFUSED else 1
        if len(record["samples"]) != count:
            raise ValueError(f"{len(record['samples'])} samples are recorded, {count} were planned")
        samples = tuple(answer_of(sample) for sample in record["samples"])
        seen = Seen(samples, answer_of(record["negative"]))
        if any(
            (a.attempts is None) is not (case.fault == REFUSED) for a in (*samples, seen.negative)
        ):
            raise ValueError(f"{case.form}/{case.fault} records other attempts than were counted")
        findings = judge(case, seen, target, self._plan)
        last = Look(seen, findings, target)
        if record["looks"] == 1:
            # What is in doubt is looked at once more: one look cannot have been all.
            return [Look(None, []), last] if last.is_worth_another else [last]
        if not record["earlier"]:
            raise ValueError(f"{case.form}/{case.fault} was looked at twice, and nothing says why")
        return [Look(None, [_earlier(reason) for reason in record["earlier"]]), last]

    def _target(self, case: Case) -> Target:
        key = (case.edge.target, case.form)
        if key not in self._looks.targets:
            record = self._evidence["targets"][case.edge.target][case.form]
            target = replayed_target(self._plan, *key, record)
            self._looks.targets[key] = target
            if target.direct is not None and was_up(target.direct):
                self._complete = False
        return self._looks.targets[key]

    def _breaker(self) -> dict[str, Any] | None:
        record = self._evidence["breaker"]
        if record is None:
            return None
        self._complete = False
        judged, whole = replayed_breaker(self._plan, record)
        kept = (
            "the requests that waited for its closing" if whole else "the one that found it closed"
        )
        self._unknown.append(f"breaker: {kept}")
        return judged

    def _grade(self) -> dict[str, Any]:
        missing = self._evidence["evidence"]["missing"]
        told: dict[str, str | None] = dict.fromkeys(SOURCES)
        if self._evidence["counters"] is None:
            told["counters"] = UNREAD if missing.get("counters") == UNREAD else NO_ADDRESS
        told["attempts"] = self._why_not or None
        told[EVENTS] = NO_EVENTS
        if EVENTS in self._evidence:
            told[EVENTS] = rejoined(self._evidence)["missing"]
        return grade_record(told)


def _check_observed(evidence: Record) -> None:
    for name, kind in OBSERVED.items():
        if name in evidence and not is_a(evidence[name], kind):
            raise ValueError(f"{name} is {evidence[name]!r}")


def _needs_owned_fault(edge: Edge) -> bool:
    return all(FAULTS[fault].owned for fault in edge.faults)


def _limits(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    met = {case.get("known_limit") for edge in edges for case in edge["cases"]}
    return [limit.record() for limit in LIMITS if limit.id in met]


def _earlier(reason: str) -> Finding:
    return Finding(Verdict.INCONCLUSIVE, reason)
