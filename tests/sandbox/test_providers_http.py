"""The providers over real connections: each fault as a client meets it."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.providers.app import build_providers
from sandbox.providers.connections import Connections
from sandbox.providers.control import provider_control_routes
from sandbox.providers.scripts import FaultScripts
from tests.sandbox.image_machines import wait_until
from tests.sandbox.provider_server import served_providers

MESSAGES = [{"role": "user", "content": "who are you?"}]
GEMINI = "/v1/projects/p/locations/global/publishers/google/models/gemini-3.5-flash"
# provider, model, path, key header, body of a request that is not streamed
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "openai/gpt-5.4": (
        "/openai/v1/chat/completions",
        "authorization",
        {"model": "gpt-5.4", "messages": MESSAGES},
    ),
    "xai/grok-4.3": (
        "/xai/v1/chat/completions",
        "authorization",
        {"model": "grok-4.3", "messages": MESSAGES},
    ),
    "anthropic/claude-sonnet-4-6": (
        "/anthropic/v1/messages",
        "x-api-key",
        {"model": "claude-sonnet-4-6", "messages": MESSAGES, "max_tokens": 10},
    ),
    "vertex_ai/gemini-3.5-flash": (
        f"{GEMINI}:generateContent",
        "authorization",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
}
MODELS = list(REQUESTS)


@pytest.fixture(scope="module")
def scripts() -> FaultScripts:
    return FaultScripts()


@pytest.fixture(scope="module")
def url(scripts: FaultScripts) -> Iterator[str]:
    connections = Connections()
    app = build_providers(scripts, connections)
    app.router.routes[:0] = provider_control_routes(scripts)
    with served_providers(scripts, connections, app) as served:
        yield served


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as opened:
        yield opened
        opened.delete("/_sandbox/providers/faults")


def ask(
    client: httpx.Client, model: str, *, stream: bool = False, key: str = "k"
) -> httpx.Response:
    path, header, body = REQUESTS[model]
    if stream and model.startswith("vertex_ai"):
        path = f"{GEMINI}:streamGenerateContent?alt=sse"
    elif stream:
        body = {**body, "stream": True}
    value = f"Bearer {key}".strip() if header == "authorization" else key
    return client.post(path, json=body, headers={header: value})


def read_stream(
    client: httpx.Client, model: str, received: bytearray, timeout_s: float = 20
) -> None:
    """Ask for a stream and keep what comes, also when it ends badly."""
    path, header, body = REQUESTS[model]
    path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    asked = {**body, "stream": True}
    headers = {header: "Bearer k"}
    with client.stream("POST", path, json=asked, headers=headers, timeout=timeout_s) as response:
        assert response.status_code == 200
        for chunk in response.iter_bytes():
            received += chunk


def script(client: httpx.Client, model: str, *steps: dict[str, Any], **more: Any) -> None:
    body = {"script": steps, **more}
    client.put(f"/_sandbox/providers/faults/{model}", json=body).raise_for_status()


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_says_who_answered(client: httpx.Client, model: str) -> None:
    for stream in (False, True):
        response = ask(client, model, stream=stream)
        assert response.status_code == 200
        kind = "text/event-stream" if stream else "application/json"
        assert response.headers["content-type"] == kind
        assert f"{model} " in response.text.replace('"}', " ")


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_without_a_key_is_a_401(client: httpx.Client, model: str) -> None:
    assert ask(client, model, key="").status_code == 401


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_status_has_the_provider_s_own_body(
    client: httpx.Client, model: str, *, stream: bool
) -> None:
    script(client, model, {"kind": "status", "status": 503, "message": "down"})
    response = ask(client, model, stream=stream)
    assert response.status_code == 503
    body = response.json()
    error = body["error"]
    if model.startswith("xai"):
        assert error == "down"
    else:
        assert error["message"] == "down"
    if model.startswith("anthropic"):
        assert body["type"] == "error"
    if model.startswith("vertex_ai"):
        assert (error["code"], error["status"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("model", MODELS)
def test_a_rate_limit_says_when_to_come_back(client: httpx.Client, model: str) -> None:
    script(client, model, {"kind": "rate_limit", "retry_after": 7})
    response = ask(client, model)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize("stream", [False, True])
def test_latency_comes_before_a_good_answer(client: httpx.Client, *, stream: bool) -> None:
    script(client, "openai/gpt-5.4", {"kind": "latency", "seconds": 0.3})
    before = time.monotonic()
    assert ask(client, "openai/gpt-5.4", stream=stream).status_code == 200
    assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_is_a_reset(client: httpx.Client, model: str, *, stream: bool) -> None:
    script(client, model, {"kind": "reset"})
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        ask(client, model, stream=stream)


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_stream_brings_so_many_pieces(client: httpx.Client, model: str) -> None:
    script(client, model, {"kind": "cut_stream", "after": 2})
    received = bytearray()
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        read_stream(client, model, received)
    assert b"answered " in received
    assert b"by " in received
    assert b"(sandbox)" not in received


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_is_cut_in_the_middle(client: httpx.Client, model: str) -> None:
    script(client, model, {"kind": "cut_stream"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        ask(client, model)


@pytest.mark.parametrize("model", MODELS)
def test_a_malformed_body_is_no_json(client: httpx.Client, model: str) -> None:
    script(client, model, {"kind": "malformed"})
    response = ask(client, model)
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError, match="Unterminated"):
        response.json()
    assert "data: {\n" in ask(client, model, stream=True).text


def test_a_hang_ends_when_its_time_is_over(client: httpx.Client) -> None:
    script(client, "openai/gpt-5.4", {"kind": "hang", "seconds": 0.2})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(client, "openai/gpt-5.4")


def test_a_stream_may_hang_after_its_first_pieces(client: httpx.Client) -> None:
    script(client, "openai/gpt-5.4", {"kind": "hang", "after": 1})
    received = bytearray()
    with pytest.raises(httpx.ReadTimeout, match="timed out"):
        read_stream(client, "openai/gpt-5.4", received, timeout_s=0.5)
    assert b"answered " in received
    assert b"by " not in received


def test_a_hang_ends_when_the_client_leaves() -> None:
    scripts, connections = FaultScripts(), Connections()
    app = build_providers(scripts, connections)
    app.router.routes[:0] = provider_control_routes(scripts)
    with (
        served_providers(scripts, connections, app) as url,
        httpx.Client(base_url=url) as client,
    ):
        script(client, "openai/gpt-5.4", {"kind": "hang"})
        with pytest.raises(httpx.ReadTimeout, match="timed out"):
            httpx.post(
                f"{url}/openai/v1/chat/completions",
                json={"model": "gpt-5.4", "messages": MESSAGES},
                headers={"authorization": "Bearer k"},
                timeout=0.3,
            )
        wait_until(lambda: connections.waiting == 0, 5, "nobody who waits")


@pytest.mark.parametrize("step", [{"kind": "hang"}, {"kind": "latency", "seconds": 600}])
def test_a_shutdown_does_not_wait_for_silence(step: dict[str, Any]) -> None:
    scripts, connections = FaultScripts(), Connections()
    app = build_providers(scripts, connections)
    app.router.routes[:0] = provider_control_routes(scripts)
    body = json.dumps({"model": "gpt-5.4", "messages": MESSAGES})
    lines = [
        "POST /openai/v1/chat/completions HTTP/1.1",
        "host: sandbox",
        "authorization: Bearer k",
        f"content-length: {len(body)}",
    ]
    with socket.socket() as left, served_providers(scripts, connections, app) as url:
        with httpx.Client(base_url=url) as client:
            script(client, "openai/gpt-5.4", step)
        host, _, port = url.removeprefix("http://").partition(":")
        left.connect((host, int(port)))
        left.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        wait_until(lambda: connections.waiting == 1, 5, "a request that waits")
    # served_providers itself fails when the server has not ended after ten seconds.


def test_a_script_goes_from_step_to_step_and_recovers(client: httpx.Client) -> None:
    steps = [
        {"kind": "status", "status": 500, "times": 2},
        {"kind": "rate_limit", "times": 1},
    ]
    script(client, "xai/grok-4.3", *steps, then="recover")
    statuses = [ask(client, "xai/grok-4.3").status_code for _ in range(5)]
    assert statuses == [500, 500, 429, 200, 200]


def test_a_star_breaks_every_model_of_a_provider_but_those_with_their_own_script(
    client: httpx.Client,
) -> None:
    script(client, "openai/*", {"kind": "status", "status": 502})
    assert ask(client, "openai/gpt-5.4").status_code == 502
    script(client, "openai/gpt-5.4", {"kind": "ok"})
    assert ask(client, "openai/gpt-5.4").status_code == 200


def test_faults_and_counts_are_shown_and_healed(client: httpx.Client) -> None:
    script(client, "xai/grok-4.3", {"kind": "status", "status": 418})
    shown = client.get("/_sandbox/providers").json()
    before = shown["counters"].get("xai/grok-4.3", {}).get("status", 0)
    assert shown["faults"][0]["script"] == [{"kind": "status", "status": 418}]
    ask(client, "xai/grok-4.3")
    after = client.get("/_sandbox/providers").json()["counters"]["xai/grok-4.3"]["status"]
    assert after == before + 1
    healed = client.delete("/_sandbox/providers/faults/xai/grok-4.3").json()
    assert (healed["healed"], healed["faults"]) == (1, [])
    assert ask(client, "xai/grok-4.3").status_code == 200
    assert client.delete("/_sandbox/providers/faults/xai/grok-4.3").json()["healed"] == 0


def test_a_script_that_is_not_understood_names_every_problem(client: httpx.Client) -> None:
    body = {"script": [{"kind": "explode"}, {"kind": "hang", "status": 3}], "then": "rest"}
    response = client.put("/_sandbox/providers/faults/openai/gpt-5.4", json=body)
    assert response.status_code == 422
    text = " ".join(response.json()["problems"])
    for part in ("script[0]", "script[1].status", "then"):
        assert part in text
    unknown = client.put("/_sandbox/providers/faults/azure/x", json={"script": [{"kind": "ok"}]})
    assert "provider: azure" in unknown.json()["problems"][0]
    broken = client.put("/_sandbox/providers/faults/openai/x", content=b"{")
    assert broken.json()["problems"] == ["the body is not JSON"]


def test_embeddings_responses_and_the_list_of_models(client: httpx.Client) -> None:
    headers = {"authorization": "Bearer k"}
    body = {"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8}
    rows = client.post("/openai/v1/embeddings", json=body, headers=headers).json()["data"]
    assert [len(row["embedding"]) for row in rows] == [8, 8]
    body = {"model": "gpt-5.4", "input": "hi"}
    xai = client.post("/xai/v1/responses", json={**body, "model": "grok-4.3"}, headers=headers)
    assert xai.json()["output"][0]["content"][0]["text"].startswith("answered by xai/grok-4.3")
    answer = client.post("/openai/v1/responses", json=body, headers=headers).json()
    assert answer["output"][0]["content"][0]["text"] == "answered by openai/gpt-5.4 (sandbox)"
    streamed = client.post("/openai/v1/responses", json={**body, "stream": True}, headers=headers)
    assert streamed.text.count("event: response.output_text.delta") == 4
    assert "event: response.completed" in streamed.text
    listed = client.get("/openai/v1/models", headers=headers).json()["data"]
    assert "gpt-5.4" in {row["id"] for row in listed}
    assert client.get("/openai/v1/models").status_code == 401


def test_a_request_that_lacks_its_question_is_a_bad_request(client: httpx.Client) -> None:
    headers = {"authorization": "Bearer k"}
    response = client.post("/openai/v1/chat/completions", json={"model": "m"}, headers=headers)
    assert response.status_code == 400
    assert "messages" in response.json()["error"]["message"]


def test_a_path_that_nobody_answers_lists_those_that_are(client: httpx.Client) -> None:
    response = client.post("/openai/v1/audio/speech", json={})
    assert response.status_code == 404
    assert "POST /openai/v1/chat/completions" in response.json()["error"]["paths"]


def break_(client: httpx.Client, model: str, only: str = "", **step: Any) -> None:
    body = {"script": [step], "only": only}
    client.put(f"/_sandbox/providers/faults/{model}", json=body).raise_for_status()


def texts(raw: bytes) -> list[str]:
    return [line for line in raw.decode().splitlines() if line.startswith("data:")]


def test_a_truncated_stream_ends_in_good_order_without_its_end(client: httpx.Client) -> None:
    break_(client, "openai/gpt-5.4", kind="truncated", after=2)
    answer = ask(client, "openai/gpt-5.4", stream=True)
    assert answer.status_code == 200
    assert "by" in answer.text
    assert "[DONE]" not in answer.text
    assert '"stop"' not in answer.text


def test_a_stream_without_its_end_has_everything_else(client: httpx.Client) -> None:
    whole = texts(ask(client, "xai/grok-4.3", stream=True).content)
    break_(client, "xai/grok-4.3", kind="no_end")
    without = texts(ask(client, "xai/grok-4.3", stream=True).content)
    assert whole[-1] == "data: [DONE]"
    assert len(without) == len(whole) - 1
    assert '"stop"' in without[-1]


def test_garbage_is_one_event_in_a_stream_that_is_whole(client: httpx.Client) -> None:
    break_(client, "openai/gpt-5.4", kind="garbage", after=1)
    found = texts(ask(client, "openai/gpt-5.4", stream=True).content)
    assert found[-1] == "data: [DONE]"
    spoiled = [text for text in found[:-1] if text.count("{") != text.count("}")]
    assert len(spoiled) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("kind", "of_type"), [("empty", "json event"), ("wrong_type", "html")])
def test_a_good_status_may_come_with_no_answer(
    client: httpx.Client, kind: str, of_type: str, *, stream: bool
) -> None:
    break_(client, "anthropic/claude-sonnet-4-6", kind=kind)
    answer = ask(client, "anthropic/claude-sonnet-4-6", stream=stream)
    assert answer.status_code == 200
    assert any(word in answer.headers["content-type"] for word in of_type.split())
    assert (answer.content == b"") is (kind == "empty")


def test_an_overloaded_provider_may_say_when_to_come_back(client: httpx.Client) -> None:
    break_(client, "anthropic/claude-sonnet-4-6", kind="status", status=503, retry_after=7)
    answer = ask(client, "anthropic/claude-sonnet-4-6")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    break_(client, "anthropic/claude-sonnet-4-6", kind="status", status=529)
    answer = ask(client, "anthropic/claude-sonnet-4-6")
    assert (answer.status_code, "retry-after" in answer.headers) == (529, False)


def test_openai_names_an_error_by_the_code_it_is_given(client: httpx.Client) -> None:
    step: dict[str, Any] = {"kind": "status", "status": 400, "code": "context_length_exceeded"}
    break_(client, "openai/gpt-5.4", **step)
    assert ask(client, "openai/gpt-5.4").json()["error"]["code"] == step["code"]
    break_(client, "xai/grok-4.3", **step)
    assert ask(client, "xai/grok-4.3").status_code == 400


def test_a_slow_first_token_comes_after_the_headers(client: httpx.Client) -> None:
    break_(client, "xai/grok-4.3", kind="latency", seconds=0.3, after=0)
    began = time.monotonic()
    path, _, body = REQUESTS["xai/grok-4.3"]
    headers = {"authorization": "Bearer k"}
    with client.stream("POST", path, json={**body, "stream": True}, headers=headers) as answer:
        headers_at = time.monotonic() - began
        raw = answer.read()
    assert headers_at < 0.3 <= time.monotonic() - began
    assert texts(raw)[-1] == "data: [DONE]"


def test_a_model_may_refuse_to_continue_what_the_assistant_said(client: httpx.Client) -> None:
    break_(client, "anthropic/claude-sonnet-4-6", kind="no_prefill")
    path, header, body = REQUESTS["anthropic/claude-sonnet-4-6"]
    prefilled = {**body, "messages": [*MESSAGES, {"role": "assistant", "content": "I am"}]}
    assert client.post(path, json=prefilled, headers={header: "k"}).status_code == 400
    assert client.post(path, json=body, headers={header: "k"}).status_code == 200


def test_the_attempt_log_shows_what_reached_each_model(client: httpx.Client) -> None:
    client.delete("/_sandbox/providers/attempts")
    marker = "drill-0123456789ab"
    break_(client, "xai/grok-4.3", only=marker, kind="status", status=500)
    path, _, body = REQUESTS["xai/grok-4.3"]
    marked = {**body, "stream": True, "messages": [{"role": "user", "content": f"{marker}: hi"}]}
    refused = client.post(path, json=marked, headers={"authorization": "Bearer k"})
    well = ask(client, "xai/grok-4.3")
    assert (refused.status_code, well.status_code) == (500, 200)
    url = "/_sandbox/providers/attempts"
    assert len(client.get(url).json()["attempts"]) == 2
    (record,) = client.get(url, params={"marker": marker}).json()["attempts"]
    assert (record["provider"], record["model"]) == ("xai", "grok-4.3")
    assert (record["given"], record["streamed"]) == ("status", True)
    client.delete("/_sandbox/providers/faults", params={"only": marker})
    again = client.post(path, json=marked, headers={"authorization": "Bearer k"})
    assert again.status_code == 200
