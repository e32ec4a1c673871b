"""Host names of an app, each with a certificate, as Pulumi resources."""

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.adoption import Adoption
from components.provider import FlyProvider, Made, Properties, Seen, report

if TYPE_CHECKING:
    from fly.api import FlyApi
    from fly.certificates import Certificate as FlyCertificate


class CertificateProvider(FlyProvider):
    """Adds host names and removes them.

    Nobody waits for a certificate: it comes when the owner of the name has set the DNS records,
    which may be days later, and a release needs none of it.
    """

    computed: ClassVar[tuple[str, ...]] = ("dns_records",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "hostname")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Add the host name, or take the one that the app already has."""
        app, hostname = inputs["app"], inputs["hostname"]
        found = api.certificates.find(app, hostname) or api.certificates.create(app, hostname)
        if not found.configured:
            report(f"{hostname}: the certificate waits for its DNS records (`gateway status`)")
        return Made(f"{app}/{hostname}", _computed(found))

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Take over the host name that the app has."""
        app, hostname = inputs["app"], inputs["hostname"]
        order.need_app(app)
        found = api.certificates.find(app, hostname)
        order.need_hostname(hostname, found=found is not None)
        return Made(f"{app}/{hostname}", _computed(found) if found else {})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Nothing of a host name changes in place."""
        return Made(id_, {"dns_records": before["dns_records"]})

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Look for the host name, and what DNS records it needs by now."""
        found = api.certificates.find(outputs["app"], outputs["hostname"])
        return None if found is None else Seen({}, _computed(found))

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Remove the host name; its DNS records are the owner's."""
        api.certificates.delete(outputs["app"], outputs["hostname"])


class Certificate(Resource, module="fly", name="Certificate"):
    """A host name under which an app answers; `dns_records` are those that its owner sets."""

    hostname: pulumi.Output[str]
    dns_records: pulumi.Output[list[dict[str, str]]]

    def __init__(
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        hostname: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {"app": app, "hostname": hostname, "dns_records": None}
        super().__init__(CertificateProvider(), resource_name, properties, opts)


def _computed(found: "FlyCertificate") -> Properties:
    return {"dns_records": [record.as_json() for record in found.records]}
