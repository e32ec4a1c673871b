"""The evidence as a reader looks at it: a row for each fallback and form, one per request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.evidence.document import ASKED, INSIDE, OUTSIDE
from gateway.evidence.replay import answer_of
from gateway.proof.answers import said
from gateway.proof.faults import REFUSED
from gateway.proof.verdicts import Verdict, decided

Record = Mapping[str, Any]

HEADINGS = {
    INSIDE: "gate 1, inside the machine",
    OUTSIDE: "gate 2, through the public address",
    ASKED: "asked for, through the public address",
}


@dataclass(frozen=True, slots=True)
class Other:
    """How a form ended with another fault than the refused connection."""

    fault: str
    verdict: str
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """What one gate saw of one fallback in one form.

    `cold_ms` and `warm_ms` are beyond the target's own answer, `whole_ms` is the slowest whole one;
    `off` is what came back with fallbacks off, in a word, and `negative` the same in more.
    """

    verdict: str
    cold_ms: float | None = None
    warm_ms: float | None = None
    whole_ms: float | None = None
    off: str = ""
    negative: str = ""
    others: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One fallback in one form; `span` is how many forms it has, 0 on all but the first.

    `last` tells whether it is the fallback's last form.
    """

    kind: str
    source: str
    target: str
    position: int
    form: str
    span: int
    last: bool
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was recorded; `part` is what it was for."""

    asked: str
    form: str
    fault: str
    part: str
    said: str
    answer: Record


@dataclass(frozen=True, slots=True)
class Control:
    """A target that was asked directly: its positive control."""

    target: str
    form: str
    state: str
    said: str


def proofs_of(document: Record) -> list[Record]:
    """Return the evidence of every gate that came to a proof with edges, in their order."""
    return [gate["evidence"] for gate in document["gates"] if gate["evidence"]]


def headings(document: Record) -> list[str]:
    """Return what each gate of `proofs_of` is called."""
    gates = [gate["gate"] for gate in document["gates"] if gate["evidence"]]
    return [HEADINGS.get(gate, gate) for gate in gates]


def rows(document: Record) -> list[Row]:
    """Return every fallback and form that any gate looked at, in the plan's order."""
    proofs = proofs_of(document)
    found = []
    for edge in document["plan"]["edges"]:
        records = [_record_of(proof, edge) for proof in proofs]
        if not any(records):
            continue
        for number, form in enumerate(edge["forms"]):
            cells = tuple(_cell(record, form) if record else None for record in records)
            span = len(edge["forms"]) if number == 0 else 0
            named = (edge["kind"], edge["source"], edge["target"], edge["position"])
            last = number == len(edge["forms"]) - 1
            found.append(Row(*named, form, span, last, cells))
    return found


def controls(proof: Record) -> list[Control]:
    """Return the positive controls of one proof."""
    return [
        Control(target, form, record["state"], said(answer_of(record["positive"])))
        for target, forms in proof.get("targets", {}).items()
        for form, record in forms.items()
    ]


def requests(proof: Record) -> Iterator[Request]:
    """Yield every request that one proof recorded."""
    for edge in proof["edges"]:
        for case in edge["cases"]:
            named = (edge["probe"], case["form"], case["fault"])
            for number, sample in enumerate(case.get("samples") or ()):
                yield _request(*named, f"rescue {number + 1}", sample)
            if case.get("negative"):
                yield _request(*named, "negative control", case["negative"])
    for target, forms in proof.get("targets", {}).items():
        for form, record in forms.items():
            yield _request(target, form, "", "positive control", record["positive"])
            if "direct" in record:
                yield _request(target, form, "", "without fallbacks", record["direct"])
    breaker = proof.get("breaker") or {}
    parts = [("burst", breaker.get("burst", ())), ("while open", breaker.get("while_open", ()))]
    parts.append(("after closing", [breaker["after"]] if breaker.get("after") else []))
    for part, answers in parts:
        for answer in answers:
            yield _request(breaker["probe"], "chat", "", part, answer)


def proven(proof: Record) -> str:
    """Say how many fallbacks of a proof passed."""
    edges = proof["edges"]
    return f"{sum(edge['verdict'] == 'passed' for edge in edges)} of {len(edges)}"


def _record_of(proof: Record, edge: Record) -> Record | None:
    same = ("kind", "source", "position", "target")
    records = (each for each in proof["edges"] if all(each[key] == edge[key] for key in same))
    return next(records, None)


def _cell(record: Record, form: str) -> Cell | None:
    cases = [case for case in record["cases"] if case["form"] == form]
    if not cases:
        return Cell(record["verdict"]) if not record["cases"] else None
    refused = next((case for case in cases if case["fault"] == REFUSED), None)
    others = tuple(
        Other(case["fault"], case["verdict"], case["latency_ms"])
        for case in cases
        if case is not refused
    )
    verdict = _verdict([case["verdict"] for case in cases])
    if refused is None:
        return Cell(verdict, others=others)
    negative = refused.get("negative")
    return Cell(
        verdict,
        refused["cold_ms"],
        refused["warm_ms"],
        refused["latency_ms"],
        str(negative.get("status") or negative["outcome"]) if negative else "",
        said(answer_of(negative)) if negative else "",
        others,
    )


def _verdict(verdicts: Sequence[str]) -> str:
    return decided(Verdict(verdict) for verdict in verdicts)


def _request(asked: str, form: str, fault: str, part: str, answer: Record) -> Request:
    return Request(asked, form, fault, part, said(answer_of(answer)), answer)
