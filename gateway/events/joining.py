"""Both halves of a rescue: the event of the failure and that of the answer, joined by the marker.

Traces are not compared: LiteLLM may begin another one for the fallback.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.events.source import Event
from gateway.proof.answers import COOLED_ERROR, OK
from gateway.proof.evidence import sealed
from gateway.proof.recording import grade_record

EVENTS = "events"  # the source's name, and where its record stands in the evidence
FAILURE, SUCCESS = "failure", "success"
SHOWN = 3

Evidence = Mapping[str, Any]


class Rescue(NamedTuple):
    """One request that the headers say was rescued."""

    nonce: str
    probe: str
    target: str


def has_answers(evidence: Evidence) -> bool:
    """Tell whether the proof came to its end, so that there is something to join."""
    return "evidence" in evidence


def rescues_of(evidence: Evidence) -> list[Rescue]:
    """Return every rescue that the evidence tells of, the breaker's too."""
    found = [
        Rescue(sample["nonce"], edge["probe"], edge["target"])
        for edge in evidence["edges"]
        for case in edge["cases"]
        for sample in case.get("samples", ())
        if _rescued(sample) and sample.get("group") == edge["target"]
    ]
    breaker = evidence.get("breaker") or {}
    answers = [*breaker.get("while_open", ()), breaker.get("after")]
    found += [
        Rescue(answer["nonce"], breaker["probe"], answer["group"])
        for answer in answers
        if answer and _rescued(answer)
    ]
    return found


def controls_of(evidence: Evidence) -> dict[str, str]:
    """Return the markers of the negative controls that failed, as they must, with their probes."""
    return {
        case["negative"]["nonce"]: edge["probe"]
        for edge in evidence["edges"]
        for case in edge["cases"]
        if (case.get("negative") or {}).get("status", OK) != OK
    }


def all_joined(evidence: Evidence, found: Sequence[Event]) -> bool:
    """Tell whether no half of any rescue is missing any more."""
    return all(row["joined"] == row["rescues"] for row in _edges(evidence, found))


def each_edge_joined(evidence: Evidence, found: Sequence[Event]) -> bool:
    """Tell whether each fallback that rescued has a rescue with both halves."""
    return all(row["joined"] for row in _edges(evidence, found))


def events_record(
    evidence: Evidence,
    found: Sequence[Event],
    *,
    source: str,
    trouble: str,
    waited_s: float,
    looks: int,
) -> dict[str, Any]:
    """Return what the events say of one proof; `missing` is why they do not count, or None.

    `trouble` is why they could not be read. Events of requests that are not this proof's are left
    out.
    """
    controls = controls_of(evidence)
    own = {rescue.nonce for rescue in rescues_of(evidence)} | controls.keys()
    ours = [event for event in found if event.nonce in own]
    edges = _edges(evidence, ours)
    negative = _controls(controls, ours)
    return {
        "source": source,
        "missing": trouble or _why_missing(evidence, edges, negative, waited_s),
        "trouble": trouble,
        "waited_s": waited_s,
        "looks": looks,
        "edges": edges,
        "controls": negative,
        "found": [event.record() for event in ours],
    }


def with_events(evidence: Evidence, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence with the record and the grade that follows, sealed anew."""
    graded = evidence["evidence"]
    sources = {**dict.fromkeys(graded["sources"]), **graded["missing"], EVENTS: record["missing"]}
    rest = {name: value for name, value in evidence.items() if name != "digest"}
    return sealed(rest | {EVENTS: record, "evidence": grade_record(sources)})


def rejoined(evidence: Evidence) -> dict[str, Any]:
    """Return what the evidence's own record must say, joined again from its own events."""
    record = evidence[EVENTS]
    return events_record(
        evidence,
        [Event(**row) for row in record["found"]],
        source=record["source"],
        trouble=record["trouble"],
        waited_s=record["waited_s"],
        looks=record["looks"],
    )


def _rescued(answer: Mapping[str, Any]) -> bool:
    whole = answer.get("status") == OK and answer.get("complete", False)
    return bool(whole and answer.get("fallbacks"))


def _edges(evidence: Evidence, found: Sequence[Event]) -> list[dict[str, Any]]:
    """Return a row per probe and target, in the order of the evidence."""
    by_nonce: dict[str, list[Event]] = {}
    for event in found:
        by_nonce.setdefault(event.nonce, []).append(event)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for nonce, probe, target in rescues_of(evidence):
        row = rows.setdefault((probe, target), _new_row(probe, target))
        events = by_nonce.get(nonce, [])
        failed = any(_is_failure(event, probe) for event in events)
        answered = any(_is_success(event, probe, target) for event in events)
        row["rescues"] += 1
        row["failures"] += failed
        row["successes"] += answered
        row["joined"] += failed and answered
        halves = ((failed, FAILURE), (answered, SUCCESS))
        row["missing"] += [{"nonce": nonce, "half": half} for seen, half in halves if not seen]
    return list(rows.values())


def _new_row(probe: str, target: str) -> dict[str, Any]:
    counts = {"rescues": 0, "joined": 0, "failures": 0, "successes": 0}
    return {"probe": probe, "target": target, **counts, "missing": []}


def _is_failure(event: Event, probe: str) -> bool:
    """Tell the probe's failure; one of an open breaker names whatever group LiteLLM had at hand.

    Seen on 1.106.2: no group at all, or the fallback's.
    """
    of_the_probe = event.group == probe or event.error == COOLED_ERROR
    return event.failed and event.asked == probe and of_the_probe


def _is_success(event: Event, probe: str, target: str) -> bool:
    return not event.failed and event.asked == probe and event.group == target


def _controls(controls: Mapping[str, str], found: Sequence[Event]) -> dict[str, Any]:
    failed = {e.nonce for e in found if _is_failure(e, controls.get(e.nonce, ""))}
    answered = {e.nonce for e in found if e.nonce in controls and not e.failed}
    return {"asked": len(controls), "failures": len(failed), "successes": sorted(answered)}


def _why_missing(
    evidence: Evidence,
    edges: Sequence[Mapping[str, Any]],
    controls: Mapping[str, Any],
    waited_s: float,
) -> str | None:
    """Say why the events do not count as a source; None where they do.

    One whole rescue per fallback is enough: LiteLLM forgets events that come while a batch of them
    is on its way (`CustomBatchLogger.flush_queue` of 1.106.2), so that some are always lost.
    """
    if controls["successes"]:
        nonce = controls["successes"][0]
        return f"an event tells of an answer where fallbacks were off: {nonce}"
    if "reduced_to" in evidence:
        return "answers were left out of the evidence, and with them their markers"
    if not edges:
        return "nothing was rescued"
    apart = [f"{row['probe']} -> {row['target']}" for row in edges if not row["joined"]]
    if apart:
        more = f" and {len(apart) - SHOWN} more" if len(apart) > SHOWN else ""
        return (
            f"after {waited_s:g} s {len(apart)} of {len(edges)} fallbacks had no rescue with both "
            f"halves: {', '.join(apart[:SHOWN])}{more}"
        )
    return None
