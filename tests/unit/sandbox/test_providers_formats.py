"""The wire formats: a stream says what the whole answer says."""

import base64
import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.providers import anthropic, openai, vertex
from sandbox.providers.answers import Answer, tokens_of

NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=30)
ANSWERS = st.builds(
    Answer,
    provider=st.sampled_from(["openai", "xai", "anthropic", "vertex_ai"]),
    model=NAME,
    id=NAME,
    created=st.integers(0, 2**31),
    prompt_tokens=st.integers(1, 1000),
)
ANSWER = Answer("openai", "gpt-5.4", "1", 0, 7)


def events(pieces: list[bytes]) -> list[dict[str, Any]]:
    lines = b"".join(pieces).decode().splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(text) for text in data if text != "[DONE]"]


@given(ANSWERS)
def test_openai_s_stream_spells_the_whole_answer(answer: Answer) -> None:
    chunks = events(openai.chat_stream(answer, with_usage=True))
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]]
    whole = openai.chat(answer)
    assert "".join(deltas) == whole["choices"][0]["message"]["content"] == answer.text
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert {chunk["id"] for chunk in chunks} == {whole["id"]}


@given(ANSWERS)
def test_responses_stream_spells_the_whole_answer(answer: Answer) -> None:
    found = events(openai.response_stream(answer))
    deltas = [event["delta"] for event in found if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == answer.text
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert found[-1]["response"] == openai.response(answer)


@given(ANSWERS)
def test_anthropic_s_stream_spells_the_whole_answer(answer: Answer) -> None:
    found = events(anthropic.message_stream(answer))
    deltas = [event["delta"]["text"] for event in found if event["type"] == "content_block_delta"]
    whole = anthropic.message(answer)
    assert "".join(deltas) == whole["content"][0]["text"] == answer.text
    assert found[0]["message"]["usage"]["input_tokens"] == whole["usage"]["input_tokens"]
    assert found[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    assert (found[0]["type"], found[-1]["type"]) == ("message_start", "message_stop")


@given(ANSWERS)
def test_gemini_s_stream_spells_the_whole_answer(answer: Answer) -> None:
    chunks = events(vertex.generate_stream(answer))
    texts = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    whole = vertex.generate(answer)
    assert "".join(texts) == whole["candidates"][0]["content"]["parts"][0]["text"]
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@given(ANSWERS)
def test_two_pieces_of_any_stream_hold_two_pieces_of_text(answer: Answer) -> None:
    streams = [
        openai.chat_stream(answer, with_usage=False),
        openai.response_stream(answer),
        anthropic.message_stream(answer),
        vertex.generate_stream(answer),
    ]
    for pieces in streams:
        begun = b"".join(pieces[:2])
        assert begun.count(b'answered "') == begun.count(b'by "') == 1
        assert b"(sandbox)" not in begun


def test_usage_in_a_stream_comes_only_when_it_was_asked_for() -> None:
    assert b"usage" not in b"".join(openai.chat_stream(ANSWER, with_usage=False))


def test_an_embedding_is_a_unit_vector_in_both_encodings() -> None:
    body = {"model": "m", "input": "hello", "dimensions": 16}
    plain = openai.embeddings(ANSWER, body)["data"][0]["embedding"]
    packed = openai.embeddings(ANSWER, {**body, "encoding_format": "base64"})
    raw = base64.b64decode(packed["data"][0]["embedding"])
    assert struct.unpack("<16f", raw) == pytest.approx(plain, rel=1e-6)
    assert math.hypot(*plain) == pytest.approx(1)
    other = openai.embeddings(ANSWER, {**body, "input": "bye"})["data"][0]["embedding"]
    assert other != plain


def test_each_provider_has_its_own_error() -> None:
    assert openai.error(401, "no")["error"]["code"] == "invalid_api_key"
    assert openai.xai_error(429, "no") == {
        "code": "Some resource has been exhausted",
        "error": "no",
    }
    assert anthropic.error(529, "no")["error"]["type"] == "overloaded_error"
    assert vertex.error(429, "no")["error"]["status"] == "RESOURCE_EXHAUSTED"


@given(st.text(), st.text())
def test_longer_questions_have_more_tokens(one: str, other: str) -> None:
    assert tokens_of([{"content": one + other}]) >= tokens_of([{"content": one}]) >= 1


def jwt(header: object, claims: object, signature: str = "c2ln") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(x).encode()) for x in (header, claims)]
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), signature])


GOOD = jwt({"alg": "RS256"}, {"iss": "a@b", "scope": "s"})


def test_a_signed_assertion_is_exchanged_for_a_token() -> None:
    token = vertex.token({"grant_type": vertex.GRANT, "assertion": GOOD}, "abc")
    assert token == {"access_token": "ya29.abc", "expires_in": 3600, "token_type": "Bearer"}


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"assertion": GOOD}, "grant_type"),
        ({"grant_type": vertex.GRANT}, "not a JWT"),
        ({"grant_type": vertex.GRANT, "assertion": "a.b.c"}, "not a JWT"),
        ({"grant_type": vertex.GRANT, "assertion": "ééé.é.é"}, "not a JWT"),
        ({"grant_type": vertex.GRANT, "assertion": jwt([], {})}, "not a JWT"),
        (
            {"grant_type": vertex.GRANT, "assertion": jwt({"alg": "none"}, {"iss": "a"}, "")},
            "not signed",
        ),
        ({"grant_type": vertex.GRANT, "assertion": jwt({"alg": "RS256"}, {})}, "names no account"),
    ],
)
def test_any_other_grant_is_refused(form: dict[str, str], reason: str) -> None:
    with pytest.raises(vertex.GrantError, match=reason):
        vertex.token(form, "abc")
