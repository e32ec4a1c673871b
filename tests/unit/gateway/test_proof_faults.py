"""Faults of the proof's own: they show in the negative control and were seen by the primary."""

import re

import pytest

from gateway.proof.fault_bodies import STATUSES, error_body, first_pieces
from gateway.proof.faults import FAULTS, MARK, marker
from gateway.proof.forms import FORMS, read_body
from tests.unit.gateway.stub_gateway import StubFaults, StubGateway, case, edge, edges, plan

OWNED = sorted(name for name, fault in FAULTS.items() if fault.owned)


def asked_with(*faults: str) -> dict[str, object]:
    return plan(edges=edges(faults=["refused", *faults]))


@pytest.mark.parametrize("fault", OWNED)
def test_every_fault_is_a_case_of_its_own_seen_by_the_primary(fault: str) -> None:
    evidence = StubGateway(faults=StubFaults()).prove(plan=asked_with(fault))

    assert evidence["verdict"] == "passed", evidence["reasons"]
    found = case(evidence, "a/one", fault=fault)
    assert [sample["attempts"] for sample in found["samples"]] == [1]
    assert found["negative"]["attempts"] == 1
    assert found["negative"]["status"] == FAULTS[fault].statuses[0]
    assert "attempts" not in case(evidence, "a/one")["samples"][0]
    assert evidence["faults"] == {"owned": True, "why_not": ""}


def test_other_faults_need_one_sample_where_the_closed_port_gets_all() -> None:
    wanted = asked_with("rate_limit") | {"samples": 3}

    evidence = StubGateway(faults=StubFaults()).prove(plan=wanted)

    assert len(case(evidence, "a/one")["samples"]) == 3
    assert len(case(evidence, "a/one", fault="rate_limit")["samples"]) == 1


def test_the_port_is_closed_while_refused_connections_are_asked_for_and_afterwards() -> None:
    faults = StubFaults()
    gateway = StubGateway(faults=faults)

    gateway.prove(plan=asked_with("rate_limit"))

    texts = [body["messages"][0]["content"] for body in gateway.asked]
    marked = [MARK.search(text.encode()) is not None for text in texts]
    assert any(marked)
    assert marked == sorted(marked)
    assert not faults.is_open


def test_from_outside_only_the_closed_port_is_asked_for_and_the_evidence_says_so() -> None:
    evidence = StubGateway().prove(plan=asked_with("rate_limit"))

    assert evidence["verdict"] == "passed"
    assert [row["fault"] for row in edge(evidence, "*")["cases"]] == ["refused"]
    assert (
        evidence["evidence"]["missing"]["attempts"] == "the proof does not run inside the machine"
    )


def test_a_taken_port_lowers_the_grade_and_proves_what_is_left() -> None:
    gateway = StubGateway(faults=StubFaults(taken=True))

    evidence = gateway.prove(plan=asked_with("rate_limit"))

    assert evidence["verdict"] == "passed"
    assert "is another proof at work?" in evidence["evidence"]["missing"]["attempts"]
    assert not evidence["faults"]["owned"]


def with_a_class_of_error() -> dict[str, object]:
    general, window, last = edges()
    window |= {"kind": "context_window", "faults": ["context_window"]}
    return plan(edges=[general, window, last])


def test_what_only_owned_faults_can_prove_is_unproven_from_outside_and_decides_nothing() -> None:
    evidence = StubGateway().prove(plan=with_a_class_of_error())

    assert evidence["verdict"] == "passed"
    assert [row["probe"] for row in evidence["edges"]] == ["proof/0/a/one", "proof/any"]
    assert [row["probe"] for row in evidence["unproven"]] == ["proof/1/a/one"]


def test_inside_it_is_proven_or_inconclusive() -> None:
    whole = StubGateway(faults=StubFaults()).prove(plan=with_a_class_of_error())
    taken = StubGateway(faults=StubFaults(taken=True)).prove(plan=with_a_class_of_error())

    assert whole["verdict"] == "passed"
    assert whole["unproven"] == []
    assert len(whole["edges"]) == 3
    assert taken["verdict"] == "inconclusive"
    assert "is another proof at work?" in edge(taken, "a/one", 1)["reasons"][0]


def test_a_primary_that_was_never_asked_proves_nothing() -> None:
    gateway = StubGateway(faults=StubFaults(unasked=True))

    evidence = gateway.prove(plan=asked_with("rate_limit"))

    assert case(evidence, "*")["verdict"] == "passed"
    assert case(evidence, "*", fault="rate_limit")["verdict"] == "inconclusive"
    assert "never asked" in " ".join(edge(evidence, "*")["reasons"])


def test_a_negative_control_that_shows_another_fault_proves_nothing() -> None:
    faults = StubFaults()
    gateway = StubGateway(faults=faults, cooled={"proof/any"})

    evidence = gateway.prove(plan=asked_with("server_error"))

    assert case(evidence, "*", fault="server_error")["verdict"] == "inconclusive"
    assert "where 500 shows the dead primary" in " ".join(edge(evidence, "*")["reasons"])


def test_a_mark_is_found_again_and_the_nonce_comes_first() -> None:
    text = marker("proof-12ab", "rate_limit", "00ff")

    assert text.startswith("proof-12ab ")
    found = MARK.search(text.encode())
    assert found is not None
    assert found.groups() == (b"proof-12ab", b"rate_limit", b"00ff")
    assert marker("proof-12ab", "refused", "00ff") == marker("proof-12ab", "hang", None)


@pytest.mark.parametrize("fault", sorted(STATUSES))
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", ":generateContent"]
)
def test_an_error_body_carries_its_message_and_no_provider_could_have_written_it(
    path: str, fault: str
) -> None:
    error = error_body(path, fault)["error"]

    assert error["message"].startswith("owned fault")
    assert STATUSES[fault] in FAULTS[fault].statuses


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/chat/completions", "chat_stream"),
        ("/v1/responses", "responses_stream"),
        ("/v1/messages", "messages_stream"),
    ],
)
def test_the_beginning_of_a_stream_is_never_a_whole_one(path: str, form: str) -> None:
    pieces = first_pieces(path)

    assert len(pieces) == 2
    assert all(re.search(rb"one |two ", piece) for piece in pieces)
    assert not read_body(FORMS[form], b"".join(pieces)).complete
