"""What happens to every call before and after its handler: counted, struck, authorised, limited."""

import asyncio
import json
import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.api.errors import ApiError
from sandbox.switchboard import Action, Call, Switchboard

TOKEN = re.compile(r"^(?:Bearer|FlyV1) (?:sandbox|fo1_|fm)", re.IGNORECASE)
APIS = ("/v1/", "/api/v1/", "/graphql")  # the Machines API, and what flyctl needs beside it
REQUEST_ID = b"fly-request-id"


class ConnectionDroppedError(Exception):
    """The caller gets no answer; servers that the gate cannot cut off see this instead."""


class Gate:
    """An ASGI application around the API's own.

    It must be the outermost one: to drop a connection it reaches for the server's transport
    behind `send`, which any middleware in between would hide.
    """

    def __init__(self, app: ASGIApp, switchboard: Switchboard, make_id: Callable[[], str]) -> None:
        self._app = app
        self._switchboard = switchboard
        self._make_id = make_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith("/_sandbox/"):
            await self._control(scope, receive, send)
        elif scope["path"].startswith(APIS):
            await self._call(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the sandbox's user, but no web page that the user happens to look at."""
        if _header(scope, b"origin") is not None:
            text = "control endpoints are not for web pages: this request carries an Origin"
            await ApiError(403, text).response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        query = scope["query_string"].decode("latin-1")
        call = self._switchboard.arrive(method, path, query)
        kills = self._switchboard.due_kills()
        before = [kill for kill in kills if kill.when == "before"]
        for kill in before:
            self._switchboard.execute(kill)
        action = self._switchboard.strike(method, path)
        if before:
            await drop(receive, send)
            return
        if action and action.kind in ("timeout", "latency"):
            await asyncio.sleep(action.seconds)
        if action and action.kind == "timeout":
            await drop(receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self._answer(scope, receive, hold, action)
        for kill in kills:
            self._switchboard.execute(kill)
        if action and action.kind == "lost_reply":
            await drop(receive, send)
            return
        if action and action.kind == "late_status":
            held.clear()
            await _send_fault(action, hold)
        for message in held:
            await send(self._stamp(message, call))

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, action: Action | None
    ) -> None:
        """Let the API answer, or a fault, or refuse."""
        method, path = scope["method"], scope["path"]
        authorisation = _header(scope, b"authorization") or ""
        if action and action.kind == "status":
            await _send_fault(action, send)
        elif not TOKEN.match(authorisation):
            text = "you must be authenticated to view this; the sandbox takes Bearer sandbox..."
            await ApiError(401, text, code="unauthorized").response()(scope, receive, send)
        elif not self._switchboard.allowed(method, path):
            limited = ApiError(429, "rate limit exceeded", code="rate_limited")
            await limited.response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _stamp(self, message: Message, call: Call) -> Message:
        """Note the status and give the reply its request id."""
        if message["type"] != "http.response.start":
            return message
        call.status = message["status"]
        identity = (REQUEST_ID, f"{self._make_id()}-sandbox".encode())
        return {**message, "headers": [*message.get("headers", ()), identity]}


async def drop(receive: Receive, send: Send) -> None:
    """Cut the connection off without a byte of an answer."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionDroppedError("the sandbox was told to give no answer")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of the request's body


async def _send_fault(action: Action, send: Send) -> None:
    """Answer what the fault says; a body that is no string goes out as JSON."""
    body = action.body if action.body is not None else {"error": "ordered by a sandbox fault"}
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json", **action.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(text.encode())).encode()))
    await send({"type": "http.response.start", "status": action.status, "headers": raw})
    await send({"type": "http.response.body", "body": text.encode()})


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
