"""What makes an answer whole, in each form: a stream that only began is none."""

import json
from typing import Any

import pytest

from gateway.proof.forms import FORMS, read_body
from tests.unit.gateway.stub_gateway import ANSWERS, StubGateway, case, edge, edges, plan

STREAMS = sorted(name for name, form in FORMS.items() if form.streamed)
ERRORS: dict[str, dict[str, Any]] = {
    "chat_stream": {"error": {"message": "cut", "code": "500"}},
    "messages_stream": {"type": "error", "error": {"type": "api_error", "message": "cut"}},
    "responses_stream": {"type": "response.failed", "response": {"error": {"message": "cut"}}},
}


def stream(*events: str) -> bytes:
    return "".join(f"data: {event}\n\n" for event in events).encode()


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_form_is_asked_on_its_own_path_and_passes(name: str) -> None:
    gateway = StubGateway()

    evidence = gateway.prove(plan=plan(edges=edges(forms=[name])))

    assert evidence["verdict"] == "passed"
    paths = {request.url.path for request in gateway.requests} - {"/v1/models"}
    assert paths == {FORMS[name].path}
    assert all(bool(body.get("stream")) == FORMS[name].streamed for body in gateway.asked)


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_stream_ends_and_says_something(name: str) -> None:
    form = FORMS[name]
    events = ANSWERS[form.path][1]

    assert read_body(form, stream(*events)).complete
    assert not read_body(form, stream(*events[:-1])).complete
    assert not read_body(form, stream(events[-1])).complete
    assert not read_body(form, b"").complete


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_with_an_error_in_it_is_not_whole_even_when_it_ends(name: str) -> None:
    form = FORMS[name]
    *events, last = ANSWERS[form.path][1]

    reading = read_body(form, stream(*events, json.dumps(ERRORS[name]), last))

    assert not reading.complete
    assert reading.error is not None
    assert reading.error["message"] == "cut"


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_document_is_no_stream(name: str) -> None:
    form = FORMS[name]

    assert not read_body(form, json.dumps(ANSWERS[form.path][0]).encode()).complete


@pytest.mark.parametrize("name", STREAMS)
def test_a_rescue_whose_stream_is_cut_fails(name: str) -> None:
    evidence = StubGateway(cut=True).prove(plan=plan(edges=edges(forms=[name])))

    assert evidence["verdict"] != "passed"
    assert case(evidence, "a/one", form=name)["verdict"] != "passed"


def test_the_thoughts_that_use_all_tokens_up_count_as_an_answer() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "length"}
    events = (json.dumps({"choices": [choice]}), "[DONE]")

    assert read_body(FORMS["chat_stream"], stream(*events)).complete
    assert read_body(FORMS["chat"], json.dumps({"choices": [choice]}).encode()).complete


def test_each_form_of_an_edge_is_a_case_of_its_own() -> None:
    gateway = StubGateway(cut=True)

    evidence = gateway.prove(plan=plan(edges=edges(forms=["chat", "chat_stream"])))

    assert case(evidence, "*", form="chat")["verdict"] == "passed"
    assert case(evidence, "*", form="chat_stream")["verdict"] != "passed"
    assert edge(evidence, "*")["verdict"] != "passed"
