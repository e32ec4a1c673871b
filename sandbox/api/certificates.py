"""Host names of apps. Nobody issues certificates here: one is `configured` once a test says so."""

import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, Shape, read_object
from sandbox.records import AppRecord, CertificateRecord

MOST_A_PAGE = 100


async def list_(context: Context, request: Request) -> Response:
    """List an app's host names, a page at a time."""
    app = context.app(request, Shape.APPS)
    limit = min(int(request.query_params.get("limit") or MOST_A_PAGE), MOST_A_PAGE)
    begin = int(request.query_params.get("cursor") or 0)
    page = app.certificates[begin : begin + limit]
    answer = {"certificates": [_summary(each) for each in page], "total_count": len(page)}
    if begin + limit < len(app.certificates):
        answer["next_cursor"] = str(begin + limit)
    return JSONResponse(answer)


async def create(context: Context, request: Request) -> Response:
    """Add a host name; its certificate waits for DNS records for ever, or for a control call."""
    app = context.app(request, Shape.APPS)
    body = await read_object(request)
    hostname = str(body.get("hostname") or "").lower()
    if "." not in hostname or hostname.startswith("."):
        raise ApiError(422, f"hostname {hostname!r} is no host name", shape=Shape.APPS)
    if any(
        each.hostname == hostname
        for every in context.state.apps.values()
        for each in every.certificates
    ):
        raise ApiError(422, "Hostname already exists", shape=Shape.APPS)
    made = CertificateRecord(hostname, created_at=context.lifecycle.now())
    app.certificates.append(made)
    context.state.save()
    return JSONResponse(_detail(app, made), 201)


async def get(context: Context, request: Request) -> Response:
    """Show a host name and the DNS records that it needs."""
    app = context.app(request, Shape.APPS)
    return JSONResponse(_detail(app, _found(app, request)))


async def delete(context: Context, request: Request) -> Response:
    """Remove a host name."""
    app = context.app(request, Shape.APPS)
    app.certificates.remove(_found(app, request))
    context.state.save()
    return Response(status_code=204)


async def issue(context: Context, request: Request) -> Response:
    """Make a host name's certificate one that serves, as if its DNS records had been set."""
    app = context.app(request, Shape.APPS)
    _found(app, request).configured = True
    context.state.save()
    return Response(status_code=204)


def _found(app: AppRecord, request: Request) -> CertificateRecord:
    wanted = request.path_params["hostname"]
    found = next((each for each in app.certificates if each.hostname == wanted), None)
    if found is None:
        raise ApiError(404, "could not find the certificate", shape=Shape.APPS)
    return found


def _summary(certificate: CertificateRecord) -> dict[str, object]:
    return {
        "hostname": certificate.hostname,
        "status": "active" if certificate.configured else "pending",
        "configured": certificate.configured,
        "acme_requested": True,
        "created_at": certificate.created_at,
    }


def _detail(app: AppRecord, certificate: CertificateRecord) -> dict[str, object]:
    hostname = certificate.hostname
    addresses = {ip.type: ip.ip for ip in app.ips}
    token = hashlib.sha256(f"{app.id} {hostname}".encode()).hexdigest()[:12]
    return _summary(certificate) | {
        "certificates": [],
        "validation": {"dns_configured": certificate.configured},
        "dns_requirements": {
            "a": [ip for kind, ip in addresses.items() if kind in {"v4", "shared_v4"}],
            "aaaa": [ip for kind, ip in addresses.items() if kind == "v6"],
            "cname": f"{token}.{app.name}.fly.dev",
            "acme_challenge": {
                "name": f"_acme-challenge.{hostname}",
                "target": f"{hostname}.{token}.flydns.net",
            },
            "ownership": {
                "name": f"_fly-ownership.{hostname}",
                "app_value": f"app-{token}",
                "org_value": f"org-{token}",
            },
        },
    }


CERTIFICATES = "/v1/apps/{app}/certificates"
ENDPOINTS = (
    Endpoint("GET", CERTIFICATES, list_),
    Endpoint("POST", CERTIFICATES + "/acme", create),
    Endpoint("GET", CERTIFICATES + "/{hostname}", get),
    Endpoint("DELETE", CERTIFICATES + "/{hostname}", delete),
)
CONTROL = (Endpoint("POST", "/_sandbox/apps/{app}/certificates/{hostname}/issue", issue),)
