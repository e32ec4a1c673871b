"""Fly volumes as Pulumi resources; a volume outlives its machine and is found again by name."""

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.provider import FlyProvider, Made, Properties, Seen

if TYPE_CHECKING:
    from fly.api import FlyApi

GONE = frozenset({"destroyed", "destroying", "pending_destroy"})


class VolumeProvider(FlyProvider):
    """Creates a volume once per app, name and region."""

    computed: ClassVar[tuple[str, ...]] = ("volume_id",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "name", "region")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the volume, or take over the one of this name: it may hold data."""
        app = inputs["app"]
        have = next(
            (
                volume
                for volume in api.volumes.list(app)
                if volume.name == inputs["name"]
                and volume.region == inputs["region"]
                and volume.state not in GONE
            ),
            None,
        )
        volume = have or api.volumes.create(
            app, name=inputs["name"], region=inputs["region"], size_gb=inputs["size_gb"]
        )
        return Made(volume.id, {"volume_id": volume.id})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Refuse: a volume grows by `fly volumes extend` and never shrinks."""
        raise ValueError(
            f"app {inputs['app']}, volume {id_}: size {before['size_gb']} GB is to become "
            f"{inputs['size_gb']} GB\n"
            "  this project does not resize volumes that hold data\n"
            f"  run `fly volumes extend {id_} --size {inputs['size_gb']} -a {inputs['app']}`, "
            "then `pulumi up` again"
        )

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Read name, region and size."""
        volume = next((v for v in api.volumes.list(outputs["app"]) if v.id == id_), None)
        if volume is None or volume.state in GONE:
            return None
        seen = {"name": volume.name, "region": volume.region, "size_gb": volume.size_gb}
        return Seen(seen, {"volume_id": volume.id})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Delete the volume and what it holds."""
        api.volumes.delete(outputs["app"], id_)


class Volume(Resource, module="fly", name="Volume"):
    """A volume; on live it is protected and retained by the caller's options."""

    volume_id: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        name: str,
        region: str,
        size_gb: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "app": app,
            "name": name,
            "region": region,
            "size_gb": size_gb,
            "volume_id": None,
        }
        super().__init__(VolumeProvider(), resource_name, properties, opts)
