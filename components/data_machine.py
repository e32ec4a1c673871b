"""The one machine behind a Postgres or a Redis app, as a Pulumi resource."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.provider import FlyProvider, Made, Properties, Seen, lease_holder, report
from fly.canonical import canonical
from fly.data_machine import DataMachineSpec, ensure, find, release
from fly.release import SECRETS_KEY

if TYPE_CHECKING:
    from fly.api import FlyApi


class DataMachineProvider(FlyProvider):
    """Keeps one machine per app and name on its configuration, in place, under a lease."""

    computed: ClassVar[tuple[str, ...]] = ("machine_id",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "name", "region")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the machine and wait for its checks; one of this name is taken over."""
        machine = ensure(
            api, _spec(inputs), progress=report, clock=time.monotonic, sleep=time.sleep
        )
        return Made(machine.id, {"machine_id": machine.id})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Replace the whole configuration in place and wait for the checks."""
        return self.make(api, inputs)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Read the configuration in canonical form."""
        machine = find(api, outputs["app"], outputs["name"])
        if machine is None:
            return None
        seen = {
            "config": canonical(machine.config),
            "secrets_version": int(machine.metadata.get(SECRETS_KEY, "0")),
        }
        return Seen(seen, {"machine_id": machine.id})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Stop the machine by its own kill signal, then destroy it; its volume stays."""
        release(
            api,
            outputs["app"],
            outputs["name"],
            holder=lease_holder(),
            clock=time.monotonic,
            sleep=time.sleep,
        )


class DataMachine(Resource, module="fly", name="DataMachine"):
    """A single machine with a volume; `config` is a machine configuration in canonical form."""

    machine_id: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        name: str,
        region: str,
        config: pulumi.Input[Mapping[str, Any]],
        secrets_version: pulumi.Input[int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "app": app,
            "name": name,
            "region": region,
            "config": config,
            "secrets_version": secrets_version,
            "machine_id": None,
        }
        super().__init__(DataMachineProvider(), resource_name, properties, opts)


def _spec(inputs: Properties) -> DataMachineSpec:
    return DataMachineSpec(
        app=inputs["app"],
        name=inputs["name"],
        region=inputs["region"],
        config=inputs["config"],
        secrets_version=inputs["secrets_version"],
        holder=lease_holder(),
    )
