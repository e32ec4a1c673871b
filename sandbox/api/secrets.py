"""Secrets: values go in and never come out; names, digests and versions do."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, not_done, read_object, rejected
from sandbox.api.rules import SECRET_NAME
from sandbox.records import AppRecord
from sandbox.secret_store import SecretEntry


async def list_(context: Context, request: Request) -> Response:
    """List names, digests and times."""
    _refuse_values(request)
    bag = context.state.secrets.bag(context.app(request).name)
    return JSONResponse({"secrets": [_json(name, row) for name, row in bag.entries.items()]})


async def set_many(context: Context, request: Request) -> Response:
    """Set and unset several at once ({"values": {NAME: text or null}}); machines keep theirs."""
    app = context.app(request)
    values = (await read_object(request)).get("values")
    if not isinstance(values, dict) or not values:
        raise rejected("values is missing or empty")
    version = change(context, app, values)
    entries = context.state.secrets.bag(app.name).entries
    rows = [_json(name, entries[name]) for name in values if name in entries]
    return JSONResponse({"secrets": rows, "version": version})


async def show(context: Context, request: Request) -> Response:
    """Show one secret's digest and times."""
    _refuse_values(request)
    name, entry = _find(context, request)
    return JSONResponse(_json(name, entry))


async def set_one(context: Context, request: Request) -> Response:
    """Set one secret ({"value": text})."""
    app = context.app(request)
    name = request.path_params["name"]
    value = (await read_object(request)).get("value")
    if not isinstance(value, str):
        raise rejected("value is missing")
    version = change(context, app, {name: value})
    entry = context.state.secrets.bag(app.name).entries[name]
    return JSONResponse({**_json(name, entry), "version": version}, 201)


async def delete(context: Context, request: Request) -> Response:
    """Unset one secret."""
    name, _ = _find(context, request)
    version = change(context, context.app(request), {name: None})
    return JSONResponse({"version": version})


def change(context: Context, app: AppRecord, values: dict[str, Any]) -> int:
    """Check and store values, None for a removal; return the new version."""
    for name, value in values.items():
        if not SECRET_NAME.match(name):
            raise rejected(f"secret name {name!r}: letters, digits and underscores")
        if value is not None and not isinstance(value, str):
            raise rejected(f"secret {name}: the value is {type(value).__name__}, not a string")
    version = context.state.secrets.change(app.name, values, context.lifecycle.now())
    context.state.prune(app.name)
    context.state.save()
    return version


def _find(context: Context, request: Request) -> tuple[str, SecretEntry]:
    name = request.path_params["name"]
    entry = context.state.secrets.bag(context.app(request).name).entries.get(name)
    if entry is None:
        raise ApiError(404, "secret not found", code="not_found")
    return name, entry


def _refuse_values(request: Request) -> None:
    if request.query_params.get("show_secrets", "false") != "false":
        raise not_done("show_secrets: values are write-only here")


def _json(name: str, entry: SecretEntry) -> dict[str, str]:
    return {
        "name": name,
        "digest": entry.digest,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


ENDPOINTS = (
    Endpoint("GET", "/v1/apps/{app}/secrets", list_),
    Endpoint("POST", "/v1/apps/{app}/secrets", set_many),
    Endpoint("GET", "/v1/apps/{app}/secrets/{name}", show),
    Endpoint("POST", "/v1/apps/{app}/secrets/{name}", set_one),
    Endpoint("DELETE", "/v1/apps/{app}/secrets/{name}", delete),
)
