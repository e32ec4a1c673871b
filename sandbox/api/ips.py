"""IP assignments: the public addresses of an app and its private flycast address."""

import ipaddress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, Shape, read_object
from sandbox.api.present import ip_json
from sandbox.api.rules import REGIONS
from sandbox.records import IpRecord

FIRST = {
    "v6": ipaddress.ip_address("2a09:8280:1::1:0:0"),
    "private_v6": ipaddress.ip_address("fdaa:0:1::1:0"),
    "v4": ipaddress.ip_address("137.66.0.0"),
    "shared_v4": ipaddress.ip_address("66.241.124.0"),
}


async def list_(context: Context, request: Request) -> Response:
    """List an app's addresses."""
    app = context.app(request, Shape.APPS)
    return JSONResponse({"ips": [ip_json(ip) for ip in app.ips]})


async def create(context: Context, request: Request) -> Response:
    """Assign an address: v6, shared_v4, v4 or private_v6; a second shared_v4 is the first."""
    app = context.app(request, Shape.APPS)
    body = await read_object(request)
    type_ = str(body.get("type"))
    region = str(body.get("region") or "")
    if type_.startswith("egress"):
        text = f"not_implemented: the sandbox does not do {type_} addresses"
        raise ApiError(501, text, shape=Shape.APPS)
    if type_ not in FIRST:
        raise ApiError(422, f"type {type_!r} is none of {', '.join(FIRST)}", shape=Shape.APPS)
    if region and region not in REGIONS:
        raise ApiError(422, f"region {region!r} does not exist", shape=Shape.APPS)
    known = next((ip for ip in app.ips if ip.type == type_ == "shared_v4"), None)
    if known:
        return JSONResponse(ip_json(known))
    ip = IpRecord(
        ip=str(FIRST[type_] + context.state.next_ip),
        type=type_,
        region=region or "global",
        created_at=context.lifecycle.now(),
        service_name=str(body.get("service_name") or ""),
        network=str(body.get("network") or "") if type_ == "private_v6" else "",
    )
    context.state.next_ip += 1
    app.ips.append(ip)
    context.state.save()
    return JSONResponse(ip_json(ip))


async def delete(context: Context, request: Request) -> Response:
    """Release an address."""
    app = context.app(request, Shape.APPS)
    wanted = request.path_params["ip"]
    ip = next((ip for ip in app.ips if ip.ip == wanted), None)
    if ip is None:
        raise ApiError(404, "could not find the IP address", shape=Shape.APPS)
    app.ips.remove(ip)
    context.state.save()
    return Response(status_code=204)


ENDPOINTS = (
    Endpoint("GET", "/v1/apps/{app}/ip_assignments", list_),
    Endpoint("POST", "/v1/apps/{app}/ip_assignments", create),
    Endpoint("DELETE", "/v1/apps/{app}/ip_assignments/{ip}", delete),
)
