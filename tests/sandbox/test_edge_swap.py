import asyncio
import contextlib
from functools import partial
from typing import Any

import httpx

from tests.sandbox.proxied import Machines, asgi, body_of, edge
from tests.sandbox.tiny import wait_until

CLIENTS = 12
SWAPS = 4
PIECES = 10


def streaming(name: str) -> Any:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        body = await body_of(receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(PIECES):
            piece = b"%s %s %d\n" % (name.encode(), body, number)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0.002)  # the pace of the stream
        await send({"type": "http.response.body", "body": b""})

    return app


async def test_machines_swapped_under_streaming_load_lose_no_request() -> None:
    """New machines come in, old ones are cordoned, drained and shut down; nothing breaks."""
    machines = Machines()
    balancer = machines.balancer()
    done: list[str] = []
    stop = asyncio.Event()

    async def load(number: int, client: httpx.AsyncClient) -> None:
        turn = 0
        while not stop.is_set():
            body = f"{number}.{turn}"
            response = await client.post("/", content=body.encode())
            lines = response.text.splitlines()
            assert response.status_code == 200, response.text
            served_by = lines[0].split()[0]
            assert lines == [f"{served_by} {body} {n}" for n in range(PIECES)]
            done.append(served_by)
            turn += 1

    def served_all(name: str) -> bool:
        return done.count(name) >= CLIENTS

    def drained(name: str) -> bool:
        return balancer.in_flight(name) == 0

    async with edge(machines, balancer) as client, contextlib.AsyncExitStack() as running:
        old = await running.enter_async_context(contextlib.AsyncExitStack())
        machines.add("m0", await old.enter_async_context(asgi(streaming("m0"))))
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(load(number, client))
            for swap in range(1, SWAPS + 1):
                before, name = f"m{swap - 1}", f"m{swap}"
                await wait_until(partial(served_all, before))
                new = await running.enter_async_context(contextlib.AsyncExitStack())
                machines.add(name, await new.enter_async_context(asgi(streaming(name))))
                machines.records[before].cordoned = True
                await wait_until(partial(drained, before))
                await old.aclose()
                old = new
            await wait_until(partial(served_all, f"m{SWAPS}"))
            stop.set()
    assert set(done) == {f"m{swap}" for swap in range(SWAPS + 1)}
