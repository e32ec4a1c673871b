"""Managed Postgres: clusters, databases, users, credentials. Every answer stands below `data`."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, read_object, rejected
from sandbox.api.rules import LABEL, check_region
from sandbox.managed_postgres.records import (
    DIRECT,
    GONE,
    PLANS,
    POOLED,
    PORT,
    ClusterRecord,
    UserRecord,
)

MOST_DISK_GB = 500  # at creation
DATABASE_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$")
USER_NAME = re.compile(r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$")
ROLES = frozenset({"schema_admin", "writer", "reader"})
VERSIONS = frozenset({"16", "17"})
POOL_MODES = frozenset({"session", "transaction"})


async def list_(context: Context, request: Request) -> Response:
    """List the clusters of an organisation; `org_slug` is required."""
    organization = request.query_params.get("org_slug")
    if not organization:
        raise ApiError(400, "org_slug is required")
    deleted = request.query_params.get("include_deleted") == "true"
    found = [
        cluster
        for cluster in context.clusters.records.values()
        if cluster.organization == organization and (deleted or cluster.status != "deleted")
    ]
    return _data([_summary(cluster) for cluster in found])


async def create(context: Context, request: Request) -> Response:
    """Create a cluster: creating, then initializing, then ready; a second of its name too."""
    body = await read_object(request)
    plan = next((name for name in PLANS if name.lower() == str(body.get("plan")).lower()), None)
    disk = body.get("disk_size_gb", 10)
    version, pool_mode = body.get("pg_major_version", "17"), body.get("pool_mode", "session")
    name = body.get("name") or f"mpg-{context.lifecycle.ids.token()[:6]}"
    organization = body.get("org_slug")
    if plan is None:
        raise rejected(f"plan {body.get('plan')!r} is none of {', '.join(PLANS)}")
    if not isinstance(organization, str) or not organization:
        raise rejected("org_slug is missing")
    if not isinstance(name, str) or not LABEL.match(name):
        raise rejected(f"name {name!r}: lower-case letters, digits and hyphens, at most 63")
    if not isinstance(disk, int) or not 1 <= disk <= MOST_DISK_GB:
        raise rejected(f"disk_size_gb {disk!r}: from 1 to {MOST_DISK_GB}")
    if version not in VERSIONS or pool_mode not in POOL_MODES:
        raise rejected(f"pg_major_version {version!r} or pool_mode {pool_mode!r} does not exist")
    cluster = context.clusters.create(
        name=name,
        organization=organization,
        region=check_region(body.get("region")),
        plan=plan,
        disk_size_gb=disk,
        pg_major_version=version,
        pool_mode=pool_mode,
        postgis_enabled=bool(body.get("postgis_enabled")),
    )
    return _data(_cluster(cluster), 201)


async def show(context: Context, request: Request) -> Response:
    """Show a cluster, also one that was deleted; its endpoints once it is ready."""
    return _data(_cluster(_find(context, request)))


async def delete(context: Context, request: Request) -> Response:
    """Delete a cluster with its data; the answer comes before it is gone."""
    cluster = _find(context, request)
    if cluster.status == "deleted":
        raise ApiError(410, "gone")
    context.clusters.delete(cluster)
    return Response(status_code=202)


async def list_databases(context: Context, request: Request) -> Response:
    """List the databases of a ready cluster."""
    names = await context.clusters.databases(_ready(context, request))
    return _data([{"name": name} for name in names])


async def create_database(context: Context, request: Request) -> Response:
    """Create a database; 409 when there is one of this name."""
    cluster = _ready(context, request)
    name = (await read_object(request)).get("name")
    if not isinstance(name, str) or not DATABASE_NAME.match(name):
        raise rejected(f"name {name!r}: letters and digits, within it also - and _, at most 63")
    if not await context.clusters.ensure_database(cluster, name):
        raise ApiError(409, f"database {name} already exists", code="already_exists")
    return _data({"name": name}, 201)


async def list_users(context: Context, request: Request) -> Response:
    """List the users of a ready cluster."""
    return _data([_user(user) for user in _ready(context, request).users])


async def create_user(context: Context, request: Request) -> Response:
    """Create a user with a password of the platform's; 409 when there is one of this name."""
    cluster = _ready(context, request)
    body = await read_object(request)
    username, role = body.get("username"), _role(body)
    if not isinstance(username, str) or not USER_NAME.match(username):
        raise rejected(f"username {username!r}: lower-case letters and digits, within also - and _")
    if any(user.username == username for user in cluster.users):
        raise ApiError(409, f"user {username} already exists", code="already_exists")
    return _data(_user(await context.clusters.put_user(cluster, username, role)), 201)


async def update_user(context: Context, request: Request) -> Response:
    """Give a user another role."""
    cluster, user = _ready(context, request), _find_user(context, request)
    await context.clusters.put_user(cluster, user.username, _role(await read_object(request)))
    return Response(status_code=204)


async def delete_user(context: Context, request: Request) -> Response:
    """Delete a user; what it owned becomes the administrators'."""
    await context.clusters.drop_user(_ready(context, request), _find_user(context, request))
    return Response(status_code=204)


async def credentials(context: Context, request: Request) -> Response:
    """Show a user's password."""
    user = _find_user(context, request)
    return _data({"username": user.username, "password": user.password})


async def rotate_password(context: Context, request: Request) -> Response:
    """Give a user another password; sessions stay."""
    user = _find_user(context, request)
    await context.clusters.rotate(_ready(context, request), user)
    return _data({"username": user.username, "password": user.password})


async def dashboard(context: Context, request: Request) -> Response:
    """Change a cluster as Fly's dashboard does ({"plan", "disk_size_gb", "pool_mode"})."""
    cluster = _ready(context, request)
    body = await read_object(request)
    unknown = body.keys() - {"plan", "disk_size_gb", "pool_mode"}
    plan, disk = body.get("plan", cluster.plan), body.get("disk_size_gb", cluster.disk_size_gb)
    pool_mode = body.get("pool_mode", cluster.pool_mode)
    if unknown or plan not in PLANS or pool_mode not in POOL_MODES:
        raise rejected(f"plan {plan!r}, pool_mode {pool_mode!r}, unknown: {sorted(unknown)}")
    if not isinstance(disk, int) or disk < cluster.disk_size_gb:
        raise rejected(f"disk_size_gb {disk!r}: a disk only grows")
    cluster.plan, cluster.disk_size_gb, cluster.pool_mode = str(plan), disk, str(pool_mode)
    context.clusters.save()
    return Response(status_code=204)


def _find(context: Context, request: Request) -> ClusterRecord:
    cluster = context.clusters.records.get(request.path_params["cluster"])
    if cluster is None:
        raise ApiError(404, "not found")
    return cluster


def _ready(context: Context, request: Request) -> ClusterRecord:
    cluster = _find(context, request)
    if cluster.status in GONE:
        raise ApiError(410, "gone")
    if cluster.status != "ready":
        raise ApiError(409, f"cluster {cluster.name} is {cluster.status}, not ready")
    return cluster


def _find_user(context: Context, request: Request) -> UserRecord:
    cluster, username = _ready(context, request), request.path_params["username"]
    user = next((user for user in cluster.users if user.username == username), None)
    if user is None:
        raise ApiError(404, "not found")
    return user


def _role(body: dict[str, Any]) -> str:
    role = body.get("role")
    if role not in ROLES:
        raise rejected(f"role {role!r} is none of {', '.join(sorted(ROLES))}")
    return str(role)


def _data(data: Any, status: int = 200) -> JSONResponse:
    return JSONResponse({"data": data}, status)


def _user(user: UserRecord) -> dict[str, str]:
    return {"username": user.username, "role": user.role}


def _summary(cluster: ClusterRecord) -> dict[str, Any]:
    row = {
        "id": cluster.id,
        "name": cluster.name,
        "status": cluster.status,
        "region": cluster.region,
        "plan": cluster.plan,
        "created_at": cluster.created_at,
        "attached_apps": [],
    }
    return row | ({"deleted_at": cluster.deleted_at} if cluster.deleted_at else {})


def _cluster(cluster: ClusterRecord) -> dict[str, Any]:
    plan = PLANS[cluster.plan]
    primary = {
        key: {"host": cluster.host(label), "port": PORT}
        for key, label in (("direct", DIRECT), ("pooler", POOLED))
        if cluster.status == "ready"
    }
    return {
        **_summary(cluster),
        "disk_size_gb": cluster.disk_size_gb,
        "cpus": plan.cpus,
        "cpu_kind": plan.cpu_kind,
        "memory_mb": plan.memory_mb,
        "replicas": 1,
        "pg_major_version": cluster.pg_major_version,
        "postgis_enabled": cluster.postgis_enabled,
        "organization": {"name": cluster.organization, "slug": cluster.organization},
        "endpoints": {"primary": primary} if primary else {},
    }


_ONE = "/v1/postgres/{cluster}"
ENDPOINTS = (
    Endpoint("GET", "/v1/postgres", list_),
    Endpoint("POST", "/v1/postgres", create),
    Endpoint("GET", _ONE, show),
    Endpoint("DELETE", _ONE, delete),
    Endpoint("GET", f"{_ONE}/databases", list_databases),
    Endpoint("POST", f"{_ONE}/databases", create_database),
    Endpoint("GET", f"{_ONE}/users", list_users),
    Endpoint("POST", f"{_ONE}/users", create_user),
    Endpoint("PATCH", f"{_ONE}/users/{{username}}", update_user),
    Endpoint("DELETE", f"{_ONE}/users/{{username}}", delete_user),
    Endpoint("GET", f"{_ONE}/users/{{username}}/credentials", credentials),
    Endpoint("POST", f"{_ONE}/users/{{username}}/rotate_password", rotate_password),
)
CONTROL = (Endpoint("POST", "/_sandbox/postgres/{cluster}", dashboard),)
