"""How much each machine has in flight, and whose turn it is; shared by the edge and flycast."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.interfaces import MachineRecord
from sandbox.routing import Candidate, Endpoint, choose

QUEUE_S = 30.0  # for a place at machines that are all at their hard limit
ABSENCE_S = 5.0  # for a machine that may take traffic at all
_LOOK_S = 0.05  # how often a waiting request looks again


@dataclass(frozen=True, slots=True)
class Slot:
    """A place at a machine, to be given back with `Balancer.release`."""

    machine_id: str
    address: str
    port: int
    region: str


class NoMachineError(Exception):
    """No machine took the request in time; the text says what was in the way."""


class Balancer:
    """Hands out places at machines that are started, uncordoned and routable.

    `machines` lists an app's records. Requests and connections count alike, whatever the type
    of the service's concurrency.
    """

    def __init__(
        self,
        machines: Callable[[str], Iterable[MachineRecord]],
        routable: Callable[[str], bool],
        *,
        queue_s: float = QUEUE_S,
        absence_s: float = ABSENCE_S,
    ) -> None:
        self._machines = machines
        self._routable = routable
        self._queue_s = queue_s
        self.absence_s = absence_s
        self._in_flight: Counter[str] = Counter()
        self._last_used: dict[str, int] = {}
        self._turns = itertools.count(1)

    async def acquire(
        self,
        app: str,
        endpoint: Callable[[Mapping[str, Any]], Endpoint | None],
        refused: Collection[str] = (),
    ) -> Slot:
        """Take a place at a machine of `app`; `endpoint` finds the service in a configuration.

        `refused` names machines that just refused a connection: another one is preferred, and
        they get a moment before they are tried again. Raises `NoMachineError` after waiting
        for a machine, or for a free place at one.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        paused = not refused
        while True:
            candidates = self._candidates(app, endpoint)
            willing = [c for c in candidates if c.machine_id not in refused]
            chosen = choose(willing or (candidates if paused else ()))
            if chosen is not None:
                return self._take(chosen)
            waited = loop.time() - began
            if waited >= (self._queue_s if candidates else self.absence_s):
                if candidates:
                    raise NoMachineError(f"every machine of {app} is at its hard limit")
                raise NoMachineError(
                    f"no machine of {app} is started, uncordoned and passing its checks"
                )
            await asyncio.sleep(_LOOK_S)
            paused = True

    def release(self, slot: Slot) -> None:
        """Give a place back; once."""
        self._in_flight[slot.machine_id] -= 1
        if self._in_flight[slot.machine_id] <= 0:
            del self._in_flight[slot.machine_id]

    def in_flight(self, machine_id: str) -> int:
        """Return how many requests and connections a machine has at the moment."""
        return self._in_flight[machine_id]

    def _candidates(
        self, app: str, endpoint: Callable[[Mapping[str, Any]], Endpoint | None]
    ) -> list[Candidate]:
        found = []
        for machine in self._machines(app):
            service = endpoint(machine.config)
            if machine.state != "started" or machine.cordoned or service is None:
                continue
            if self._routable(machine.id):
                load, used = self._in_flight[machine.id], self._last_used.get(machine.id, 0)
                found.append(
                    Candidate(machine.id, machine.address, machine.region, service, load, used)
                )
        return found

    def _take(self, chosen: Candidate) -> Slot:
        self._in_flight[chosen.machine_id] += 1
        self._last_used[chosen.machine_id] = next(self._turns)
        return Slot(chosen.machine_id, chosen.address, chosen.endpoint.port, chosen.region)
