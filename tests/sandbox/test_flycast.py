import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.flycast import Flycast
from sandbox.records import AppRecord, IpRecord
from tests.sandbox.proxied import Machines, raw
from tests.sandbox.tiny import free_port, wait_until

ADDRESS = "127.98.1.1"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def app(name: str = "acme", address: str = ADDRESS, ip_type: str = "private_v6") -> AppRecord:
    ip = IpRecord("fdaa::1", ip_type, "global", "")
    return AppRecord(name, name, "personal", "", 1, address, "", ips=[ip])


class Private:
    """Flycast in front of machines, with one app and one external port."""

    def __init__(self) -> None:
        self.machines = Machines()
        self.apps = [app()]
        self.port = free_port(ADDRESS)
        self.balancer = self.machines.balancer()
        self.flycast = Flycast(lambda: self.apps, self.machines.of, self.balancer)

    def add(self, id_: str, port: int, **service: Any) -> Any:
        return self.machines.add(id_, port, ports=[{"port": self.port}], **service)

    async def connect(self) -> Streams:
        return await asyncio.open_connection(ADDRESS, self.port)

    async def counts(self) -> bool:
        """Have a machine that runs `count` answer; False when the connection is refused."""
        try:
            reader, writer = await self.connect()
        except ConnectionRefusedError:
            return False
        writer.write_eof()
        assert await reader.read() == b"0"
        await closed(writer)
        return True


@pytest.fixture
async def private() -> AsyncIterator[Private]:
    private = Private()
    yield private
    await private.flycast.close()
    await asyncio.sleep(0)  # the loop closes aborted transports on its next turn


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all until the sender has finished, then say how much that was."""
    data = await reader.read()
    writer.write(b"%d" % len(data))
    await writer.drain()


def saying(word: bytes) -> Any:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)
        await writer.drain()
        await reader.read()

    return handler


async def test_an_answer_comes_after_the_sender_has_finished(private: Private) -> None:
    async with raw(count) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        reader, writer = await private.connect()
        writer.write(b"x" * 3_000_000)
        writer.write_eof()
        async with asyncio.timeout(10):
            assert await reader.read() == b"3000000"
        await closed(writer)
        await wait_until(lambda: private.balancer.in_flight("m1") == 0)


async def test_the_sender_may_go_on_after_the_machine_has_finished(private: Private) -> None:
    got = asyncio.get_running_loop().create_future()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        got.set_result(await reader.read())

    async with raw(handler) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        reader, writer = await private.connect()
        assert await reader.read() == b"bye"
        writer.write(b"still here")
        writer.write_eof()
        async with asyncio.timeout(5):
            assert await got == b"still here"
        await closed(writer)


async def test_only_apps_with_a_private_address_are_served(private: Private) -> None:
    private.apps = [app(ip_type="shared_v4")]
    async with raw(count) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        assert not await private.counts()
        private.apps = [app()]
        await private.flycast.reconcile()
        assert await private.counts()


async def test_a_listener_goes_with_the_last_machine_that_needs_it(private: Private) -> None:
    async with raw(count) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        assert await private.counts()
        private.machines.records.clear()
        await private.flycast.reconcile()
        assert not await private.counts()


async def test_changes_are_followed_when_they_are_told(private: Private) -> None:
    async with raw(count) as port:
        following = asyncio.create_task(private.flycast.run())
        await asyncio.sleep(0)
        assert not await private.counts()
        private.add("m1", port)
        private.flycast.changed()
        await wait_until(lambda: private.flycast.places)
        assert await private.counts()
        following.cancel()
        await asyncio.wait({following})


async def test_a_port_that_is_taken_is_tried_again(private: Private) -> None:
    other = await asyncio.start_server(count, ADDRESS, private.port)
    async with raw(count) as port:
        private.add("m1", port)
        following = asyncio.create_task(private.flycast.run())
        await asyncio.sleep(0.05)  # it has tried by then
        assert not private.flycast.places
        other.close()
        await other.wait_closed()
        await wait_until(lambda: private.flycast.places)
        following.cancel()
        await asyncio.wait({following})


async def test_connections_go_to_uncordoned_machines_in_turn(private: Private) -> None:
    async with raw(saying(b"1")) as one, raw(saying(b"2")) as two, raw(saying(b"3")) as three:
        private.add("m1", one)
        private.add("m2", two)
        private.add("m3", three).cordoned = True
        await private.flycast.reconcile()
        said = []
        for _ in range(4):
            reader, writer = await private.connect()
            said.append(await reader.read(1))
            await closed(writer)
        assert sorted(said) == [b"1", b"1", b"2", b"2"]


async def test_a_machine_that_refuses_is_passed_over(private: Private) -> None:
    async with raw(saying(b"2")) as two:
        private.add("m1", free_port("127.0.0.1"))
        private.add("m2", two)
        await private.flycast.reconcile()
        for _ in range(3):
            reader, writer = await private.connect()
            assert await reader.read(1) == b"2"
            await closed(writer)
        await wait_until(lambda: private.balancer.in_flight("m2") == 0)
        assert private.balancer.in_flight("m1") == 0


async def test_without_a_machine_the_connection_is_cut(private: Private) -> None:
    private.add("m1", free_port("127.0.0.1")).state = "stopped"
    await private.flycast.reconcile()
    reader, writer = await private.connect()
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    await closed(writer)


async def test_a_machine_that_dies_cuts_its_connections(private: Private) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async with raw(die) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        reader, writer = await private.connect()
        writer.write(b"xy")
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        await closed(writer)
        await wait_until(lambda: private.balancer.in_flight("m1") == 0)


async def test_closing_cuts_what_is_under_way(private: Private) -> None:
    async with raw(saying(b"1")) as port:
        private.add("m1", port)
        await private.flycast.reconcile()
        reader, writer = await private.connect()
        assert await reader.read(1) == b"1"
        await private.flycast.close()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert private.balancer.in_flight("m1") == 0
        await closed(writer)
