"""The evidence's small form: it fits, it reads back, and what it leaves out it says."""

import base64
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof
from gateway.proof.evidence import PACKED
from stacks.values import ProofFault
from tests.unit.gateway.stub_gateway import StubFaults, StubGateway, edges, plan

FORMS = ["chat", "chat_stream", "messages", "messages_stream", "responses", "responses_stream"]

VERDICTS = st.sampled_from(["passed", "failed", "inconclusive", "known_limit"])
CASES = st.fixed_dictionaries(
    {
        "verdict": VERDICTS,
        "reasons": st.lists(st.text(max_size=8), max_size=2),
        "samples": st.lists(st.dictionaries(st.text(max_size=4), st.integers()), max_size=3),
        "negative": st.none() | st.dictionaries(st.text(max_size=4), st.text(max_size=4)),
    }
)
EVIDENCE = st.fixed_dictionaries(
    {
        "verdict": VERDICTS,
        "edges": st.lists(
            st.fixed_dictionaries({"verdict": VERDICTS, "cases": st.lists(CASES, max_size=3)}),
            max_size=3,
        ),
    }
).map(proof.sealed)


@given(EVIDENCE)
def test_what_fits_reads_back_whole(evidence: dict[str, Any]) -> None:
    assert proof.unpack(proof.pack(evidence)) == evidence
    assert proof.unpack(proof.canonical(evidence)) == evidence


@given(EVIDENCE, st.integers(min_value=0, max_value=400))
def test_what_does_not_fit_keeps_every_verdict_and_every_reason(
    evidence: dict[str, Any], limit: int
) -> None:
    read = proof.unpack(proof.pack(evidence, limit))

    assert proof.evidence_is_intact(read)
    assert read["verdict"] == evidence["verdict"]
    assert _outline(read) == _outline(evidence)
    if read != evidence:
        assert read["reduced_to"] in ("answers of cases that did not pass", "no answers")


def _outline(evidence: dict[str, Any]) -> list[Any]:
    return [
        (edge["verdict"], [(case["verdict"], case["reasons"]) for case in edge["cases"]])
        for edge in evidence["edges"]
    ]


def test_forty_edges_in_six_forms_fit_into_what_exec_may_answer() -> None:
    chosen = random.Random(1)  # noqa: S311 - a stand-in for measured times
    gateway = StubGateway()
    one = gateway.prove(plan=plan(edges=edges(forms=FORMS), samples=3))
    many = [_with_own_markers(edge, chosen) for edge in one["edges"] * 14][:40]

    text = proof.pack(proof.sealed({**one, "edges": many}))

    assert len(text) <= proof.OUTPUT_BYTES
    read = proof.unpack(text)
    assert len(read["edges"]) == 40
    assert read["edges"][0]["cases"][0]["verdict"] == "passed"


@pytest.mark.parametrize("failing", [0.5, 1.0])
def test_forty_edges_in_all_forms_from_all_faults_fit_into_what_exec_may_answer(
    failing: float,
) -> None:
    chosen = random.Random(2)  # noqa: S311 - a stand-in for measured times
    one = StubGateway(faults=StubFaults()).prove(plan=plan(edges=edges(forms=FORMS), samples=3))
    rows = [_with_own_markers(edge, chosen) for edge in one["edges"] * 14][:40]
    many = [_named(_of_all_faults(row, failing, chosen), number) for number, row in enumerate(rows)]
    evidence = proof.sealed(
        one | {"edges": many, "reasons": [r for e in many for r in e["reasons"]]}
    )
    assert sum(len(edge["cases"]) for edge in many) == 40 * len(FORMS) * len(ProofFault)

    text = proof.pack(evidence)

    assert len(text) <= proof.OUTPUT_BYTES
    read = proof.unpack(text)
    assert _outline(read) == _outline(evidence)
    assert read["reasons"] == evidence["reasons"]


def _named(edge: dict[str, Any], number: int) -> dict[str, Any]:
    source = f"provider-{number % 7}/a-rather-long-model-name-{number:02d}-preview"
    return edge | {"source": source, "target": f"{source}-too", "probe": f"proof/0/{source}"}


def _of_all_faults(edge: dict[str, Any], failing: float, chosen: random.Random) -> dict[str, Any]:
    cases, reasons = [], []
    for case in edge["cases"]:
        for fault in ProofFault:
            why = f"HTTP 500 after {chosen.random() * 15:.1f} s (connection error), not rescued"
            fails = chosen.random() < failing
            own = {"fault": fault.value, "verdict": "failed" if fails else "passed"}
            cases.append(case | own | {"reasons": [why] if fails else []})
            reasons += [f"{case['form']}/{fault}: {why}"] if fails else []
    return _with_own_markers(edge | {"cases": cases, "reasons": reasons}, chosen)


def _with_own_markers(edge: dict[str, Any], chosen: random.Random) -> dict[str, Any]:
    def own(answer: dict[str, Any]) -> dict[str, Any]:
        marks = {"nonce": f"proof-{chosen.getrandbits(48):012x}", "call_id": _uuid(chosen)}
        times = {"latency_ms": round(chosen.random() * 1000, 1)}
        return answer | marks | times | {"first_byte_ms": round(chosen.random() * 1000, 1)}

    cases = [
        case | {"samples": [own(a) for a in case["samples"]], "negative": own(case["negative"])}
        for case in edge["cases"]
    ]
    return edge | {"cases": cases}


def _uuid(chosen: random.Random) -> str:
    digits = f"{chosen.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "Traceback (most recent call last):", PACKED, f"{PACKED}%%%"]
    + [PACKED + base64.b64encode(raw).decode() for raw in (b"x", zlib.compress(b"[]"))],
)
def test_what_is_no_evidence_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json, base64 and zlib each word it their way
        proof.unpack(text)
