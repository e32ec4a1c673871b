"""How one request to a provider is answered as its script says, down to the connection."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from sandbox.providers.connections import Connections
from sandbox.providers.scripts import Kind, Step

JSON = "application/json"
EVENTS = "text/event-stream"
MALFORMED_JSON = b'{"id": "sandbox-malformed", "choices": [{"message": {"content": "answered by'
MALFORMED_EVENTS = b"data: <html>502 Bad Gateway</html>\n\ndata: {\n\n"
GARBAGE_EVENT = b'data: {"id": "sandbox-garbage", "choices": [{"del\n\n'
PAGE = b"<!doctype html><title>Sign in</title><p>Please sign in to the network."
HTML = "text/html; charset=utf-8"
RATE_LIMITED = 429
# Clients drop what they have not read when the end comes with it: without this pause, LiteLLM
# sees a cut stream as one that never began. A process at its first request may need longer.
BEFORE_CUT_S = 0.1


class Errors(Protocol):
    """Writes a provider's error body."""

    def __call__(self, status: int, message: str) -> dict[str, Any]:
        """Return the body for a status."""


class Exchange:
    """One request whose body was read, and the ways to answer it."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        connections: Connections,
        request_id: str,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._connections = connections
        self._request_id = request_id

    async def obey(self, step: Step, errors: Errors, answer: dict[str, Any] | list[bytes]) -> None:
        """Do what the step says; `answer` is a whole body, or a stream's pieces."""
        match step.kind:
            case Kind.OK | Kind.NO_PREFILL:
                await self._answer(answer, step.between_s)
            case Kind.STATUS:
                await self._refuse(step, step.status, errors)
            case Kind.RATE_LIMIT:
                await self._refuse(step, RATE_LIMITED, errors)
            case Kind.LATENCY:
                await self._late(answer, step)
            case Kind.HANG:
                await self._hang(answer, step)
            case Kind.RESET:
                await self._connections.reset(self._scope, self._receive)
            case Kind.CUT_STREAM:
                await self._begin(answer, step.after or 0)
                if not await self._left_within(BEFORE_CUT_S):
                    await self._connections.close(self._scope, self._receive)
            case _:
                await self._spoil(answer, step)

    async def _refuse(self, step: Step, status: int, errors: Errors) -> None:
        body = errors(status, step.message)
        error = body.get("error")
        if step.code is not None and isinstance(error, dict) and "param" in error:
            error["code"] = step.code  # OpenAI's own; the others have nothing but their message
        wait = {} if step.retry_after_s is None else {"retry-after": f"{step.retry_after_s:g}"}
        await self.json(body, status, wait)

    async def _late(self, answer: dict[str, Any] | list[bytes], step: Step) -> None:
        """Answer well after a pause: before the head of the answer, or inside a stream."""
        if step.after is None or isinstance(answer, dict):
            if not await self._left_within(step.seconds):
                await self._answer(answer, step.between_s)
            return
        await self._begin(answer, step.after)
        if not await self._left_within(step.seconds):
            await self._write(b"".join(answer[step.after :]), more=False)

    async def _spoil(self, answer: dict[str, Any] | list[bytes], step: Step) -> None:
        """Answer 200 with a body that HTTP calls complete and that is not the answer."""
        streamed = isinstance(answer, list)
        await self._start(200, {"content-type": _spoiled_type(step.kind, streamed=streamed)})
        if isinstance(answer, list):
            await self._write(_spoiled_stream(step, answer), more=False)
        else:
            await self._write(_spoiled_body(step, answer), more=False)

    async def json(
        self, body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a whole JSON body."""
        raw = json.dumps(body).encode()
        length = {"content-type": JSON, "content-length": str(len(raw))}
        await self._start(status, {**length, **(headers or {})})
        await self._write(raw, more=False)

    async def _answer(self, answer: dict[str, Any] | list[bytes], between_s: float) -> None:
        if isinstance(answer, dict):
            await self.json(answer)
            return
        await self._start(200, {"content-type": EVENTS, "cache-control": "no-cache"})
        for number, piece in enumerate(answer):
            if number and between_s and await self._left_within(between_s):
                return
            await self._write(piece, more=True)
        await self._write(b"", more=False)

    async def _begin(self, answer: dict[str, Any] | list[bytes], pieces: int) -> None:
        """Send the head and some pieces of a stream, or half of a whole body."""
        if isinstance(answer, list):
            await self._start(200, {"content-type": EVENTS, "cache-control": "no-cache"})
            await self._write(b"".join(answer[:pieces]), more=True)
        else:
            raw = json.dumps(answer).encode()
            await self._start(200, {"content-type": JSON, "content-length": str(len(raw))})
            await self._write(raw[: len(raw) // 2], more=True)

    async def _hang(self, answer: dict[str, Any] | list[bytes], step: Step) -> None:
        if step.after is not None:
            await self._begin(answer, step.after)
        if not await self._left_within(step.seconds):
            await self._connections.close(self._scope, self._receive)

    async def _left_within(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        return await self._connections.left_within(self._scope, self._receive, seconds)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        # Each provider has a name of its own for the request's id; clients look for theirs.
        ids = {"x-request-id": f"req_{self._request_id}", "request-id": f"req_{self._request_id}"}
        raw = [(name.encode(), value.encode()) for name, value in {**headers, **ids}.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _write(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _spoiled_type(kind: Kind, *, streamed: bool) -> str:
    if kind is Kind.WRONG_TYPE:
        return HTML
    return EVENTS if streamed else JSON


def _spoiled_stream(step: Step, pieces: list[bytes]) -> bytes:
    after = step.after or 0
    match step.kind:
        case Kind.TRUNCATED:
            return b"".join(pieces[:after])
        case Kind.GARBAGE:
            return b"".join([*pieces[:after], GARBAGE_EVENT, *pieces[after:]])
        case Kind.NO_END:
            *events, _last = b"".join(pieces).removesuffix(b"\n\n").split(b"\n\n")
            return b"".join(event + b"\n\n" for event in events)
        case Kind.WRONG_TYPE:
            return PAGE
        case Kind.EMPTY:
            return b""
        case _:
            return MALFORMED_EVENTS


def _spoiled_body(step: Step, body: dict[str, Any]) -> bytes:
    """Return a whole body; what is a fault of streams only leaves it well."""
    raw = json.dumps(body).encode()
    match step.kind:
        case Kind.TRUNCATED:
            return raw[: len(raw) // 2]
        case Kind.NO_END:
            return raw
        case Kind.WRONG_TYPE:
            return PAGE
        case Kind.EMPTY:
            return b""
        case _:
            return MALFORMED_JSON
