"""The private side: TCP from an app's own address to one of its machines, port by port."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sandbox.balancer import Balancer, NoMachineError, Slot
from sandbox.interfaces import MachineRecord
from sandbox.records import AppRecord
from sandbox.routing import endpoint_at, external_ports

log = logging.getLogger("sandbox.flycast")

_CHUNK = 65536
_CONNECT_S = 5.0
_RETRY_S = 1.0  # before a port that could not be listened on is tried again


class Flycast:
    """Listens at each app's address on the external ports of its machines' services.

    Only apps with a private address (`private_v6`) are served. Handlers (`http`, `tls`,
    `proxy_proto`) do nothing here: bytes pass as they are. `changed` is to be called after
    each change of apps or machines; `run` follows.
    """

    def __init__(
        self,
        apps: Callable[[], Iterable[AppRecord]],
        machines: Callable[[str], Iterable[MachineRecord]],
        balancer: Balancer,
    ) -> None:
        self._apps = apps
        self._machines = machines
        self._balancer = balancer
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._refused: set[tuple[str, int]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Note that apps, addresses or machines may have changed; returns at once."""
        self._changed.set()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        while True:
            self._changed.clear()
            await self.reconcile()
            try:
                async with asyncio.timeout(_RETRY_S if self._refused else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def reconcile(self) -> None:
        """Open what is missing and close what nobody needs; connections under way go on."""
        wanted = {
            (app.address, port): app.name
            for app in self._apps()
            if app.has_private_ip
            for machine in self._machines(app.name)
            for port in external_ports(machine.config)
        }
        for place in self._servers.keys() - wanted.keys():
            self._servers.pop(place).close()
        self._refused &= wanted.keys()
        for place, app in wanted.items():
            if place not in self._servers:
                await self._listen(place, app)

    async def close(self) -> None:
        """Close all listeners and cut all connections."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def places(self) -> Mapping[tuple[str, int], asyncio.Server]:
        """The listeners by address and port."""
        return self._servers

    async def _listen(self, place: tuple[str, int], app: str) -> None:
        address, port = place
        serve = partial(self._accepted, app, port)
        try:
            self._servers[place] = await asyncio.start_server(serve, address, port)
            self._refused.discard(place)
        except OSError as error:
            if place not in self._refused:
                log.warning("app %s: cannot listen on %s:%d: %s", app, address, port, error)
            self._refused.add(place)

    def _accepted(
        self, app: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(app, port, reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(
        self, app: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            slot, far_reader, far_writer = await self._connect(app, port)
        except (NoMachineError, OSError) as error:
            log.warning("app %s, port %d: %s", app, port, error)
            writer.transport.abort()
            return
        except BaseException:
            writer.transport.abort()
            raise
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer))
                both.create_task(_pump(far_reader, writer))
            writer.close()  # after what is still to be written
            far_writer.close()
        except* OSError as broken:
            log.info("app %s, machine %s: %s", app, slot.machine_id, broken.exceptions[0])
        finally:
            for end in (writer, far_writer):
                if not end.is_closing():
                    end.transport.abort()
            self._balancer.release(slot)

    async def _connect(
        self, app: str, port: int
    ) -> tuple[Slot, asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a machine; one that refuses is passed over, for as long as there is hope."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        refused: set[str] = set()
        while True:
            slot = await self._balancer.acquire(
                app, lambda config: endpoint_at(config, port), refused
            )
            try:
                async with asyncio.timeout(_CONNECT_S):
                    return slot, *await asyncio.open_connection(slot.address, slot.port)
            except OSError:
                self._balancer.release(slot)
                refused.add(slot.machine_id)
                if loop.time() - began >= self._balancer.absence_s:
                    raise
            except BaseException:
                self._balancer.release(slot)
                raise


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender has finished, then tell the receiver so; the other way stays open."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
