"""Health checks as machine configurations write them, and one evaluation of each kind.

The sandbox polls faster than it is told, so that a rehearsal is quick: every `EAGER_S` until a
check passed for the first time (and while a script sets the results), then at the configured
interval but at least every `LAZY_S`. A TLS check (`protocol: https`) is critical: the sandbox
has no certificates.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.durations import seconds
from sandbox.upstream import BrokenError, Head, RefusedError, get

EAGER_S = 0.25
LAZY_S = 2.0
OUTPUT_BYTES = 1024  # of an answer's body, kept as the check's output
PASSING, WARNING, CRITICAL = "passing", "warning", "critical"
_INTERVAL_S, _TIMEOUT_S = 15.0, 10.0  # when the configuration names none


@dataclass(frozen=True, slots=True)
class Check:
    """One configured check.

    `gates` is True for those of services: they decide whether the machine gets traffic.
    A `hidden` check stands in for a service without any and is not reported.
    """

    name: str
    kind: str
    port: int
    gates: bool
    interval_s: float
    timeout_s: float
    grace_s: float
    method: str = "GET"
    path: str = "/"
    tls: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    hidden: bool = False

    def delay_s(self, *, eager: bool) -> float:
        """Return the seconds between two evaluations."""
        return min(self.interval_s, EAGER_S if eager else LAZY_S)


@dataclass(frozen=True, slots=True)
class Result:
    """What one evaluation found."""

    status: str
    output: str


@dataclass(slots=True)
class Script:
    """Results that a test dictates: each check takes one step an evaluation, then `always`."""

    steps: tuple[str, ...] = ()
    always: str | None = None
    taken: Counter[str] = field(default_factory=Counter)

    def next(self, check: str) -> str | None:
        """Return the status dictated to the check of this name, None when the real one counts."""
        position = self.taken[check]
        self.taken[check] += 1
        return self.steps[position] if position < len(self.steps) else self.always


def checks_of(config: Mapping[str, Any]) -> tuple[Check, ...]:
    """Return a configuration's checks, services' first, in the order and by the names of Fly.

    A service's check is called `servicecheck-00-http-4000`, counted over the machine; a
    top-level one by its key. A service without checks gets a hidden one that connects.
    """
    found: list[Check] = []
    hidden: list[Check] = []
    for service in config.get("services") or []:
        port = int(service.get("internal_port") or 0)
        definitions = service.get("checks") or []
        for definition in definitions:
            kind = _kind(definition)
            name = f"servicecheck-{len(found):02d}-{kind}-{definition.get('port') or port}"
            found.append(_check(name, definition, port, gates=True))
        if not definitions and port and service.get("protocol", "tcp") == "tcp":
            hidden.append(_check(f"listens-{port}", {"type": "tcp"}, port, gates=True, hidden=True))
    top = config.get("checks") or {}
    found += [_check(name, top[name], 0, gates=False) for name in sorted(top)]
    return (*found, *hidden)


async def evaluate(check: Check, address: str) -> Result:
    """Ask the machine at `address` once; every way to fail is `critical` with its reason."""
    try:
        async with asyncio.timeout(check.timeout_s):
            return await (_http(check, address) if check.kind == "http" else _tcp(check, address))
    except TimeoutError:
        return Result(CRITICAL, f"no answer within {check.timeout_s:g} s")
    except RefusedError as error:
        return Result(CRITICAL, f"connect: {error}")
    except BrokenError as error:
        return Result(CRITICAL, str(error))


def _kind(definition: Mapping[str, Any]) -> str:
    kind = definition.get("type") or ("http" if definition.get("path") else "tcp")
    return str(kind).lower()


def _check(
    name: str, definition: Mapping[str, Any], port: int, *, gates: bool, hidden: bool = False
) -> Check:
    headers = [
        (str(header.get("name", "")), str(value))
        for header in definition.get("headers") or []
        for value in header.get("values") or []
    ]
    return Check(
        name=name,
        kind=_kind(definition),
        port=int(definition.get("port") or port),
        gates=gates,
        interval_s=_seconds(definition.get("interval"), _INTERVAL_S),
        timeout_s=_seconds(definition.get("timeout"), _TIMEOUT_S),
        grace_s=_seconds(definition.get("grace_period"), 0.0),
        method=str(definition.get("method") or "GET").upper(),
        path=str(definition.get("path") or "/"),
        tls=str(definition.get("protocol") or "http").lower() == "https",
        headers=tuple(headers),
        hidden=hidden,
    )


def _seconds(value: object, default: float) -> float:
    """Read a duration; what is none at all counts as absent (the API refuses it, or took it)."""
    try:
        return seconds(value) or default
    except ValueError:
        return default


async def _http(check: Check, address: str) -> Result:
    if check.tls:
        return Result(CRITICAL, "the sandbox has no TLS: a check over https cannot pass here")
    named = {name.lower() for name, _ in check.headers}
    headers = [(name.encode(), value.encode()) for name, value in check.headers]
    if "host" not in named:
        headers.insert(0, (b"host", f"{address}:{check.port}".encode()))
    headers.append((b"connection", b"close"))
    head = Head(check.method.encode(), check.path.encode(), headers)
    status, body = await get(address, check.port, head, limit=OUTPUT_BYTES)
    text = body.decode(errors="replace")
    return Result(PASSING if 200 <= status < 300 else CRITICAL, text or f"HTTP {status}")  # noqa: PLR2004 - the 2xx


async def _tcp(check: Check, address: str) -> Result:
    try:
        _, writer = await asyncio.open_connection(address, check.port)
    except OSError as error:
        return Result(CRITICAL, f"connect: {error}")
    writer.transport.abort()
    return Result(PASSING, "Success")
