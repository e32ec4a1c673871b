"""A client's request body as it arrives, kept while it can be sent once more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

REPLAY_BYTES = 1024 * 1024
_AHEAD = 4  # chunks taken from the client before the machine has read them


class ClientBody:
    """Reads an ASGI request; `watch` has to run for `chunks` to yield."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._coming: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._ended = False

    async def watch(self) -> None:
        """Take in the body; return when the client has gone."""
        more = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            if message.get("body"):
                await self._coming.put(message["body"])
            if more and not message.get("more_body", False):
                more = False
                await self._coming.put(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body from its start; a second iteration needs at most `REPLAY_BYTES` of it."""
        for chunk in list(self._kept):
            yield chunk
        while not self._ended:
            coming = await self._coming.get()
            if coming is None:
                self._ended = True
                return
            if self._kept_bytes <= REPLAY_BYTES:
                self._kept.append(coming)
                self._kept_bytes += len(coming)
            yield coming
