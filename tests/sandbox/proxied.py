"""An edge with machines in the same process: ASGI applications and raw TCP servers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import uvicorn

from sandbox.balancer import Balancer
from sandbox.edge import Edge
from sandbox.interfaces import MachineRecord
from sandbox.upstream import Pool
from tests.sandbox.tiny import machine

HTTP_PORTS = [{"port": 443, "handlers": ["http", "tls"]}]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def asgi(app: Any) -> AsyncIterator[int]:
    """Serve an ASGI application with uvicorn until the block ends; yield its port."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([bound]))
    while not server.started:
        await asyncio.sleep(0.01)  # until it listens
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def raw(handler: Handler) -> AsyncIterator[int]:
    """Serve TCP connections one handler each; yield the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.CancelledError, OSError):
            return
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # What was just accepted gets its handler; Python 3.11 loses it when the server is closed.
        await asyncio.sleep(0.01)
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)  # the loop closes the transports on its next turn


class Machines:
    """The records that the proxies read, and which of them are routable."""

    def __init__(self) -> None:
        self.records: dict[str, MachineRecord] = {}
        self.unroutable: set[str] = set()

    def add(self, id_: str, port: int, *, app: str = "acme", **service: Any) -> MachineRecord:
        services = [{"internal_port": port, "ports": HTTP_PORTS, **service}]
        record = machine(id_=id_, app=app, services=services)
        self.records[id_] = record
        return record

    def of(self, app: str) -> list[MachineRecord]:
        return [record for record in self.records.values() if record.app == app]

    def routable(self, machine_id: str) -> bool:
        return machine_id not in self.unroutable

    def balancer(self, *, queue_s: float = 5.0, absence_s: float = 0.2) -> Balancer:
        return Balancer(self.of, self.routable, queue_s=queue_s, absence_s=absence_s)


@contextlib.asynccontextmanager
async def edge(
    machines: Machines, balancer: Balancer | None = None, public: tuple[str, ...] = ("acme",)
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an edge in front of `machines`; yield a client of it."""
    pool = Pool()
    try:
        async with (
            asgi(Edge(lambda: public, balancer or machines.balancer(), pool)) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
        ):
            yield client
    finally:
        await pool.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read a request with a Content-Length, or without a body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


async def body_of(receive: Any) -> bytes:
    """Read an ASGI request's whole body."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def reply(send: Any, body: bytes = b"", status: int = 200, **headers: str) -> None:
    """Answer an ASGI request at once."""
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    if "content_length" not in headers:
        pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
