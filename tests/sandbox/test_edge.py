import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.sandbox.proxied import Machines, asgi, body_of, edge, raw, read_request, reply
from tests.sandbox.tiny import free_port, wait_until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def machines() -> Machines:
    return Machines()


def named(name: str) -> Any:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await body_of(receive)
        await reply(send, name.encode())

    return app


async def describe(scope: Any, receive: Any, send: Any) -> None:
    """Answer what arrived, with headers that concern one connection only."""
    body = await body_of(receive)
    seen = {
        "method": scope["method"],
        "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
        "headers": [[k.decode(), v.decode()] for k, v in scope["headers"]],
        "body": body.decode(),
    }
    text = json.dumps(seen).encode()
    await reply(send, text, keep_alive="timeout=9", connection="x-secret", x_secret="1", x_own="2")


async def test_a_request_arrives_as_it_was_sent(machines: Machines) -> None:
    async with asgi(describe) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.post("/a%2Fb/c?x=%20y&x=2", content=b"body", headers={"x-own": "1"})
        seen = response.json()
        assert seen["method"] == "POST"
        assert seen["target"] == "/a%2Fb/c?x=%20y&x=2"
        assert seen["body"] == "body"
        assert ["x-own", "1"] in seen["headers"]
        assert ["host", client.base_url.netloc.decode()] in seen["headers"]


async def test_flys_headers_are_added_and_forged_ones_replaced(machines: Machines) -> None:
    forged = {
        "Fly-Client-IP": "6.6.6.6",
        "Fly-Region": "mars",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "9.9.9.9",
        "Via": "1.0 mine",
    }
    async with asgi(describe) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.get("/", headers=forged)
        pairs = response.json()["headers"]
        seen = dict(pairs)
        assert len(pairs) == len(seen)
        assert seen["fly-client-ip"] == "127.0.0.1"
        assert seen["fly-region"] == "iad"
        assert seen["x-forwarded-proto"] == "http"
        assert seen["x-forwarded-port"] == str(client.base_url.port)
        assert seen["x-forwarded-for"] == "9.9.9.9, 127.0.0.1, 127.0.0.1"
        assert seen["via"] == "1.0 mine, 1.1 fly.io"
        assert response.headers["via"] == "1.1 fly.io"


async def test_headers_of_one_connection_stay_on_it_both_ways(machines: Machines) -> None:
    hop = {"Connection": "keep-alive, x-mine", "X-Mine": "1", "TE": "trailers", "Upgrade": "h2c"}
    async with asgi(describe) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.get("/", headers=hop)
        seen = dict(response.json()["headers"])
        assert not {"connection", "x-mine", "te", "upgrade", "transfer-encoding"} & set(seen)
        assert "x-secret" not in response.headers
        assert "keep-alive" not in response.headers
        assert response.headers["x-own"] == "2"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("acme.fly.dev", 200),
        ("acme.fly.dev:4281", 200),
        ("127.0.0.1", 200),
        ("private.fly.dev", 421),
        ("example.com", 421),
    ],
)
async def test_the_host_names_the_app(machines: Machines, host: str, status: int) -> None:
    async with asgi(named("m1")) as port, edge(machines) as client:
        machines.add("m1", port)
        machines.add("p1", port, app="private")
        response = await client.get("/", headers={"host": host})
        assert response.status_code == status
        if status == 421:
            assert response.json()["apps"] == ["acme"]
            assert host in response.json()["error"]


async def test_bodies_stream_both_ways_at_once(machines: Machines) -> None:
    """Each piece is sent only after the one before it came back."""

    async def echo(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with asgi(echo) as port, edge(machines) as client:
        machines.add("m1", port)
        back = asyncio.Semaphore(1)

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(5):
                async with asyncio.timeout(5):
                    await back.acquire()
                yield b"%d" % number

        got = b""
        # httpx sends the whole body before it reads, so a plain connection is used instead.
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST / HTTP/1.1\r\nhost: acme.fly.dev\r\ntransfer-encoding: chunked\r\n\r\n")
        async for piece in pieces():
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            async with asyncio.timeout(5):
                while not got.endswith(piece + b"\r\n"):
                    got += await reader.read(1000)
            back.release()
        writer.write(b"0\r\n\r\n")
        async with asyncio.timeout(5):
            while not got.endswith(b"0\r\n\r\n"):
                got += await reader.read(1000)
        writer.close()
        assert got.startswith(b"HTTP/1.1 200")


async def test_a_long_body_arrives_whole(machines: Machines) -> None:
    async def echo(_scope: Any, receive: Any, send: Any) -> None:
        await reply(send, await body_of(receive))

    async with asgi(echo) as port, edge(machines) as client:
        machines.add("m1", port)
        body = bytes(range(256)) * 4096 * 3
        response = await client.post("/", content=body)
        assert response.content == body


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_answers_without_a_body_end_and_the_connection_goes_on(
    machines: Machines, method: str, status: int
) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = {"content_length": "7"} if method == "HEAD" else {}
        headers = [(k.replace("_", "-").encode(), v.encode()) for k, v in length.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with asgi(app) as port, edge(machines) as client:
        machines.add("m1", port)
        for _ in range(2):
            response = await client.request(method, "/")
            assert (response.status_code, response.content) == (status, b"")


async def test_an_answer_may_come_before_the_body_was_read(machines: Machines) -> None:
    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await reply(send, b"too much", 413)

    async with asgi(refuse) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.post("/", content=b"x" * 300_000)
        assert (response.status_code, response.text) == (413, "too much")


async def test_equal_machines_take_turns(machines: Machines) -> None:
    async with asgi(named("m1")) as one, asgi(named("m2")) as two, edge(machines) as client:
        machines.add("m1", one)
        machines.add("m2", two)
        answers = [(await client.get("/")).text for _ in range(4)]
        assert sorted(answers) == ["m1", "m1", "m2", "m2"]


async def test_a_full_machine_makes_requests_wait_for_their_turn(machines: Machines) -> None:
    together, most, go = 0, 0, asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await go.wait()
        together -= 1
        await reply(send, b"done")

    async with asgi(slow) as port, edge(machines) as client:
        machines.add("m1", port, concurrency={"type": "requests", "hard_limit": 2})
        requests = [asyncio.create_task(client.get("/")) for _ in range(5)]
        await wait_until(lambda: together == 2)
        go.set()
        assert [(await request).text for request in requests] == ["done"] * 5
        assert most == 2


async def test_a_request_that_waited_too_long_for_its_turn_gets_503(machines: Machines) -> None:
    go = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await go.wait()
        await reply(send)

    balancer = machines.balancer(queue_s=0.1)
    async with asgi(slow) as port, edge(machines, balancer) as client:
        machines.add("m1", port, concurrency={"hard_limit": 1})
        first = asyncio.create_task(client.get("/"))
        await wait_until(lambda: balancer.in_flight("m1") == 1)
        second = await client.get("/")
        assert second.status_code == 503
        assert "hard limit" in second.json()["error"]
        go.set()
        assert (await first).status_code == 200
        assert balancer.in_flight("m1") == 0


@pytest.mark.parametrize("why", ["stopped", "cordoned", "failing", "nothing"])
async def test_without_a_machine_that_may_serve_the_answer_is_503(
    machines: Machines, why: str
) -> None:
    async with asgi(named("m1")) as port, edge(machines) as client:
        if why != "nothing":
            record = machines.add("m1", port)
            record.cordoned = why == "cordoned"
            record.state = "stopped" if why == "stopped" else "started"
            machines.unroutable = {"m1"} if why == "failing" else set()
        response = await client.get("/")
        assert response.status_code == 503
        assert "no machine of acme" in response.json()["error"]


async def test_a_request_waits_a_moment_for_a_machine_to_come_up(machines: Machines) -> None:
    balancer = machines.balancer(absence_s=10)
    async with asgi(named("m1")) as port, edge(machines, balancer) as client:
        record = machines.add("m1", port)
        record.state = "starting"
        request = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0.1)  # long enough that it must be waiting
        assert not request.done()
        record.state = "started"
        assert (await request).text == "m1"


async def test_a_refused_connection_goes_to_another_machine_though_it_is_busier(
    machines: Machines,
) -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await body_of(receive)
        if scope["path"] == "/slow":
            await go.wait()
        await reply(send, b"m2")

    balancer = machines.balancer()
    async with asgi(app) as port, edge(machines, balancer) as client:
        machines.add("m2", port)
        slow = asyncio.create_task(client.get("/slow"))
        await wait_until(lambda: balancer.in_flight("m2") == 1)
        machines.add("m1", free_port("127.0.0.1"))
        answers = {(await client.post("/", content=b"x")).text for _ in range(4)}
        go.set()
        assert (await slow).text == "m2"
        assert answers == {"m2"}


async def test_when_every_machine_refuses_the_answer_is_502(machines: Machines) -> None:
    async with edge(machines) as client:
        machines.add("m1", free_port("127.0.0.1"))
        response = await client.get("/")
        assert response.status_code == 502
        assert "m1" in response.json()["error"]


async def test_a_kept_alive_connection_found_closed_is_replaced_once(machines: Machines) -> None:
    """The machine closes the connection when the second request has been sent over it."""
    taken: list[bytes] = []

    async def forgetful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await read_request(reader)
        taken.append(first)
        writer.write(OK)
        taken.append(b"lost: " + await read_request(reader))
        writer.transport.abort()

    async with raw(forgetful) as port, edge(machines) as client:
        machines.add("m1", port)
        for number in range(2):
            response = await client.post("/", content=b"body %d" % number)
            assert (response.status_code, response.text) == (200, "ok")
        assert [request.rpartition(b"\r\n\r\n")[2] for request in taken] == [
            b"body 0",
            b"body 1",
            b"body 1",
        ]
        assert [request.startswith(b"lost") for request in taken] == [False, True, False]


async def test_a_new_connection_that_breaks_is_not_tried_again(machines: Machines) -> None:
    seen = 0

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await read_request(reader)
        seen += 1
        writer.transport.abort()

    async with raw(rude) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.get("/")
        assert response.status_code == 502
        assert seen == 1


async def test_an_answer_that_is_not_http_is_502(machines: Machines) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"+OK hello\r\n\r\n")
        await writer.drain()

    async with raw(babble) as port, edge(machines) as client:
        machines.add("m1", port)
        response = await client.get("/")
        assert response.status_code == 502
        assert "not HTTP" in response.json()["error"]


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(machines: Machines) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await writer.drain()

    async with raw(half) as port, edge(machines) as client:
        machines.add("m1", port)
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await client.get("/")


async def test_a_client_that_leaves_ends_the_request_to_the_machine(machines: Machines) -> None:
    gone = asyncio.Event()

    async def patient(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            continue
        gone.set()

    balancer = machines.balancer()
    async with asgi(patient) as port, edge(machines, balancer) as client:
        machines.add("m1", port)
        async with client.stream("GET", "/") as response:
            assert await anext(response.aiter_bytes()) == b"x"
            assert balancer.in_flight("m1") == 1
        async with asyncio.timeout(5):
            await gone.wait()
        await wait_until(lambda: balancer.in_flight("m1") == 0)


async def test_a_cordoned_machine_finishes_what_it_has_and_gets_nothing_new(
    machines: Machines,
) -> None:
    go = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await go.wait()
        await reply(send, b"m1")

    balancer = machines.balancer()
    async with asgi(slow) as one, asgi(named("m2")) as two, edge(machines, balancer) as client:
        old = machines.add("m1", one)
        first = asyncio.create_task(client.get("/"))
        await wait_until(lambda: balancer.in_flight("m1") == 1)
        machines.add("m2", two)
        old.cordoned = True
        assert {(await client.get("/")).text for _ in range(4)} == {"m2"}
        go.set()
        assert (await first).text == "m1"
