"""A state export as an engine would have written it after `up`, made from the program itself."""

import copy
from collections.abc import Mapping
from typing import Any

from components.declared import DECLARED
from components.desired import desired
from components.recorded import DYNAMIC, SECRET, Recorded, read_export
from stacks.settings import Settings

CLOSED = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "ciphertext": "v1",
}
COMPUTED: Mapping[str, Any] = {
    "IpAssignment": {"address": "2a09::1"},
    "Volume": {"volume_id": "vol_1"},
    "DataMachine": {"machine_id": "d1"},
    "Database": {"connected": "connected"},
    "ManagedCluster": {
        "cluster_id": "c1",
        "pooled_host": "pgbouncer.c1.flympg.net",
        "pooled_port": 5432,
        "direct_host": "direct.c1.flympg.net",
        "direct_port": 5432,
    },
    "ManagedUser": {"password": CLOSED},
}


def export_of(settings: Settings) -> dict[str, Any]:
    """Return a state in which everything that the settings want was applied."""
    recorded: tuple[Recorded, ...] = ()
    rows: list[dict[str, Any]] = []
    for _ in range(2):  # the second time with the ids that the first one made
        rows = [_row(each.kind, each.name, each.inputs) for each in desired(settings, recorded)]
        recorded = read_export({"deployment": {"resources": rows}})
    return {"deployment": {"resources": rows}}


def _row(kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: _closed(value) for key, value in inputs.items() if value is not None}
    outputs = {**kept, **copy.deepcopy(COMPUTED.get(kind, {}))}
    if kind == "Secrets":
        names = inputs["names"]
        outputs |= {"version": 1, "digests": {key: f"digest-of-{key}" for key in names}}
        kept["names"] = dict.fromkeys(names, DECLARED)
    if kind == "Release":
        slots = list(inputs["machines"])
        outputs |= {
            "machine_ids": [f"m-{slot}" for slot in slots],
            "applied": inputs["machines"][slots[0]],
            "image_digest": "sha256:" + "ab" * 32,
        }
    if kind == "GeneratedSecret":
        outputs["value"] = CLOSED
    return {
        "urn": f"urn:pulumi:dev::gateway::{DYNAMIC}{kind}::{name}",
        "type": f"{DYNAMIC}{kind}",
        "id": _id(kind, inputs),
        "inputs": kept,
        "outputs": outputs,
    }


def _id(kind: str, inputs: Mapping[str, Any]) -> str:
    app = inputs.get("app", inputs.get("name", ""))
    return {"Volume": "vol_1", "App": str(app)}.get(kind, f"{app}/{kind.lower()}")


def _closed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _closed(item) for key, item in value.items()}
    return CLOSED if value is SECRET else value
