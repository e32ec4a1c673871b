import asyncio
from typing import Any

import pytest

from sandbox.checks import CRITICAL, PASSING, Check, Result, checks_of, evaluate
from tests.sandbox.proxied import asgi, raw, reply
from tests.sandbox.tiny import free_port


def check(port: int, **definition: Any) -> Check:
    service = {"internal_port": port, "checks": [{"timeout": "5s", **definition}]}
    return checks_of({"services": [service]})[0]


def answering(status: int, body: bytes) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await reply(send, body, status)

    return app


@pytest.mark.parametrize(
    ("status", "expected"), [(200, PASSING), (204, PASSING), (302, CRITICAL), (503, CRITICAL)]
)
async def test_only_the_2xx_pass(status: int, expected: str) -> None:
    async with asgi(answering(status, b"" if status == 204 else b"text")) as port:
        result = await evaluate(check(port, type="http", path="/"), "127.0.0.1")
        assert result == Result(expected, "HTTP 204" if status == 204 else "text")


async def test_the_request_is_the_configured_one() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.update(scope)
        await reply(send)

    definition = {
        "type": "http",
        "method": "head",
        "path": "/up?x=1",
        "headers": [{"name": "Authorization", "values": ["Bearer x"]}],
    }
    async with asgi(app) as port:
        assert (await evaluate(check(port, **definition), "127.0.0.1")).status == PASSING
        assert (seen["method"], seen["path"], seen["query_string"]) == ("HEAD", "/up", b"x=1")
        headers = dict(seen["headers"])
        assert headers[b"authorization"] == b"Bearer x"
        assert headers[b"host"] == f"127.0.0.1:{port}".encode()


async def test_a_configured_host_header_replaces_the_address() -> None:
    seen: dict[bytes, bytes] = {}

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.update(scope["headers"])
        await reply(send)

    headers = [{"name": "Host", "values": ["gw.example.com"]}]
    async with asgi(app) as port:
        await evaluate(check(port, type="http", path="/", headers=headers), "127.0.0.1")
        assert seen[b"host"] == b"gw.example.com"


async def test_a_long_answer_is_cut() -> None:
    async with asgi(answering(200, b"x" * 100_000)) as port:
        result = await evaluate(check(port, type="http", path="/"), "127.0.0.1")
        assert result == Result(PASSING, "x" * 1024)


async def test_no_answer_in_time_is_critical() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as port:
        quick = check(port, type="http", path="/", timeout="100ms")
        assert await evaluate(quick, "127.0.0.1") == Result(CRITICAL, "no answer within 0.1 s")


async def test_a_connection_closed_without_an_answer_is_critical() -> None:
    async def rude(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async with raw(rude) as port:
        result = await evaluate(check(port, type="http", path="/"), "127.0.0.1")
        assert result.status == CRITICAL


async def test_a_tcp_check_passes_when_the_port_accepts() -> None:
    async def any_(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(any_) as port:
        assert await evaluate(check(port, type="tcp"), "127.0.0.1") == Result(PASSING, "Success")


@pytest.mark.parametrize("kind", ["tcp", "http"])
async def test_a_refused_connection_is_critical(kind: str) -> None:
    closed = check(free_port("127.0.0.1"), type=kind, path="/")
    result = await evaluate(closed, "127.0.0.1")
    assert result.status == CRITICAL
    assert result.output.startswith("connect: ")


async def test_a_check_over_tls_says_that_the_sandbox_has_none() -> None:
    result = await evaluate(check(1, type="http", path="/", protocol="https"), "127.0.0.1")
    assert result == Result(CRITICAL, "the sandbox has no TLS: a check over https cannot pass here")
