"""What every dynamic provider here shares: the API client, canonical numbers, the read contract."""

import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from components.adoption import Adoption, AdoptionError, ordered
from components.engine_watch import EngineWatch, ancestors
from fly.errors import FlyNotFound

if TYPE_CHECKING:
    from fly.api import FlyApi

PROVIDER_KEY = "__provider"

Properties = dict[str, Any]
Result = TypeVar("Result")


class DefectError(Exception):
    """Something that cannot happen did; the text holds where."""


@dataclass(frozen=True, slots=True)
class Made:
    """What creating or updating left: the resource's id and what only the platform decides."""

    id: str
    computed: Properties


@dataclass(frozen=True, slots=True)
class Seen:
    """What is really there: inputs in canonical form, and what only the platform decides."""

    inputs: Properties
    computed: Properties


class FlyProvider(ResourceProvider):
    """A provider whose `read` returns outputs and inputs, so that drift shows property by property.

    Subclasses implement `make`, `change`, `look` and `remove`. They hold no state: the engine
    pickles the instance, and a class in an importable module pickles by name only. Credentials
    come from the environment. `computed` names the outputs that are not inputs; `replaced_by`
    the inputs that cannot change in place.
    """

    serialize_as_secret_always = False
    computed: ClassVar[tuple[str, ...]] = ()
    replaced_by: ClassVar[tuple[str, ...]] = ()

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the resource, or take over the one that an interrupted run left."""
        raise NotImplementedError

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Take over what is there, as it is; raises `AdoptionError` and never makes anything."""
        raise AdoptionError(
            f"adopt: a {type(self).__name__.removesuffix('Provider')} cannot be taken over; "
            f"nothing was made beside {order.app}"
        )

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Bring the resource to the inputs; `before` holds its outputs until now."""
        raise NotImplementedError

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Return what is really there; None only when the platform says it does not exist.

        A `FlyNotFound` says the same.
        """
        raise NotImplementedError

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Delete the resource; one that is gone already (`FlyNotFound`) is no error."""
        raise NotImplementedError

    def create(self, props: Properties) -> CreateResult:
        """Answer the engine's Create."""
        inputs, order = _plain(props), ordered(os.environ)
        made = _with_api(
            lambda api: self.make(api, inputs) if order is None else self.adopt(api, inputs, order)
        )
        return CreateResult(made.id, {**inputs, **made.computed})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> UpdateResult:
        """Answer the engine's Update; in an adoption it finds what an interrupted one had taken."""
        inputs, before, order = _plain(_news), _plain(_olds), ordered(os.environ)
        made = _with_api(
            lambda api: (
                self.change(api, _id, before, inputs)
                if order is None
                else self.adopt(api, inputs, order)
            )
        )
        return UpdateResult({**inputs, **made.computed})

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Answer the engine's Read; an empty id says that the resource is gone."""
        outputs = _plain(props)
        try:
            seen = _with_api(lambda api: self.look(api, id_, outputs))
        except FlyNotFound:
            seen = None
        if seen is None:
            return ReadResult("", {})
        recorded = {key: value for key, value in outputs.items() if key not in self.computed}
        inputs = {**recorded, **seen.inputs}
        return ReadResult(id_, {**outputs, **inputs, **seen.computed}, inputs=inputs)

    def delete(self, _id: str, _props: Properties) -> None:
        """Answer the engine's Delete, which no adoption may lead to."""
        if ordered(os.environ) is not None:
            raise AdoptionError(f"adopt: {_id} would be deleted; nothing was touched")
        with suppress(FlyNotFound):
            _with_api(lambda api: self.remove(api, _id, _plain(_props)))

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Say what forces a replacement; the engine itself compares the rest."""
        replaces = [key for key in self.replaced_by if _olds.get(key) != _news.get(key)]
        return DiffResult(replaces=replaces or None, delete_before_replace=bool(replaces))


def lease_holder() -> str:
    """Describe our leases by the machine that runs the engine.

    A run that was killed leaves its leases; the next run on the same machine recognises them.
    """
    return f"gateway on {socket.gethostname()}"


def report(text: str) -> None:
    """Show progress: the engine prints what a provider's process writes to standard output."""
    # One write a line: several resources report at once.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _with_api(act: "Callable[[FlyApi], Result]") -> Result:
    try:
        return act(shared_api())
    except AssertionError as error:
        # The engine prints nothing but the text, and an assertion's text is often empty.
        raise DefectError(f"a defect of this project: {traceback.format_exc()}") from error


@lru_cache(maxsize=1)
def shared_api() -> "FlyApi":
    """Return this process' one client: connections are reused, and limits are kept together.

    A provider's process serves one engine, in four threads, and ends with it.
    """
    from fly.api import FlyApi  # noqa: PLC0415 (httpx costs 0.15 s, which a program never needs)

    engine = EngineWatch(ancestors)
    engine.start(os._exit)
    return FlyApi.from_environment(os.environ, guard=engine.guard)


def _plain(properties: Mapping[str, Any]) -> Properties:
    """Return the properties without the engine's key and with whole numbers as int."""
    return {key: _whole(value) for key, value in properties.items() if key != PROVIDER_KEY}


def _whole(value: Any) -> Any:
    """Undo what the wire does: every number arrives as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value
