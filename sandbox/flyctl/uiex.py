"""Fly's third API, which flyctl calls uiex: organisations, builds, releases and logs."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, read_object, rejected
from sandbox.flyctl.fields import USER, organization_json
from sandbox.records import ReleaseRecord

STATUSES = frozenset({"pending", "running", "complete", "failed", "interrupted"})
LISTED = 20  # releases in a list that names no limit


async def organization(context: Context, request: Request) -> Response:
    """Show an organisation; one exists as soon as an app names it."""
    slug = request.path_params["organization"]
    shown = organization_json(context, slug)
    if shown is None:
        raise ApiError(404, "organization not found", code="not_found")
    row = {
        "id": slug,
        "internal_numeric_id": shown["internal_numeric_id"],  # a number, or flyctl gives up
        "slug": slug,
        "raw_slug": slug,
        "name": shown["name"],
        "paid_plan": True,
        "personal": False,
        "billable": True,
        "billing_status": "CURRENT",
        "provisions_beta_extensions": False,
        "remote_builder_image": "",
    }
    return JSONResponse({"organization": row})


async def start_build(context: Context, request: Request) -> Response:
    """Give a build its number; nothing is built here."""
    await read_object(request)
    context.state.builds += 1
    context.state.save()
    return JSONResponse({"id": context.state.builds, "status": "started", "wallclock_time_ms": 0})


async def finish_build(context: Context, request: Request) -> Response:
    """Take note that a build has ended."""
    number = (await read_object(request)).get("build_id")
    if not isinstance(number, int) or not 1 <= number <= context.state.builds:
        raise ApiError(404, f"build {number!r} not found", code="not_found")
    return JSONResponse({"id": number, "status": "completed", "wallclock_time_ms": 0})


async def create_release(context: Context, request: Request) -> Response:
    """Record a release of an app as pending, under its next version."""
    body = await read_object(request)
    name, image, definition = body.get("app_name"), body.get("image"), body.get("definition")
    if name not in context.state.apps:
        raise ApiError(404, "app not found", code="not_found")
    if not isinstance(image, str) or not image:
        raise rejected("image is missing")
    if not isinstance(definition, dict):
        raise rejected("definition is missing")
    release = context.state.add_release(
        id_=context.lifecycle.ids.token(),
        app=str(name),
        image=image,
        strategy=str(body.get("strategy") or "ROLLING"),
        definition=definition,
        created_at=context.lifecycle.now(),
    )
    context.state.save()
    return JSONResponse({"release": release_json(release)}, 201)


async def update_release(context: Context, request: Request) -> Response:
    """Change a release's status and metadata."""
    release = context.state.releases.get(request.path_params["release"])
    if release is None:
        raise ApiError(404, "release not found", code="not_found")
    body = await read_object(request)
    status, metadata = body.get("status"), body.get("metadata")
    if status not in STATUSES:
        raise rejected(f"status {status!r} is none of {', '.join(sorted(STATUSES))}")
    release.status = str(status)
    if isinstance(metadata, dict):
        release.metadata = metadata
    context.state.save()
    return JSONResponse(release_json(release))


async def list_releases(context: Context, request: Request) -> Response:
    """List an app's releases, newest first; `limit` is 20 unless given."""
    limit = request.query_params.get("limit", str(LISTED))
    if not limit.isdecimal():
        raise rejected(f"limit {limit!r} is not a number")
    releases = context.state.releases_of(context.app(request).name)
    return JSONResponse({"releases": [release_json(row) for row in releases[: int(limit)]]})


async def current_release(context: Context, request: Request) -> Response:
    """Show an app's newest release; 404 when it has none."""
    releases = context.state.releases_of(context.app(request).name)
    if not releases:
        raise ApiError(404, "release not found", code="not_found")
    return JSONResponse(release_json(releases[0]))


async def logs(context: Context, request: Request) -> Response:
    """Answer without a line: what machines write lies in the sandbox's home directory."""
    context.app(request)
    return JSONResponse({"data": [], "meta": {"next_token": ""}})


def release_json(release: ReleaseRecord) -> dict[str, Any]:
    """Show a release, without its definition."""
    return {
        "id": release.id,
        "version": release.version,
        "stable": release.stable,
        "in_progress": release.in_progress,
        "status": release.status,
        "strategy": release.strategy,
        "user": USER["email"],
        "created_at": release.created_at,
        "image_ref": release.image,
        "metadata": release.metadata,
    }


ENDPOINTS = (
    Endpoint("GET", "/api/v1/organizations/{organization}", organization),
    Endpoint("POST", "/api/v1/builds", start_build),
    Endpoint("POST", "/api/v1/builds/finish", finish_build),
    Endpoint("POST", "/api/v1/releases", create_release),
    Endpoint("PATCH", "/api/v1/releases/{release}", update_release),
    Endpoint("GET", "/api/v1/apps/{app}/releases", list_releases),
    Endpoint("GET", "/api/v1/apps/{app}/releases/current", current_release),
    Endpoint("GET", "/api/v1/apps/{app}/logs", logs),
)
