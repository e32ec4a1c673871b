"""HTTP/1.1 to a machine: one connection, one request at a time, and a pool of idle ones."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass

import h11

CONNECT_S = 5.0  # a machine that does not answer the SYN by then counts as refusing
IDLE_S = 1.0  # shorter than any server's keep-alive (gunicorn closes after 2 s)
_READ = 65536

Headers = list[tuple[bytes, bytes]]


class RefusedError(Exception):
    """No connection could be made: nothing of the request was sent."""


class BrokenError(Exception):
    """The connection ended, or stopped being HTTP, in the middle of an exchange."""


@dataclass(frozen=True, slots=True)
class Head:
    """The start of a request; `headers` hold no hop-by-hop ones but those that frame the body."""

    method: bytes
    target: bytes
    headers: Headers


class Connection:
    """A connection to one machine; `reused` is True from its second request on."""

    def __init__(
        self, key: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.key = key
        self.reused = False
        self.answered = False  # a byte of the current answer has arrived
        self._http = h11.Connection(h11.CLIENT)
        self._reader = reader
        self._writer = writer

    async def send_head(self, head: Head) -> None:
        """Send the request line and the headers; raises `BrokenError`."""
        try:
            request = h11.Request(method=head.method, target=head.target, headers=head.headers)
        except h11.LocalProtocolError as error:
            raise BrokenError(f"the request cannot be passed on: {error}") from error
        await self._send(request)

    async def send_body(self, chunks: AsyncIterable[bytes]) -> None:
        """Send the body as it comes, and its end; raises `BrokenError`."""
        async for chunk in chunks:
            await self._send(h11.Data(data=chunk))
        await self._send(h11.EndOfMessage())

    async def response(self) -> h11.Response:
        """Wait for the final response's head, informational ones left out."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise BrokenError("the connection was closed before an answer")

    async def data(self) -> bytes | None:
        """Return the next piece of the body, None at its end; raises `BrokenError`."""
        event = await self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return None
        raise BrokenError("the connection was closed in the middle of an answer")

    def recycle(self) -> bool:
        """Make ready for another request; False when this connection has served its last."""
        try:
            self._http.start_next_cycle()
        except h11.ProtocolError:
            return False
        self.reused, self.answered = True, False
        return not self.stale

    @property
    def stale(self) -> bool:
        """True when the machine has closed its side of an idle connection."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """Drop the connection at once; a second call does nothing."""
        self._writer.transport.abort()

    async def _send(self, event: h11.Event) -> None:
        try:
            data = self._http.send(event)
        except h11.LocalProtocolError as error:
            raise BrokenError(f"the request cannot be passed on: {error}") from error
        if data:
            self._writer.write(data)
            try:
                await self._writer.drain()
            except OSError as error:
                raise BrokenError(f"the connection was closed while sending: {error}") from error

    async def _next(self) -> h11.Event:
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    data = await self._reader.read(_READ)
                    self.answered = self.answered or bool(data)
                    self._http.receive_data(data)
                elif isinstance(event, h11.Event):
                    return event
                else:
                    raise BrokenError("the machine sent more than one answer")
        except OSError as error:
            raise BrokenError(f"the connection was closed: {error}") from error
        except h11.RemoteProtocolError as error:
            raise BrokenError(f"the answer is not HTTP: {error}") from error


async def connect(address: str, port: int) -> Connection:
    """Open a connection; raises `RefusedError`."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(address, port)
    except OSError as error:  # TimeoutError is one
        raise RefusedError(f"{address}:{port}: {error}") from error
    return Connection((address, port), reader, writer)


class Pool:
    """Idle connections by address; each is dropped when it was idle for `idle_s`."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._idle: dict[tuple[str, int], list[tuple[Connection, asyncio.TimerHandle]]] = {}

    async def acquire(self, address: str, port: int, *, fresh: bool = False) -> Connection:
        """Return an idle connection, the one used last, or a new one; raises `RefusedError`."""
        idle = self._idle.get((address, port), [])
        while idle and not fresh:
            connection, timer = idle.pop()
            timer.cancel()
            if not connection.stale:
                return connection
            connection.close()
        return await connect(address, port)

    def release(self, connection: Connection) -> None:
        """Keep a connection whose exchange is complete, or close it when it cannot go on."""
        if not connection.recycle():
            connection.close()
            return
        timer = asyncio.get_running_loop().call_later(self._idle_s, self._expire, connection)
        self._idle.setdefault(connection.key, []).append((connection, timer))

    async def close(self) -> None:
        """Close every idle connection; they are gone when this returns."""
        for idle in self._idle.values():
            for connection, timer in idle:
                timer.cancel()
                connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # the loop closes an aborted transport on its next turn

    def _expire(self, connection: Connection) -> None:
        connection.close()
        left = [entry for entry in self._idle.get(connection.key, []) if entry[0] != connection]
        if left:
            self._idle[connection.key] = left
        else:
            self._idle.pop(connection.key, None)


async def get(address: str, port: int, head: Head, *, limit: int) -> tuple[int, bytes]:
    """Make one request without a body on a connection of its own, for health checks.

    Returns the status and at most `limit` bytes of the body; raises `RefusedError` and
    `BrokenError`. Bound it with a timeout.
    """
    connection = await connect(address, port)
    try:
        await connection.send_head(head)
        await connection.send_body(_nothing())
        response = await connection.response()
        body = b""
        while len(body) < limit:
            data = await connection.data()
            if data is None:
                break
            body += data
        return response.status_code, body[:limit]
    finally:
        connection.close()


async def _nothing() -> AsyncIterable[bytes]:
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk
