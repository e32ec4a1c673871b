"""What the fields of Fly's GraphQL API say: apps, their releases, images and addresses.

Each table has a function for every field of a type. Sources: the queries in flyctl and fly-go
(v0.4.80 and v0.9.2), and fly-go's schema.graphql for which numbers go out as text.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sandbox.api.context import Context
from sandbox.api.present import app_json
from sandbox.interfaces import ImageError
from sandbox.records import AppRecord, IpRecord, ReleaseRecord

Arguments = Mapping[str, Any]
Fields = Mapping[str, Any]  # a value, or a function of the field's arguments
SIZE_BYTES = "123456789"  # of every image: nothing is downloaded here
USER = {"id": "client", "email": "client@sandbox", "name": "client"}


class NotFoundError(Exception):
    """What a query names does not exist."""


def root_fields(context: Context) -> Fields:
    """Give the fields of queries and mutations."""
    return {name: partial(answer, context) for name, answer in ROOT.items()}


def organization_json(context: Context, slug: str) -> dict[str, Any] | None:
    """Show an organisation; it exists as long as an app names it, otherwise None."""
    app = next((app for app in context.state.apps.values() if app.organization == slug), None)
    return app_json(context, app)["organization"] if app else None


def _find_app(context: Context, arguments: Arguments) -> AppRecord:
    app = context.state.apps.get(str(arguments.get("name")))
    if app is None:
        raise NotFoundError("Could not find App")
    return app


def _app(context: Context, arguments: Arguments) -> Fields:
    app = _find_app(context, arguments)
    return {name: partial(answer, context, app) for name, answer in APP.items()}


def _organization(context: Context, arguments: Arguments) -> Fields:
    shown = organization_json(context, str(arguments.get("slug")))
    if shown is None:
        raise NotFoundError("Could not find Organization")
    slug = shown["slug"]
    return {
        "id": slug,
        "internalNumericId": str(shown["internal_numeric_id"]),  # a BigInt
        "slug": slug,
        "rawSlug": slug,
        "name": shown["name"],
        "paidPlan": True,
    }


def _latest_image(_context: Context, arguments: Arguments) -> Fields:
    # Fly looks for newer versions of its own images alone; flyctl waits for these words.
    raise NotFoundError(f"Unknown repository: {arguments.get('image')}")


def _status(context: Context, app: AppRecord, _arguments: Arguments) -> str:
    return str(app_json(context, app)["status"])


def _image(context: Context, _app: AppRecord, arguments: Arguments) -> Fields | None:
    reference = str(arguments.get("ref"))
    try:
        digest = context.lifecycle.resolve(reference).reference.digest
    except ImageError:
        return None
    return {
        "id": digest,
        "digest": digest,
        "ref": reference,  # flyctl makes it the machines' config.image
        "compressedSizeFull": SIZE_BYTES,  # a BigInt
        "manifest": {},
    }


def _releases(
    context: Context, app: AppRecord, arguments: Arguments, *, unprocessed: bool
) -> Fields:
    releases = context.state.releases_of(app.name)
    rows = [_release(release) for release in releases if unprocessed or release.stable]
    return {"nodes": rows[: arguments.get("first")]}


def _current(
    context: Context, app: AppRecord, _arguments: Arguments, *, unprocessed: bool
) -> Fields | None:
    newest: list[Fields] = _releases(context, app, {"first": 1}, unprocessed=unprocessed)["nodes"]
    return newest[0] if newest else None


def _release(release: ReleaseRecord) -> Fields:
    return {
        "id": release.id,
        "version": release.version,
        "description": "Deploy image",
        "reason": "deploy",
        "status": release.status,
        "imageRef": release.image,
        "stable": release.stable,
        "inProgress": release.in_progress,
        "deploymentStrategy": release.strategy,
        "metadata": release.metadata,
        "user": USER,
        "createdAt": release.created_at,
        "configDefinition": release.definition,
    }


def _addresses(_context: Context, app: AppRecord, _arguments: Arguments) -> Fields:
    return {"nodes": [_ip(app, ip) for ip in app.ips if ip.type != "shared_v4"]}


def _shared_address(_context: Context, app: AppRecord, _arguments: Arguments) -> str:
    return next((ip.ip for ip in app.ips if ip.type == "shared_v4"), "")


def _ip(app: AppRecord, ip: IpRecord) -> Fields:
    organization = {"slug": app.organization}
    return {
        "id": ip.ip,
        "address": ip.ip,
        "type": ip.type,
        "region": ip.region,
        "createdAt": ip.created_at,
        "network": {"name": ip.network, "organization": organization} if ip.network else None,
        "serviceName": ip.service_name,
    }


def _machines(context: Context, app: AppRecord, _arguments: Arguments) -> Fields:
    machines = context.state.machines_of(app.name)
    return {"nodes": [{"id": m.id, "egressIpAddresses": {"nodes": []}} for m in machines]}


ROOT: Mapping[str, Callable[[Context, Arguments], Any]] = {
    "app": _app,
    "organization": _organization,
    "canPerformBluegreenDeployment": lambda context, arguments: bool(_find_app(context, arguments)),
    "latestImageDetails": _latest_image,
    "validateWireGuardPeers": lambda _context, _arguments: {"invalidPeerIps": []},
}
APP: Mapping[str, Callable[[Context, AppRecord, Arguments], Any]] = {
    "id": lambda _context, app, _: app.id,
    "internalNumericId": lambda _context, app, _: app.number,
    "name": lambda _context, app, _: app.name,
    "hostname": lambda _context, app, _: f"{app.name}.fly.dev",
    "cnameTarget": lambda _context, app, _: f"{app.name}.fly.dev",
    "appUrl": lambda _context, app, _: f"https://{app.name}.fly.dev" if app.has_public_ip else "",
    "network": lambda _context, app, _: app.network,
    "status": _status,
    "deployed": lambda context, app, _: _status(context, app, _) != "pending",
    "platformVersion": lambda _context, _app, _: "machines",
    "role": lambda _context, _app, _: None,
    "organization": lambda context, app, _: _organization(context, {"slug": app.organization}),
    "image": _image,
    "currentRelease": partial(_current, unprocessed=False),
    "currentReleaseUnprocessed": partial(_current, unprocessed=True),
    "releases": partial(_releases, unprocessed=False),
    "releasesUnprocessed": partial(_releases, unprocessed=True),
    "ipAddresses": _addresses,
    "sharedIpAddress": _shared_address,
    "egressIpAddresses": lambda _context, _app, _: {"nodes": []},
    "machines": _machines,
}
