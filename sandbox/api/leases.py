"""Leases: one client's exclusive right to change a machine, for a while."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, read_object, rejected
from sandbox.api.present import lease_json
from sandbox.interfaces import MachineRecord
from sandbox.records import LeaseRecord

DEFAULT_TTL_S = 60
LONGEST_TTL_S = 24 * 3600
OWNER = "client@sandbox"


async def show(context: Context, request: Request) -> Response:
    """Show the lease in force; 404 when there is none.

    With its nonce: flyctl's `machine leases clear` asks for it here and releases with it.
    """
    machine = context.machine(request)
    lease = context.state.lease(machine.id, context.lifecycle.clock())
    if lease is None:
        raise ApiError(404, f"lease not found for machine {machine.id}", code="not_found")
    return JSONResponse(lease_json(lease))


async def acquire(context: Context, request: Request) -> Response:
    """Take the lease, or prolong it with its nonce; 409 when it is held by another."""
    machine = context.changeable(request)
    body = await read_object(request)
    ttl_s = check_ttl(request.query_params.get("ttl") or body.get("ttl") or DEFAULT_TTL_S)
    lease = grant(context, machine, ttl_s, description=str(body.get("description") or ""))
    return JSONResponse(lease_json(lease), 201)


async def release(context: Context, request: Request) -> Response:
    """Give the lease back; needs its nonce while it is in force."""
    machine = context.changeable(request)
    if context.state.leases.pop(machine.id, None) is None:
        raise ApiError(404, f"lease not found for machine {machine.id}", code="not_found")
    context.state.save()
    return JSONResponse({"ok": True})


def grant(
    context: Context,
    machine: MachineRecord,
    ttl_s: int,
    *,
    owner: str = OWNER,
    description: str = "",
) -> LeaseRecord:
    """Give a lease, or prolong the one in force when it has the same owner."""
    expires_at = context.lifecycle.clock() + ttl_s
    lease = context.state.lease(machine.id, context.lifecycle.clock())
    if lease and lease.owner == owner:
        lease.expires_at = expires_at
    else:
        ids = context.lifecycle.ids
        lease = LeaseRecord(machine.id, ids.nonce(), owner, description, expires_at, ids.version())
        context.state.leases[machine.id] = lease
    context.state.save()
    return lease


def check_ttl(value: object) -> int:
    """Accept a lease's duration, in seconds."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= LONGEST_TTL_S:
        raise rejected(f"ttl {value!r}: seconds, 1 to {LONGEST_TTL_S}")
    return value


ENDPOINTS = (
    Endpoint("GET", "/v1/apps/{app}/machines/{machine}/lease", show),
    Endpoint("POST", "/v1/apps/{app}/machines/{machine}/lease", acquire),
    Endpoint("DELETE", "/v1/apps/{app}/machines/{machine}/lease", release),
)
