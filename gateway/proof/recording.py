"""How what was seen becomes the evidence's records: cases, edges, times, grade, rule."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from gateway.proof.chains import Chains
from gateway.proof.judging import Case, rescue_ms
from gateway.proof.looking import Look, Looks
from gateway.proof.plan import Edge, Plan
from gateway.proof.verdicts import Verdict, decided

SHOWN_PLACES = 3
GRADES = "ABCD"  # by how many of the four sources are missing
RULE = (
    "A case (edge, form, fault) passed when every sample was answered whole, by the declared "
    "target, through at least one fallback, by the pinned version, from no cache, within its bound "
    "beyond the target's own answer; the negative control failed with the fault; and the target "
    "itself answered without a fallback. It failed when the gateway did not do that while the "
    "target was well, was inconclusive when the target was down or a limit was used up, and "
    "errored when the proof could not look. A known limit of the pinned version is no pass and "
    "decides nothing. Doubts are looked at once more; the second look holds. The worst case "
    "decides an edge, the worst edge and the chains decide the proof."
)

Records = list[dict[str, Any]]


def edge_records(
    edges: Sequence[Edge], plan: Plan, looks: Looks, chains: Chains, why_no_faults: str
) -> Records:
    """Return each edge with its cases; all have the chains' reason where nothing could be asked."""
    if not chains.may_ask:
        return [_unasked(edge, chains.verdict, chains.reasons[0]) for edge in edges]
    return [
        edge_of(
            edge,
            [case_record(case, each, looks, plan) for case, each in looks.of(edge).items()],
            why_no_faults,
        )
        for edge in edges
    ]


def edge_reasons(edges: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every reason against a pass, with its edge."""
    return [
        f"{edge['source']} -> {edge['target']} (position {edge['position']}): {reason}"
        for edge in edges
        for reason in edge["reasons"]
    ]


def edge_line(edge: Mapping[str, Any]) -> str:
    """Say how an edge ended, in one line."""
    took = "" if edge["latency_ms"] is None else f", {edge['latency_ms']:.0f} ms"
    why = f": {edge['reasons'][0]}" if edge["reasons"] else ""
    return f"{edge['verdict']} {edge['source']} -> {edge['target']}{took}{why}"


def target_records(looks: Looks) -> dict[str, dict[str, Any]]:
    """Return each target's positive control by group and form."""
    records: dict[str, dict[str, Any]] = {}
    for (group, form), target in sorted(looks.targets.items()):
        records.setdefault(group, {})[form] = target.record()
    return records


def grade_record(sources: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the grade: A with all sources, one letter less for each that is missing.

    `sources` maps each source to why it is missing, or to None.
    """
    missing = {name: why for name, why in sources.items() if why is not None}
    present = sorted(set(sources) - set(missing))
    grade = GRADES[min(len(missing), len(GRADES) - 1)]
    return {"grade": grade, "sources": present, "missing": missing}


def rescues_seen(looks: Looks) -> list[tuple[str, str, int]]:
    """Return per probe and target how many rescues the headers told of."""
    found: dict[tuple[str, str], int] = {}
    for case, each in looks.cases.items():
        key = (case.edge.probe, case.edge.target)
        answers = [answer for look in each if look.seen for answer in look.seen.samples]
        rescued = sum(
            answer.succeeded and bool(answer.fallbacks) and answer.group == case.edge.target
            for answer in answers
        )
        found[key] = found.get(key, 0) + rescued
    return [(*key, count) for key, count in found.items()]


def _unasked(edge: Edge, verdict: Verdict, reason: str) -> dict[str, Any]:
    times = {"latency_ms": None, "cold_ms": None, "warm_ms": None}
    return edge.named | {"verdict": verdict, "reasons": [reason], **times, "cases": []}


def edge_of(edge: Edge, cases: Records, why_no_faults: str) -> dict[str, Any]:
    """Return an edge's record: its cases decide."""
    if not cases:
        return _unasked(edge, Verdict.INCONCLUSIVE, f"not asked: {why_no_faults}")
    verdict = decided(Verdict(case["verdict"]) for case in cases)
    limited = [case for case in cases if case["verdict"] == Verdict.KNOWN_LIMIT]
    blamed = limited if len(limited) == len(cases) else _not(cases, limited)
    passed = verdict is Verdict.PASSED
    return edge.named | {
        "verdict": verdict,
        "reasons": _reasons(blamed),
        "latency_ms": _over(cases, "latency_ms", max) if passed else None,
        "cold_ms": _over(cases, "cold_ms", max),
        "warm_ms": _over(cases, "warm_ms", median),
        "cases": cases,
    }


def case_record(case: Case, each: Sequence[Look], looks: Looks, plan: Plan) -> dict[str, Any]:
    """Return a case's record: the last look, and what the ones before said.

    `target` is there when the target was asked anew afterwards, for another case.
    """
    last = each[-1]
    record: dict[str, Any] = {
        "form": case.form,
        "fault": case.fault,
        "verdict": last.verdict,
        "reasons": list(dict.fromkeys(finding.reason for finding in last.findings)),
        "earlier": list(
            dict.fromkeys(finding.reason for look in each[:-1] for finding in look.findings)
        ),
        "looks": len(each),
        "latency_ms": None,
        "cold_ms": None,
        "warm_ms": None,
    }
    if last.verdict is Verdict.KNOWN_LIMIT:
        limit = case.limit(plan.litellm_version)
        record |= {"known_limit": limit.id if limit else None}
    if last.seen is None:
        return record | {"looks": 0, "samples": [], "negative": None}
    newest = looks.targets[case.edge.target, case.form]
    target = last.target or newest
    times = [rescue_ms(answer, target) for answer in last.seen.samples]
    warm = [took for took in times[1:] if took is not None]
    return record | {
        "latency_ms": max(answer.latency_ms for answer in last.seen.samples),
        "cold_ms": times[0],
        "warm_ms": round(median(warm), 1) if warm else None,
        "samples": [answer.record() for answer in last.seen.samples],
        "negative": last.seen.negative.record(),
        **({"target": target.record()} if target != newest else {}),
    }


def _reasons(cases: Records) -> list[str]:
    """Return each reason once, with the cases it is about."""
    places: dict[str, list[str]] = {}
    for case in cases:
        for reason in case["reasons"]:
            places.setdefault(reason, []).append(f"{case['form']}/{case['fault']}")
    return [f"{_some(where)}: {reason}" for reason, where in places.items()]


def _some(places: Sequence[str]) -> str:
    shown = ", ".join(places[:SHOWN_PLACES])
    more = len(places) - SHOWN_PLACES
    return f"{shown} and {more} more" if more > 0 else shown


def _not(cases: Records, excluded: Records) -> Records:
    return [case for case in cases if case not in excluded]


def _over(cases: Records, name: str, reduce: Callable[[list[float]], float]) -> float | None:
    """Reduce the times of the refused connection; the other faults add waits of their own."""
    times = [
        case[name]
        for case in cases
        if case[name] is not None and case["fault"] in ("refused", cases[0]["fault"])
    ]
    return round(reduce(times), 1) if times else None
