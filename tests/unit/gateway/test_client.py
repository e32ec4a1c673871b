import httpx
import pytest

from gateway.client import GatewayClient, GatewayError
from tests.unit.gateway.stub_gateway import KEY, StubGateway


def client_of(gateway: StubGateway, key: str = KEY) -> GatewayClient:
    return GatewayClient(gateway.client(), key)


def answering(response: httpx.Response) -> StubGateway:
    return StubGateway(override=lambda _: response)


def test_readiness_reads_the_body_beside_the_status() -> None:
    body = {"status": "healthy", "db": "Not connected"}
    readiness = client_of(answering(httpx.Response(200, json=body))).readiness()

    assert readiness.ready
    assert (readiness.status, readiness.db) == ("healthy", "Not connected")


def test_a_gateway_that_drains_is_not_ready() -> None:
    assert not client_of(answering(httpx.Response(503, text="draining"))).readiness().ready


def test_readiness_needs_no_key() -> None:
    gateway = StubGateway(override=lambda _: httpx.Response(200, json={}))
    client_of(gateway).readiness()

    assert "authorization" not in gateway.requests[0].headers


def test_models_come_with_the_chain_that_holds() -> None:
    models = client_of(StubGateway()).models()

    assert models["a/one"] == ("b/two", "c/three")
    assert models["d/four"] == ("d/four",)


def test_a_refused_key_is_a_problem_that_names_the_gateway_and_not_the_key() -> None:
    with pytest.raises(GatewayError, match=r"gateway at http://gateway\.test") as caught:
        client_of(StubGateway(), key="sk-wrong").models()

    assert "HTTP 400" in str(caught.value)
    assert "sk-wrong" not in str(caught.value)


def test_an_unreachable_gateway_is_a_problem() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(GatewayError, match="ConnectError"):
        client_of(StubGateway(override=refuse)).readiness()


def test_a_rescued_chat_says_who_answered() -> None:
    answer = client_of(StubGateway(down={"a/one"})).chat("a/one", "hello")

    assert (answer.status, answer.text) == (200, "ok")
    assert (answer.group, answer.fallbacks, answer.version) == ("b/two", 1, "1.106.2")
    assert answer.error is None


def test_a_chat_without_fallbacks_brings_the_error_back() -> None:
    gateway = StubGateway(down={"a/one"})
    answer = client_of(gateway).chat("a/one", "hello", disable_fallbacks=True)

    assert (answer.status, answer.group, answer.fallbacks) == (500, None, None)
    assert answer.error == "litellm.InternalServerError: Connection error."
    assert gateway.asked[0]["disable_fallbacks"] is True


def test_a_chat_passes_the_cache_by() -> None:
    gateway = StubGateway()
    client_of(gateway).chat("a/one", "hello", max_tokens=5)

    assert gateway.asked[0]["cache"] == {"no-cache": True}
    assert gateway.asked[0]["max_tokens"] == 5


def test_a_body_that_is_no_json_is_an_answer_without_text() -> None:
    answer = client_of(answering(httpx.Response(502, text="<html>"))).chat("a/one", "hello")

    assert (answer.text, answer.error) == ("", "HTTP 502")
