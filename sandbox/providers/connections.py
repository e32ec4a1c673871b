"""How an HTTP answer is broken off below HTTP: connections that can be reset or closed at will.

ASGI has no word for this. A server started with `uvicorn.Config(app, http=connections.protocol)`
notes each connection's transport under its client's address, where the application finds it.
"""

import asyncio
import math
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close sends RST


class Connections:
    """The open connections of one server.

    Each method is for a request whose body was read; `reset` and `close` return when the
    connection is gone, and raise `LookupError` when the server was started without `protocol`.
    """

    def __init__(self) -> None:
        self._open: dict[Any, asyncio.Transport] = {}
        self._waiting: set[Any] = set()
        self.protocol = self._protocol()

    @property
    def waiting(self) -> int:
        """How many requests wait in silence."""
        return len(self._waiting)

    async def reset(self, scope: Scope, receive: Receive) -> None:
        """Break the connection off, so that the client sees a reset."""
        transport = self._transport(scope)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await _disconnected(receive)

    async def close(self, scope: Scope, receive: Receive) -> None:
        """Send what was written so far, then close: in the middle of an answer, or before it."""
        self._transport(scope).close()
        await _disconnected(receive)

    async def left_within(self, scope: Scope, receive: Receive, seconds: float) -> bool:
        """Wait so long, and say whether the client left meanwhile.

        A server that shuts down ends the wait, and the connection with it.
        """
        client = _client(scope)
        self._waiting.add(client)
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await _disconnected(receive)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(client)
        return True

    def _transport(self, scope: Scope) -> asyncio.Transport:
        try:
            return self._open[_client(scope)]
        except KeyError:
            raise LookupError(
                "this server cannot break connections off; start uvicorn with "
                "http=connections.protocol"
            ) from None

    def _protocol(self) -> type[H11Protocol]:
        opened, waiting = self._open, self._waiting

        class Noted(H11Protocol):
            """uvicorn's protocol, with its transport where the application finds it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
                super().connection_made(transport)
                opened[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                opened.pop(self.client, None)
                super().connection_lost(exc)

            def shutdown(self) -> None:
                """End requests that wait at once: a graceful shutdown would wait for them."""
                if self.client in waiting:
                    self.transport.abort()
                else:
                    super().shutdown()

        return Noted


def _client(scope: Scope) -> Any:
    client = scope.get("client")
    return tuple(client) if client else None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
