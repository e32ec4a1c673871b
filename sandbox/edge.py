"""Fly's public side: an HTTP/1.1 proxy from a host name to one of an app's machines.

Bodies stream both ways and without a time limit. A request is sent to another machine when the
first refused the connection, and once more when a kept-alive connection turned out to be closed
before any byte of an answer. There is no TLS (so no `force_https`), no HTTP/2 and no WebSocket,
and traffic neither starts nor stops machines (`autostart`, `autostop`).
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any

from sandbox.balancer import Balancer, NoMachineError, Slot
from sandbox.client_body import REPLAY_BYTES, ClientBody, Receive
from sandbox.routing import app_of_host, http_endpoint
from sandbox.upstream import BrokenError, Connection, Head, Headers, Pool, RefusedError

log = logging.getLogger("sandbox.edge")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade expect".split()
)
_OURS = frozenset(
    b"fly-client-ip fly-region fly-request-id fly-forwarded-port fly-forwarded-proto "
    b"x-forwarded-for x-forwarded-port x-forwarded-proto via".split()
)


# A kept-alive connection that breaks later than this had been accepted: the machine may have
# begun to work on the request, and it must not do so twice.
_STALE_S = 1.0


class _StaleError(Exception):
    """A kept-alive connection was closed before it answered: nothing is lost by asking again."""


class Edge:
    """The ASGI application on the edge's port; `public` names the apps it may route to."""

    def __init__(
        self,
        public: Callable[[], Collection[str]],
        balancer: Balancer,
        pool: Pool,
    ) -> None:
        self._public = public
        self._balancer = balancer
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; when the client goes away, so does the request to the machine."""
        if scope["type"] != "http":
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        public = self._public()
        app = app_of_host(host, public)
        if app is None:
            await _refuse(send, 421, f"no app with a public address answers to {host!r}", public)
            return
        body = ClientBody(receive)
        answer = asyncio.create_task(self._answer(app, scope, body, send))
        watch = asyncio.create_task(body.watch())
        try:
            await asyncio.wait({answer, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = answer.done()
            answer.cancel()
            watch.cancel()
            await asyncio.gather(answer, watch, return_exceptions=True)
        if finished:
            answer.result()

    async def _answer(self, app: str, scope: Scope, body: ClientBody, send: Send) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        refused: set[str] = set()
        fresh = _too_long_to_repeat(scope["headers"])
        while True:
            try:
                slot = await self._balancer.acquire(app, http_endpoint, refused)
            except NoMachineError as error:
                await _refuse(send, 503, str(error))
                return
            try:
                await self._attempt(slot, scope, body, send, fresh=fresh)
                return
            except _StaleError:
                fresh = True
            except RefusedError as error:
                refused.add(slot.machine_id)
                if loop.time() - began >= self._balancer.absence_s:
                    await _refuse(send, 502, f"machine {slot.machine_id}: {error}")
                    return
            finally:
                self._balancer.release(slot)

    async def _attempt(
        self, slot: Slot, scope: Scope, body: ClientBody, send: Send, *, fresh: bool
    ) -> None:
        connection = await self._pool.acquire(slot.address, slot.port, fresh=fresh)
        exchange = _Exchange(connection, send)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await exchange.run(_head(scope, slot.region), body)
        except BrokenError as error:
            at_once = loop.time() - began < _STALE_S
            if connection.reused and not connection.answered and at_once:
                raise _StaleError from error
            log.warning("machine %s: %s", slot.machine_id, error)
            if not exchange.begun:
                await _refuse(send, 502, f"machine {slot.machine_id}: {error}")
            # Otherwise the answer stays incomplete, and the server cuts the client's connection.
        finally:
            if exchange.complete:
                self._pool.release(connection)
            else:
                connection.close()


class _Exchange:
    """One request and its answer over one connection."""

    def __init__(self, connection: Connection, send: Send) -> None:
        self.begun = False  # the client has got the answer's head
        self.complete = False  # the connection may serve another request
        self._connection = connection
        self._send = send

    async def run(self, head: Head, body: ClientBody) -> None:
        """Pass the request on and the answer back, both at once; raises `BrokenError`."""
        await self._connection.send_head(head)
        sending = asyncio.create_task(self._connection.send_body(body.chunks()))
        try:
            await self._pass_back()
            self.complete = sending.done() and sending.exception() is None
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _pass_back(self) -> None:
        response = await self._connection.response()
        headers = _passed_on(list(response.headers))
        headers.append((b"via", b"1.1 fly.io"))
        self.begun = True
        await self._send(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        while (data := await self._connection.data()) is not None:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


def _head(scope: Scope, region: str) -> Head:
    headers: Headers = scope["headers"]
    given = dict(headers)
    client = (scope.get("client") or ("", 0))[0].encode()
    here, number = scope.get("server") or ("", 80)
    port = str(number).encode()
    # The last of the list is the app's own address that the client asked (superfly/docs,
    # networking/request-headers).
    forwarded = b", ".join(filter(None, [given.get(b"x-forwarded-for"), client, here.encode()]))
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    passed = [(name, value) for name, value in _passed_on(headers) if name not in _OURS]
    if b"content-length" not in given and _chunked(headers):
        passed.append((b"transfer-encoding", b"chunked"))
    passed += [
        (b"fly-client-ip", client),
        (b"fly-region", region.encode()),
        (b"fly-request-id", secrets.token_hex(13).upper().encode()),
        (b"fly-forwarded-port", port),
        (b"fly-forwarded-proto", b"http"),
        (b"x-forwarded-for", forwarded),
        (b"x-forwarded-port", port),
        (b"x-forwarded-proto", b"http"),
        (b"via", b", ".join(filter(None, [given.get(b"via"), b"1.1 fly.io"]))),
    ]
    return Head(scope["method"].encode(), target, passed)


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Leave out what concerns one connection only, the headers that `Connection` names included."""
    pairs = list(headers)
    named = {
        name.strip().lower()
        for header, value in pairs
        if header == b"connection"
        for name in value.split(b",")
    }
    return [pair for pair in pairs if pair[0] not in _HOP_BY_HOP and pair[0] not in named]


def _chunked(headers: Headers) -> bool:
    return any(name == b"transfer-encoding" for name, _ in headers)


def _too_long_to_repeat(headers: Headers) -> bool:
    """Tell whether the body may be longer than what is kept of it: then no connection is reused."""
    return _chunked(headers) or int(dict(headers).get(b"content-length", 0)) > REPLAY_BYTES


async def _refuse(send: Send, status: int, error: str, apps: Collection[str] = ()) -> None:
    answer: dict[str, Any] = {"error": error}
    if status == 421:  # noqa: PLR2004 - Misdirected Request
        answer["apps"] = sorted(apps)
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"via", b"1.1 fly.io"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
