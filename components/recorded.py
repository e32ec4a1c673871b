"""What Pulumi's state says was applied last, read from an export in which secrets stay closed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from components.declared import DECLARED
from components.provider import PROVIDER_KEY

DYNAMIC = "pulumi-python:dynamic/fly:"  # what the engine calls the resources of this project
_SIGNATURE = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a value that is not plain


class Closed(Enum):
    """What stands in the place of a secret: it is never asked for."""

    SECRET = "(secret)"  # noqa: S105 - the word that is shown

    def __repr__(self) -> str:
        return self.value


SECRET: Final = Closed.SECRET


@dataclass(frozen=True, slots=True)
class Recorded:
    """One resource of the state; `kind` is the class it was declared with, `Release` or `App`."""

    name: str
    kind: str
    id: str
    inputs: Mapping[str, Any] = field(repr=False)
    outputs: Mapping[str, Any] = field(repr=False)


def read_export(export: Mapping[str, Any]) -> tuple[Recorded, ...]:
    """Return the project's resources of a `pulumi stack export`, in its order.

    What an interrupted replacement left for deletion is not one of them.
    """
    deployment = export.get("deployment") or {}
    rows: Iterable[Mapping[str, Any]] = deployment.get("resources") or ()
    return tuple(
        Recorded(
            name=str(row["urn"]).rpartition("::")[2],
            kind=str(row["type"]).removeprefix(DYNAMIC),
            id=str(row.get("id", "")),
            inputs=_opened(row.get("inputs") or {}),
            outputs=_opened(row.get("outputs") or {}),
        )
        for row in rows
        if str(row["type"]).startswith(DYNAMIC) and not row.get("delete")
    )


def last_applied(recorded: Recorded) -> dict[str, Any]:
    """Return the inputs as they were last applied.

    A refresh takes what is there into the state, also that of a `pulumi up` that failed later.
    What a release was proven with and which secrets were set stays beside it, and holds here.
    """
    inputs = dict(recorded.inputs)
    applied, digests = recorded.outputs.get("applied"), recorded.outputs.get("digests")
    if recorded.kind == "Release" and isinstance(applied, Mapping):
        inputs["machines"] = dict.fromkeys(inputs.get("machines") or {}, applied)
    if recorded.kind == "Secrets" and isinstance(digests, Mapping):
        inputs["names"] = dict.fromkeys(sorted(digests), DECLARED)
    if "login" in inputs:
        inputs["login"] = DECLARED
    return inputs


def stack_outputs(export: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stack's outputs, of secrets only that they are there."""
    deployment = export.get("deployment") or {}
    for row in deployment.get("resources") or ():
        if row["type"] == "pulumi:pulumi:Stack":
            return _opened(row.get("outputs") or {})
    return {}


def plain_number(value: Any) -> Any:
    """Return a whole number as int: JSON written by the engine may say 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _opened(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(item) for key, item in properties.items() if key != PROVIDER_KEY}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SECRET if _SIGNATURE in value else {key: _value(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    return plain_number(value)
