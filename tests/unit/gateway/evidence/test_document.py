"""What a document is made of: one form, the worst gate, the common grade, and no secret."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof
from gateway.evidence.document import HIDDEN, INSIDE, OUTSIDE, Gate, gates_of, last_proof
from gateway.evidence.files import text_of
from gateway.evidence.page import render_page
from gateway.evidence.verifying import State, read
from tests.unit.gateway.evidence.documents import (
    CASES,
    document_of,
    made,
    never_proven,
    proven_by_two_gates,
    unreachable,
)
from tests.unit.gateway.evidence.tampering import rebuilt, verified
from tests.unit.gateway.stub_gateway import KEY, StubGateway, body_of, plan

MARKER = "sk-planted-" + "9f31c2aa0b17"
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_document_reads_back_and_is_built_again_from_its_own_parts(case: Any) -> None:
    document = made(case)

    assert read(text_of(document)) == document
    assert rebuilt(document) == document
    assert proof.evidence_is_intact(document)


@given(TEXT, TEXT, TEXT)
def test_whatever_a_machine_says_reads_back(app: str, machine: str, error: str) -> None:
    gate = Gate(INSIDE, machine or "m", error=error or "nothing")
    document = document_of(plan(), gate, app=app)

    assert read(text_of(document)) == document
    assert verified(document).state is State.INTACT


def test_the_worst_gate_decides_and_each_reason_names_its_gate() -> None:
    document = made(unreachable)

    assert [gate["verdict"] for gate in document["gates"]] == ["passed", "errored"]
    assert document["verdict"] == "errored"
    assert all(reason.startswith("outside: ") for reason in document["reasons"])


def test_a_source_counts_when_one_gate_had_it() -> None:
    grade = made(proven_by_two_gates)["grade"]

    assert grade["sources"] == ["attempts", "counters", "headers"]
    assert grade["grade"] == "B"
    assert list(grade["missing"]) == ["events"]


def test_without_any_proof_the_grade_is_the_lowest() -> None:
    assert made(never_proven)["grade"]["grade"] == "D"
    assert last_proof(made(never_proven)) is None


def test_what_is_no_gate_is_refused() -> None:
    document = made(never_proven)
    (gate,) = document["gates"]
    for wrong in (
        {"gate": "side"},
        {"machine": ""},
        {"machine": 1},
        {"error": ""},
        {"gate": "outside"},
    ):
        with pytest.raises(ValueError, match=r"gate is called|its machine is|its error is"):
            gates_of({"gates": [{**gate, **wrong}]})


def test_a_secret_that_a_gateway_or_a_machine_said_is_in_neither_document_nor_page() -> None:
    def leak(request: httpx.Request) -> httpx.Response | None:
        if body_of(request).get("model") != "b/two":
            return None
        headers = {"x-litellm-call-id": f"call {MARKER}", "x-litellm-model-group": MARKER}
        message = {"error": {"message": f"the key {MARKER} and {KEY} are wrong"}}
        return httpx.Response(500, headers=headers, json=message)

    evidence = StubGateway(override=leak).prove()
    gates = (
        Gate(INSIDE, "3d8d", error=f"the proof ended with 1: {MARKER}"),
        Gate(OUTSIDE, evidence=evidence),
    )
    assert MARKER in json.dumps(evidence)

    document = document_of(plan(), *gates, secrets=(MARKER, KEY, "", "short"))

    for text in (text_of(document), render_page(document)):
        assert HIDDEN in text
        assert MARKER not in text
        assert KEY not in text
    assert all(proof.evidence_is_intact(g["evidence"]) for g in document["gates"] if g["evidence"])
    assert verified(document).state is State.INTACT


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_no_key_no_question_and_no_token_is_ever_kept(case: Any) -> None:
    for text in (text_of(made(case)), render_page(made(case))):
        assert KEY not in text
        assert "Answer with the word" not in text
        assert "0123456789abcdef" not in text
