"""Volumes: create, list, show, change, extend, delete."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, failed_precondition, not_done, read_object, rejected
from sandbox.api.present import volume_json
from sandbox.api.rules import VOLUME_NAME, check_region
from sandbox.records import VolumeRecord

SIZES_GB = range(1, 501)
DEFAULT_SIZE_GB = 3


async def list_(context: Context, request: Request) -> Response:
    """List volumes, deleted ones too as long as they are `pending_destroy`."""
    app = context.app(request)
    return JSONResponse([volume_json(v) for v in context.state.volumes_of(app.name)])


async def create(context: Context, request: Request) -> Response:
    """Create an empty volume."""
    app = context.app(request)
    body = await read_object(request)
    for other in ("snapshot_id", "source_volume_id"):
        if body.get(other):
            raise not_done(f"volumes made from {other}")
    name = body.get("name")
    if not isinstance(name, str) or not VOLUME_NAME.match(name):
        raise rejected(f"name {name!r}: lower-case letters, digits, underscores, at most 30")
    volume = VolumeRecord(
        id=context.lifecycle.ids.volume(),
        app=app.name,
        name=name,
        region=check_region(body.get("region")),
        size_gb=_size(body.get("size_gb") or DEFAULT_SIZE_GB),
        created_at=context.lifecycle.now(),
        encrypted=body.get("encrypted") is not False,
        fstype=str(body.get("fstype") or "ext4"),
    )
    _settings(volume, body)
    context.state.make_volume(volume)
    context.state.save()
    return JSONResponse(volume_json(volume))


async def show(context: Context, request: Request) -> Response:
    """Show a volume."""
    return JSONResponse(volume_json(_find(context, request)))


async def update(context: Context, request: Request) -> Response:
    """Change snapshot_retention and auto_backup_enabled (kept, without effect)."""
    volume = _usable(context, request)
    _settings(volume, await read_object(request))
    context.state.save()
    return JSONResponse(volume_json(volume))


async def extend(context: Context, request: Request) -> Response:
    """Raise size_gb (kept, without effect); a smaller size is refused."""
    volume = _usable(context, request)
    size_gb = _size((await read_object(request)).get("size_gb"))
    if size_gb < volume.size_gb:
        raise rejected(f"size_gb {size_gb}: a volume of {volume.size_gb} GB cannot shrink")
    volume.size_gb = size_gb
    context.state.save()
    return JSONResponse({"volume": volume_json(volume), "needs_restart": False})


async def delete(context: Context, request: Request) -> Response:
    """Delete a volume and its data; 412 while it is attached. Listed on as pending_destroy."""
    volume = _usable(context, request)
    if volume.attached_machine is not None:
        text = f"volume {volume.id} is currently bound to machine: {volume.attached_machine}"
        raise failed_precondition(text)
    volume.state = "pending_destroy"
    context.state.erase_volume(volume)
    context.state.save()
    return JSONResponse(volume_json(volume))


def _find(context: Context, request: Request) -> VolumeRecord:
    volume = context.state.volumes.get(request.path_params["volume"])
    if volume is None or volume.app != context.app(request).name:
        raise ApiError(404, "volume not found", code="not_found")
    return volume


def _usable(context: Context, request: Request) -> VolumeRecord:
    volume = _find(context, request)
    if not volume.usable:
        raise ApiError(404, "volume not found", code="not_found")
    return volume


def _size(value: object) -> int:
    if not isinstance(value, int) or value not in SIZES_GB:
        raise rejected(f"size_gb {value!r} is outside {SIZES_GB.start}-{SIZES_GB.stop - 1}")
    return value


def _settings(volume: VolumeRecord, body: dict[str, object]) -> None:
    retention, backup = body.get("snapshot_retention"), body.get("auto_backup_enabled")
    if isinstance(retention, int):
        volume.snapshot_retention = retention
    if isinstance(backup, bool):
        volume.auto_backup_enabled = backup


ENDPOINTS = (
    Endpoint("GET", "/v1/apps/{app}/volumes", list_),
    Endpoint("POST", "/v1/apps/{app}/volumes", create),
    Endpoint("GET", "/v1/apps/{app}/volumes/{volume}", show),
    Endpoint("PUT", "/v1/apps/{app}/volumes/{volume}", update),
    Endpoint("PUT", "/v1/apps/{app}/volumes/{volume}/extend", extend),
    Endpoint("DELETE", "/v1/apps/{app}/volumes/{volume}", delete),
)
