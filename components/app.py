"""Fly apps and their IP addresses as Pulumi resources."""

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.adoption import Adoption, AdoptionError
from components.provider import FlyProvider, Made, Properties, Seen
from fly.errors import FlyNameTaken

if TYPE_CHECKING:
    from fly.api import FlyApi


class AppProvider(FlyProvider):
    """Creates and deletes apps; an app holds nothing of its own that could drift."""

    replaced_by: ClassVar[tuple[str, ...]] = ("name", "organization")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the app; an empty one of the same name and organisation is an earlier try."""
        name = inputs["name"]
        try:
            api.apps.create(name, org_slug=inputs["organization"])
        except FlyNameTaken:
            if not _is_our_empty_app(api, name, inputs["organization"]):
                raise
        return Made(name, {})

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Take over the app of this name, if it is in this organisation."""
        name, organization = inputs["name"], inputs["organization"]
        order.need_app(name)
        app = api.apps.find(name)
        if app is None or app.organization not in {"", organization}:
            where = "is not there" if app is None else f"is in organisation {app.organization}"
            raise AdoptionError(f"adopt: app {name} {where}, not in {organization}")
        return Made(name, {})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Nothing of an app changes in place."""
        return Made(id_, {})

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Look whether the app still exists.

        Fly answers "not found" also to a token of another organisation: an app counts as gone
        only for a token that can list the organisation's apps.
        """
        app = api.apps.find(id_)
        if app is not None:
            return Seen({"name": app.name}, {})
        api.apps.list(outputs["organization"])
        return None

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Delete the app with everything in it."""
        api.apps.delete(id_)


def _is_our_empty_app(api: "FlyApi", name: str, organization: str) -> bool:
    """Tell an app that an interrupted run created from one that somebody uses."""
    app = api.apps.find(name)
    if app is None or app.organization not in {"", organization}:
        return False
    return not api.machines.list(name) and not api.secrets.list(name)


class App(Resource, module="fly", name="App"):
    """An app of an organisation."""

    name: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        organization: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {"name": name, "organization": organization}
        super().__init__(AppProvider(), resource_name, properties, opts)


class IpAssignmentProvider(FlyProvider):
    """Allocates one address of a type per app."""

    computed: ClassVar[tuple[str, ...]] = ("address",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "type")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Allocate the address, or take the one of this type that the app already has."""
        app, kind = inputs["app"], inputs["type"]
        have = next((ip for ip in api.ips.list(app) if ip.type == kind), None)
        ip = have or api.ips.create(app, kind)
        return Made(f"{app}/{kind}", {"address": ip.address})

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Take over the address of this type."""
        app, kind = inputs["app"], inputs["type"]
        order.need_app(app)
        return Made(f"{app}/{kind}", {"address": order.address(kind, api.ips.list(app))})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Nothing of an address changes in place."""
        return Made(id_, {"address": before["address"]})

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Look for the very address that was allocated."""
        address = outputs["address"]
        held = any(ip.address == address for ip in api.ips.list(outputs["app"]))
        return Seen({}, {"address": address}) if held else None

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Release the address."""
        api.ips.delete(outputs["app"], outputs["address"])


class IpAssignment(Resource, module="fly", name="IpAssignment"):
    """An address of an app: `v6` and `shared_v4` are public, `private_v6` is flycast."""

    address: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        type: str,  # noqa: A002 - Fly's own word
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {"app": app, "type": type, "address": None}
        super().__init__(IpAssignmentProvider(), resource_name, properties, opts)
