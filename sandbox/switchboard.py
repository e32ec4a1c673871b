"""What the sandbox was told to do to its callers: faults, kills, rate limits; and what they did."""

import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MACHINE_PATH = re.compile(r"^/v1/apps/([^/]+)/machines/([^/]+)(?:/(.*))?$")
APP_PATH = re.compile(r"^/v1/apps/([^/]+)(?:/(.*))?$")
USUAL = (1.0, 3)  # requests a second and burst, per action and machine or app
GET_MACHINE = (5.0, 10)
DELETE_APP = (100 / 60, 100)

# `status` answers instead of the API; `late_status` lets the call take effect first.
ActionKind = Literal["status", "late_status", "timeout", "lost_reply", "latency"]


@dataclass(slots=True)
class Call:
    """A call of Fly's APIs; `status` is None while it runs and when the connection was dropped."""

    n: int
    method: str
    path: str
    query: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What a fault does to a call."""

    kind: ActionKind
    status: int = 500
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class Fault:
    """Strikes matching calls number `nth`, `nth` + 1, ... `times` of them (None: for ever)."""

    path: re.Pattern[str]
    action: Action
    method: str | None = None
    nth: int = 1
    times: int | None = 1
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Count the call if it matches, and say whether it is struck."""
        if self.method not in (None, method) or not self.path.search(path):
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)


@dataclass(slots=True)
class Kill:
    """SIGKILL for `pid` when `remaining` more calls have arrived."""

    pid: int
    remaining: int
    when: Literal["before", "after"]


class Switchboard:
    """The calls since the last reset, and everything that was ordered by control endpoints.

    `kill` is os.kill; `clock` counts seconds for the rate limits.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        kill: Callable[[int, int], None] = os.kill,
    ) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.kills: list[Kill] = []
        self.rate_limits = False
        self._clock = clock
        self._kill = kill
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}

    def arrive(self, method: str, path: str, query: str) -> Call:
        """Record a call on its arrival; its number is its place since the last reset."""
        call = Call(len(self.calls) + 1, method, path, query)
        self.calls.append(call)
        return call

    def due_kills(self) -> list[Kill]:
        """Count an arrival for every ordered kill and take out those whose call this is."""
        for kill in self.kills:
            kill.remaining -= 1
        due = [kill for kill in self.kills if kill.remaining <= 0]
        self.kills = [kill for kill in self.kills if kill.remaining > 0]
        return due

    def execute(self, kill: Kill) -> None:
        """Kill the process, which may be gone already."""
        try:
            self._kill(kill.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def strike(self, method: str, path: str) -> Action | None:
        """Let every fault count the call; return what the first that strikes does."""
        struck = [fault.action for fault in self.faults if fault.strikes(method, path)]
        return struck[0] if struck else None

    def limit_rates(self, *, enabled: bool) -> None:
        """Switch Fly's rate limits on or off; both begin with full buckets."""
        self.rate_limits = enabled
        self._buckets.clear()

    def allowed(self, method: str, path: str) -> bool:
        """Take a token from the bucket of this action on this machine or app."""
        if not self.rate_limits or not path.startswith("/v1/"):
            return True
        key, (rate, burst) = _action(method, path)
        now = self._clock()
        tokens, at = self._buckets.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - at) * rate)
        granted = tokens >= 1
        self._buckets[key] = (tokens - 1 if granted else tokens, now)
        return granted


def _action(method: str, path: str) -> tuple[tuple[str, ...], tuple[float, int]]:
    """Name the bucket a call draws from, with its rate and burst."""
    if match := MACHINE_PATH.match(path):
        app, machine, verb = match.groups()
        reads = method == "GET" and not verb
        return (method, verb or "", app, machine), GET_MACHINE if reads else USUAL
    if match := APP_PATH.match(path):
        app, rest = match.groups()
        if method == "DELETE" and not rest:
            return (method,), DELETE_APP
        return (method, rest or "", app), USUAL
    return (method, path), USUAL
