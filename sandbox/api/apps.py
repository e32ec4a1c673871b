"""Apps: create, list, show, delete."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, read_object, rejected
from sandbox.api.present import app_json
from sandbox.api.rules import LABEL

DESTROY_S = 60.0  # a killed process is gone in milliseconds


async def create(context: Context, request: Request) -> Response:
    """Create an app; 422 with status name_taken when the name is in use."""
    body = await read_object(request)
    name = body.get("app_name") or body.get("name")
    organization = body.get("org_slug")
    if not isinstance(name, str) or not LABEL.match(name):
        raise rejected(f"name {name!r}: lower-case letters, digits and hyphens, at most 63")
    if not isinstance(organization, str) or not organization:
        raise rejected("org_slug is missing")
    if name in context.state.apps:
        raise ApiError(422, "Name has already been taken", code="name_taken")
    app = context.state.add_app(
        id_=context.lifecycle.ids.token(),
        name=name,
        organization=organization,
        network=str(body.get("network") or ""),
        created_at=context.lifecycle.now(),
    )
    context.state.save()
    return JSONResponse({"id": app.id, "created_at": app.created_at}, 201)


async def list_(context: Context, request: Request) -> Response:
    """List the apps of an organisation; `org_slug` is required."""
    organization = request.query_params.get("org_slug")
    if not organization:
        raise ApiError(400, "org_slug is required")
    apps = [app for app in context.state.apps.values() if app.organization == organization]
    rows = [app_json(context, app) for app in apps]
    return JSONResponse({"total_apps": len(rows), "apps": rows})


async def show(context: Context, request: Request) -> Response:
    """Show an app."""
    return JSONResponse(app_json(context, context.app(request)))


async def delete(context: Context, request: Request) -> Response:
    """Delete an app with its machines, volumes, addresses and secrets, whatever they do."""
    app = context.app(request)
    while machines := context.state.machines_of(app.name):
        for machine in machines:
            context.lifecycle.destroy(machine)
            if not await context.lifecycle.wait_for(machine, "destroyed", None, DESTROY_S):
                raise ApiError(500, f"machine {machine.id} could not be destroyed; see its log")
    if context.state.apps.get(app.name) is app:  # two deletions at once end the same way
        context.state.remove_app(app.name)
        context.state.save()
    return Response(status_code=202)


ENDPOINTS = (
    Endpoint("POST", "/v1/apps", create),
    Endpoint("GET", "/v1/apps", list_),
    Endpoint("GET", "/v1/apps/{app}", show),
    Endpoint("DELETE", "/v1/apps/{app}", delete),
)
