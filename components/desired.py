"""What the program would apply with today's settings: the program itself, run beside the engine.

Pulumi's own recording monitor takes the place of the engine, so that this can never say anything
but what `pulumi up` would. What only the platform decides (ids, versions) is answered from the
state; a secret is a word that stands for it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import pulumi
import pulumi.runtime
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from components.gateway import Gateway
from components.provider import PROVIDER_KEY, DefectError
from components.recorded import DYNAMIC, SECRET, Recorded, plain_number
from stacks.config_file import PROJECT
from stacks.settings import Settings

STAND_IN = "stands-for-a-secret"
NAME = "gateway"  # what __main__.py calls the component

_ALONE = Lock()  # two programs at a time answer each other's calls, and wait for ever


@dataclass(frozen=True, slots=True)
class Desired:
    """One resource as the program declares it; of secrets only that they are there."""

    name: str
    kind: str
    inputs: Mapping[str, Any] = field(repr=False)


def desired(settings: Settings, recorded: Iterable[Recorded]) -> tuple[Desired, ...]:
    """Run the program with these settings and return what it declares, sorted by name.

    Takes Pulumi's runtime of this process for itself while it runs; a second thread waits for it.
    """
    monitor = _Recorder({(each.kind, each.name): each for each in recorded})

    def program() -> None:
        Gateway(NAME, settings, lambda _name: pulumi.Output.secret(STAND_IN))

    run: Callable[[], None] = cast("Any", pulumi.runtime.test)(program)
    with _ALONE, event_loops():
        pulumi.runtime.set_mocks(monitor, PROJECT, settings.environment, preview=False)
        run()
    return tuple(sorted(monitor.declared, key=lambda each: each.name))


@contextmanager
def event_loops() -> Iterator[None]:
    """Give Pulumi's runner an event loop here, and one in the thread where it answers resources.

    It would make both by itself and leave them open.
    """
    loops = [asyncio.new_event_loop()]

    def begin_thread() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    with ThreadPoolExecutor(1, initializer=begin_thread) as answering:
        loops[0].set_default_executor(answering)
        asyncio.set_event_loop(loops[0])
        try:
            yield
        finally:
            asyncio.set_event_loop(None)
    for loop in loops:
        loop.close()


class _Recorder(Mocks):
    """Writes down every resource and answers as the platform did when it was applied."""

    def __init__(self, recorded: Mapping[tuple[str, str], Recorded]) -> None:
        self._recorded = recorded
        self.declared: list[Desired] = []

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        """Answer a function of a provider: the program calls none."""
        raise DefectError(f"the program asks {args.token}, and nothing here answers for it")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Take a resource down and return its id and outputs."""
        if not args.typ.startswith(DYNAMIC):
            return "", dict(args.inputs)
        kind = args.typ.removeprefix(DYNAMIC)
        inputs = {k: _plain(v) for k, v in args.inputs.items() if k != PROVIDER_KEY}
        self.declared.append(Desired(args.name, kind, inputs))
        told = {k: v for k, v in args.inputs.items() if k != PROVIDER_KEY}
        known = self._recorded.get((kind, args.name))
        if known is None:
            return "", {**told, **_UNKNOWN.get(kind, {})}
        computed = {key: _stand_in(value) for key, value in known.outputs.items()}
        return known.id, {**computed, **told}


# What a resource that was never made answers: something of the right type, for the program to run.
_UNKNOWN: dict[str, dict[str, Any]] = {
    "GeneratedSecret": {"value": STAND_IN},
    "IpAssignment": {"address": ""},
    "Certificate": {"dns_records": []},
    "Secrets": {"version": 0, "digests": {}},
    "Volume": {"volume_id": ""},
    "DataMachine": {"machine_id": ""},
    "Database": {"connected": ""},
    "ExistingDatabase": {"connected": ""},
    "ManagedCluster": {
        "cluster_id": "",
        "pooled_host": "pgbouncer",
        "pooled_port": 5432,
        "direct_host": "direct",
        "direct_port": 5432,
    },
    "ManagedUser": {"password": STAND_IN},
    "Release": {
        "machine_ids": [],
        "image_digest": "",
        "verdict": "",
        "proven_at": "",
        "evidence_digest": "",
        "evidence_file": "",
        "edges": [],
    },
}


def _stand_in(value: Any) -> Any:
    if value is SECRET:
        return STAND_IN
    if isinstance(value, Mapping):
        return {key: _stand_in(item) for key, item in value.items()}
    return value


def _plain(value: Any) -> Any:
    """Undo what Pulumi's wire does: numbers are floats there, and secrets are wrapped."""
    if pulumi.runtime.rpc.is_rpc_secret(value):
        return SECRET
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return plain_number(value)
