"""A machine's metadata: changed in place, without a new version and whoever holds the lease."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, failed_precondition, read_object, rejected
from sandbox.interfaces import MachineRecord


async def show(context: Context, request: Request) -> Response:
    """Show all metadata."""
    return JSONResponse(_metadata(context.machine(request)))


async def show_one(context: Context, request: Request) -> Response:
    """Show one value."""
    metadata = _metadata(context.machine(request))
    key = request.path_params["key"]
    if key not in metadata:
        raise ApiError(404, "metadata key not found", code="not_found")
    return JSONResponse({"value": metadata[key]})


async def set_one(context: Context, request: Request) -> Response:
    """Set one value ({"value": text}); needs no nonce."""
    machine = _alive(context, request)
    value = (await read_object(request)).get("value")
    if not isinstance(value, str):
        raise rejected("value is missing")
    _change(context, machine, {request.path_params["key"]: value})
    return Response(status_code=204)


async def delete_one(context: Context, request: Request) -> Response:
    """Remove one value; removing what is not there is fine. Needs no nonce."""
    machine = _alive(context, request)
    _change(context, machine, {request.path_params["key"]: None})
    return Response(status_code=204)


async def patch(context: Context, request: Request) -> Response:
    """Change several values, null or "" removes; 412 when machine_version is another."""
    machine = _alive(context, request)
    body = await read_object(request)
    version, values = body.get("machine_version"), body.get("metadata")
    if version and version != machine.instance_id:
        raise failed_precondition(f"machine_version {version} is not {machine.instance_id}")
    if not isinstance(values, dict):
        raise rejected("metadata is missing")
    if not all(value is None or isinstance(value, str) for value in values.values()):
        raise rejected("metadata: every value is a string or null")
    _change(context, machine, {key: value or None for key, value in values.items()})
    return JSONResponse(
        {
            "metadata": _metadata(machine),
            "machine_version": machine.instance_id,
            "updated_at": machine.updated_at,
        }
    )


def _alive(context: Context, request: Request) -> MachineRecord:
    machine = context.machine(request)
    if machine.state == "destroyed":
        raise ApiError(404, "machine not found", code="not_found")
    return machine


def _metadata(machine: MachineRecord) -> dict[str, Any]:
    return dict(machine.config.get("metadata") or {})


def _change(context: Context, machine: MachineRecord, values: dict[str, str | None]) -> None:
    metadata = {**_metadata(machine), **values}
    kept = {key: value for key, value in metadata.items() if value is not None}
    machine.config = {**machine.config, "metadata": kept}
    context.lifecycle.changed(machine)


METADATA = "/v1/apps/{app}/machines/{machine}/metadata"
ENDPOINTS = (
    Endpoint("GET", METADATA, show),
    Endpoint("PATCH", METADATA, patch),
    Endpoint("GET", METADATA + "/{key}", show_one),
    Endpoint("POST", METADATA + "/{key}", set_one),
    Endpoint("DELETE", METADATA + "/{key}", delete_one),
)
