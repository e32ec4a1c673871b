"""Machines: create, list, show, update as a whole, destroy."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api import leases
from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, failed_precondition, read_object, rejected
from sandbox.api.present import machine_json
from sandbox.api.rules import (
    LABEL,
    check_config,
    check_mounts,
    check_region,
    check_secrets_version,
)
from sandbox.interfaces import MachineRecord
from sandbox.records import AppRecord
from sandbox.state import GONE

DEFAULT_REGION = "iad"  # Fly takes the one nearest to the caller
IDLE = frozenset({"stopped", "failed", "destroying"})  # what DELETE takes without force


async def list_(context: Context, request: Request) -> Response:
    """List machines; filters include_deleted, region, state, metadata.KEY; short with summary."""
    app = context.app(request)
    query = request.query_params
    machines = context.state.machines_of(app.name, destroyed=_flag(query, "include_deleted"))
    summary = _flag(query, "summary")
    return JSONResponse(
        [
            machine_json(context, machine, summary=summary)
            for machine in machines
            if _matches(machine, query)
        ]
    )


async def create(context: Context, request: Request) -> Response:
    """Create a machine and start it, unless skip_launch; with lease_ttl the reply has a nonce."""
    app = context.app(request)
    body = await read_object(request)
    region = check_region(body.get("region") or DEFAULT_REGION)
    config = check_config(context, body.get("config"))
    check_mounts(context, app, region, config, None)
    secrets_version = check_secrets_version(context, app, body)
    ttl_s = leases.check_ttl(body["lease_ttl"]) if body.get("lease_ttl") else None
    machine = context.lifecycle.create(
        app,
        name=_check_name(context, app, body.get("name")),
        region=region,
        config=config,
        secrets_version=secrets_version,
        cordoned=bool(body.get("skip_service_registration")),
        launch=not body.get("skip_launch"),
    )
    return _reply(context, machine, ttl_s)


async def show(context: Context, request: Request) -> Response:
    """Show a machine; a destroyed one still answers for a while."""
    return JSONResponse(machine_json(context, context.machine(request)))


async def update(context: Context, request: Request) -> Response:
    """Replace the whole configuration: new instance_id, restart; 412 on another current_version."""
    machine = context.changeable(request)
    app = context.app(request)
    body = await read_object(request)
    _check_unchanged(machine, body)
    config = check_config(context, body.get("config"))
    check_mounts(context, app, machine.region, config, machine)
    secrets_version = check_secrets_version(context, app, body)
    ttl_s = leases.check_ttl(body["lease_ttl"]) if body.get("lease_ttl") else None
    if machine.state == "destroying":
        raise failed_precondition("unable to update machine from current state: 'destroying'")
    if "skip_service_registration" in body:
        machine.cordoned = bool(body["skip_service_registration"])
    launch = not body.get("skip_launch")
    context.lifecycle.update(machine, config, secrets_version=secrets_version, launch=launch)
    context.state.prune(app.name)
    return _reply(context, machine, ttl_s)


async def delete(context: Context, request: Request) -> Response:
    """Destroy a machine; a running one only with force=true or kill=true. Its volume stays."""
    machine = context.changeable(request)
    query = request.query_params
    if machine.state not in IDLE and not (_flag(query, "force") or _flag(query, "kill")):
        raise failed_precondition("unable to destroy machine, not currently stopped")
    context.lifecycle.destroy(machine)
    return JSONResponse({"ok": True})


def _reply(context: Context, machine: MachineRecord, ttl_s: int | None) -> Response:
    """Answer with the machine, and with a lease's nonce where one was asked for."""
    row = machine_json(context, machine)
    if ttl_s is not None:
        row["nonce"] = leases.grant(context, machine, ttl_s).nonce
    return JSONResponse(row)


def _check_name(context: Context, app: AppRecord, name: object) -> str | None:
    """Accept a name that no live machine of the app has."""
    if name in (None, ""):
        return None
    if not isinstance(name, str) or not LABEL.match(name):
        raise rejected(f"name {name!r}: lower-case letters, digits and hyphens, at most 63")
    for machine in context.state.machines_of(app.name):
        if machine.name == name and machine.state not in GONE:
            text = (
                f"already_exists: unique machine name violation, machine ID {machine.id}"
                f' already exists with name "{name}"'
            )
            raise ApiError(409, text, code="already_exists")
    return name


def _check_unchanged(machine: MachineRecord, body: Mapping[str, object]) -> None:
    """Refuse an update that was meant for another version, or moves or renames the machine."""
    version = body.get("current_version")
    if version and version != machine.instance_id:
        raise failed_precondition(
            f"current_version {version} is not the machine's version {machine.instance_id}"
        )
    for field, value in (("region", machine.region), ("name", machine.name)):
        if body.get(field) not in (None, "", value):
            raise rejected(f"{field} cannot be changed from {value!r} to {body[field]!r}")


def _matches(machine: MachineRecord, query: Mapping[str, str]) -> bool:
    metadata = machine.config.get("metadata") or {}
    states = query.get("state", "").split(",") if query.get("state") else None
    return (
        query.get("region", machine.region) == machine.region
        and (states is None or machine.state in states)
        and all(
            metadata.get(name.removeprefix("metadata.")) == value
            for name, value in query.items()
            if name.startswith("metadata.")
        )
    )


def _flag(query: Mapping[str, Any], name: str) -> bool:
    """Read a switch as Go does; given without a value it is on."""
    return name in query and query[name] in ("", "1", "t", "true", "True", "TRUE")


MACHINES = "/v1/apps/{app}/machines"
ENDPOINTS = (
    Endpoint("GET", MACHINES, list_),
    Endpoint("POST", MACHINES, create),
    Endpoint("GET", MACHINES + "/{machine}", show),
    Endpoint("POST", MACHINES + "/{machine}", update),
    Endpoint("DELETE", MACHINES + "/{machine}", delete),
)
