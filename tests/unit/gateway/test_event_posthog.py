"""What PostHog is asked, how its answers are read, and what is said where it does not answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events.posthog import MARKER, PostHog, hogql
from gateway.events.source import Event, EventsError, is_loopback
from sandbox.posthog.wire import read_query

KEY = "phx_ThePersonalKeyOfTheTest"
NONCE = "proof-0123456789ab"
SINCE = datetime(2026, 11, 28, 18, 4, 59, 999999, tzinfo=UTC)
COLUMNS = ["marker", "is_error", "answered_by", "asked_for", "error", "trace_id", "timestamp"]
ROW = [
    NONCE,
    True,
    "proof/any",
    "proof/any",
    "x Connection error.",
    "trace",
    "2026-11-28T18:05:00Z",
]


def asked(
    answer: Callable[[httpx.Request], httpx.Response],
    host: str = "https://us.posthog.test",
    key: str = KEY,
) -> list[Event]:
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        return PostHog(client, host, 17, key).events((NONCE,), SINCE, timeout_s=3)


def answering(status: int = 200, **more: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **more)


def failing(answer: Callable[[httpx.Request], httpx.Response], **more: str) -> EventsError:
    with pytest.raises(EventsError, match=r"PostHog|posthog") as raised:
        asked(answer, **more)
    return raised.value


def test_one_query_is_asked_of_the_project_past_posthogs_cache() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"columns": COLUMNS, "results": []})

    assert asked(answer) == []
    (request,) = seen
    assert request.method == "POST"
    assert str(request.url) == "https://us.posthog.test/api/projects/17/query/"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    body = json.loads(request.content)
    assert body["query"] == {"kind": "HogQLQuery", "query": hogql([NONCE], SINCE)}
    assert body["refresh"] == "force_blocking"
    assert KEY not in request.content.decode() + str(request.url)


def test_prompts_are_read_where_posthog_keeps_them_and_nothing_but_the_marker_leaves() -> None:
    text = hogql([NONCE], SINCE)

    assert "FROM posthog.ai_events" in text
    assert "timestamp >= toDateTime('2026-11-28 18:04:59', 'UTC')" in text
    assert (
        text.count("input") == text.count("substring(toString(input), position(toString(input)") * 2
    )
    assert f"IN ('{NONCE}')" in text


@given(st.lists(st.text(max_size=30) | st.from_regex(MARKER, fullmatch=True), max_size=8))
def test_nothing_but_markers_gets_into_the_query_whoever_wrote_it(nonces: list[str]) -> None:
    markers = {nonce for nonce in nonces if MARKER.fullmatch(nonce)}
    text = hogql([NONCE, *nonces], SINCE)

    sent = {"kind": "HogQLQuery", "query": text}
    read = read_query(json.dumps({"query": sent, "refresh": "force_blocking"}).encode())
    assert read.markers == markers | {NONCE}
    assert read.since == SINCE.replace(microsecond=0).timestamp()


@pytest.mark.parametrize("order", [COLUMNS, COLUMNS[::-1]])
@pytest.mark.parametrize(("said", "failed"), [(True, True), (1, True), (0, False), (None, False)])
def test_rows_are_read_by_the_names_of_their_columns(
    order: list[str], said: Any, *, failed: bool
) -> None:
    named = dict(zip(COLUMNS, ROW, strict=True)) | {"is_error": said}
    rows = [[named[name] for name in order]]

    (event,) = asked(answering(json={"columns": order, "results": rows, "hasMore": False}))

    at = "2026-11-28T18:05:00Z"
    error = "connection error" if failed else ""
    assert event == Event(NONCE, failed, "proof/any", "proof/any", at, "trace", error)


def test_of_an_error_only_a_known_phrase_is_kept() -> None:
    rows = [[*ROW[:4], "litellm.RateLimitError: you said: my secret plan", *ROW[5:]]]

    (event,) = asked(answering(json={"columns": COLUMNS, "results": rows}))

    assert event.error == "another error"


@pytest.mark.parametrize(
    ("status", "says", "final"),
    [
        (400, "posthog.ai_events", True),
        (401, "personal API key", True),
        (403, "query:read", True),
        (404, "posthog.query.project_id", True),
        (301, "private API", True),
        (429, "limit of queries", False),
        (500, "HTTP 500", False),
        (503, "HTTP 503", False),
    ],
)
def test_each_refusal_says_what_it_means_and_whether_asking_again_helps(
    status: int, says: str, *, final: bool
) -> None:
    error = failing(answering(status, text=f"the key {KEY} of the owner"))

    assert says in str(error)
    assert f"HTTP {status}" in str(error)
    assert error.final is final
    assert KEY not in f"{error!r}{error.__cause__!r}{error.__context__!r}"
    assert "owner" not in str(error)


def test_a_limit_that_names_its_end_is_obeyed() -> None:
    error = failing(answering(429, headers={"retry-after": "12"}))

    assert error.retry_after_s == 12
    assert "asks for 12 s" in str(error)
    assert failing(answering(429, headers={"retry-after": "soon"})).retry_after_s == 0


def test_a_host_that_cannot_be_reached_is_asked_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route for {KEY}", request=request)

    error = failing(answer)

    assert str(error) == "PostHog cannot be reached (ConnectError)"
    assert not error.final


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"columns": ["marker"], "results": [[1, 2]]}',
        '{"columns": ["marker"], "results": [["proof-0123456789ab"]]}',
    ],
)
def test_an_answer_of_something_else_says_where_to_look(body: str) -> None:
    error = failing(answering(text=body))

    assert "posthog.query.host" in str(error)
    assert error.final


@pytest.mark.parametrize("last", ["", "/"])
def test_a_host_may_have_a_path_with_or_without_a_last_slash(last: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"columns": COLUMNS, "results": []})

    asked(answer, host=f"http://127.0.0.1:4282/posthog{last}")

    assert seen == ["http://127.0.0.1:4282/posthog/api/projects/17/query/"]


@pytest.mark.parametrize("wrong", [{"host": "http://[::1"}, {"key": "phx_ключ"}], ids=str)
def test_what_cannot_be_sent_at_all_is_not_tried_again(wrong: dict[str, str]) -> None:
    error = failing(answering(), **wrong)

    assert error.final
    assert "phx_" not in str(error)


def test_white_space_around_a_key_is_not_sent() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"columns": COLUMNS, "results": []})

    asked(answer, key=f" {KEY}\n")

    assert seen == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:4282/posthog", True),
        ("http://localhost:8000", True),
        ("http://[::1]:1", True),
        ("https://us.posthog.com", False),
        ("http://127.0.0.1.example", False),
        ("http://[::1", False),
    ],
)
def test_only_this_machines_own_addresses_are_loopback(address: str, *, here: bool) -> None:
    assert is_loopback(address) is here
