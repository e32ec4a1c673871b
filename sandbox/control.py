"""The sandbox's own endpoints: look inside, order faults, tamper as people and crashes do."""

import base64
import copy
import os
import re
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api import leases, secrets
from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, failed_precondition, read_object, rejected
from sandbox.api.present import app_json, ip_json, machine_json, volume_json
from sandbox.api.rules import check_config, check_mounts
from sandbox.interfaces import MachineRecord
from sandbox.switchboard import Action, ActionKind, Fault, Kill

OTHER_CLIENT = "another-client@sandbox"
HOST_STATUSES = frozenset({"ok", "unreachable", "unknown"})
CHECK_STATUSES = frozenset({"passing", "warning", "critical"})


async def status(context: Context, _request: Request) -> Response:
    """Show everything: apps with machines, volumes, addresses; clusters; orders; calls."""
    board = context.switchboard
    apps = [
        {
            **app_json(context, app),
            "address": app.address,
            "ips": [{**ip_json(ip), "type": ip.type} for ip in app.ips],
            "secrets": sorted(context.state.secrets.bag(app.name).entries),
            "volumes": [volume_json(volume) for volume in context.state.volumes_of(app.name)],
            "machines": [
                {
                    **machine_json(context, machine, summary=True),
                    "image": machine.config["image"],
                    "pid": machine.pid,
                    "checks": context.lifecycle.runtime.checks(machine.id),
                    "routable": context.lifecycle.runtime.routable(machine.id),
                }
                for machine in context.state.machines_of(app.name)
            ],
        }
        for app in context.state.apps.values()
    ]
    return JSONResponse(
        {
            "pid": os.getpid(),
            "home": str(context.state.home),
            "apps": apps,
            "clusters": [
                {"id": c.id, "name": c.name, "status": c.status}
                for c in context.clusters.records.values()
                if c.status != "deleted"
            ],
            "calls": len(board.calls),
            "faults": len(board.faults),
            "kills": len(board.kills),
            "rate_limits": board.rate_limits,
        }
    )


async def calls(context: Context, _request: Request) -> Response:
    """List the calls of Fly's APIs since the last reset; status null: running, or no reply sent."""
    return JSONResponse(
        [
            {"n": c.n, "method": c.method, "path": c.path, "query": c.query, "status": c.status}
            for c in context.switchboard.calls
        ]
    )


async def reset_calls(context: Context, _request: Request) -> Response:
    """Forget the calls; the next one is number 1."""
    context.switchboard.calls.clear()
    return Response(status_code=204)


async def add_fault(context: Context, request: Request) -> Response:
    """Order a fault ({"match": {method, path_regex, nth, times}, "action": {kind, ...}})."""
    body = await read_object(request)
    match, action = body.get("match"), body.get("action")
    if not isinstance(match, dict) or not isinstance(action, dict):
        raise rejected("match and action are both needed")
    _refuse_unknown(match, {"method", "path_regex", "nth", "times"})
    _refuse_unknown(action, {"kind", "status", "body", "headers", "seconds"})
    if action.get("kind") not in get_args(ActionKind):
        raise rejected(f"action.kind {action.get('kind')!r} is none of {get_args(ActionKind)}")
    try:
        path = re.compile(str(match.get("path_regex") or ""))
    except re.error as error:
        raise rejected(f"match.path_regex: {error}") from error
    method = str(match["method"]).upper() if match.get("method") else None
    nth, times = match.get("nth", 1), match.get("times", 1)
    if not isinstance(nth, int) or not isinstance(times, int | None):
        raise rejected(f"match.nth {nth!r} and match.times {times!r} are numbers")
    context.switchboard.faults.append(Fault(path, Action(**action), method, nth, times))
    return Response(status_code=204)


async def clear_faults(context: Context, _request: Request) -> Response:
    """Take back all faults of the API."""
    context.switchboard.faults.clear()
    return Response(status_code=204)


async def order_kill(context: Context, request: Request) -> Response:
    """Order a SIGKILL for a client ({"pid", "nth", "when"}) at its nth call from now."""
    body = await read_object(request)
    pid, nth, when = body.get("pid"), body.get("nth", 1), body.get("when", "before")
    if not isinstance(pid, int) or pid <= 1 or pid == os.getpid():
        raise rejected(f"pid {pid!r} is not a process that may be killed")
    if not isinstance(nth, int) or nth < 1:
        raise rejected(f"nth {nth!r} counts from 1")
    if when not in ("before", "after"):
        raise rejected(f"when {when!r} is neither before nor after")
    context.switchboard.kills.append(Kill(pid, nth, "after" if when == "after" else "before"))
    return Response(status_code=204)


async def clear_kills(context: Context, _request: Request) -> Response:
    """Take back all ordered kills."""
    context.switchboard.kills.clear()
    return Response(status_code=204)


async def limit_rates(context: Context, request: Request) -> Response:
    """Switch Fly's rate limits on or off ({"enabled": bool})."""
    enabled = (await read_object(request)).get("enabled")
    context.switchboard.limit_rates(enabled=bool(enabled))
    return Response(status_code=204)


async def edit_machine(context: Context, request: Request) -> Response:
    """Change a machine behind everybody's back ({"set": {dotted: value}, "file": {path: text}})."""
    machine = _machine(context, request)
    body = await read_object(request)
    _refuse_unknown(body, {"set", "file"})
    config = copy.deepcopy(machine.config)
    for path, value in _object(body, "set").items():
        _assign(config, path, value)
    for guest_path, text in _object(body, "file").items():
        _put_file(config, guest_path, str(text))
    app = context.state.apps[machine.app]
    check_config(context, config)
    check_mounts(context, app, machine.region, config, machine)
    version = context.state.secrets.bag(app.name).version
    context.lifecycle.update(machine, config, secrets_version=version, launch=True)
    return JSONResponse(machine_json(context, machine))


async def set_host_status(context: Context, request: Request) -> Response:
    """Say how a machine's host is ({"status": "ok" | "unreachable" | "unknown"}); it runs on."""
    machine = _machine(context, request)
    status = (await read_object(request)).get("status")
    if status not in HOST_STATUSES:
        raise rejected(f"status {status!r} is none of {', '.join(sorted(HOST_STATUSES))}")
    machine.host_status = str(status)
    context.lifecycle.changed(machine)
    return Response(status_code=204)


async def kill_machine(context: Context, request: Request) -> Response:
    """Let a machine's process die; its restart policy decides what follows."""
    machine = _machine(context, request)
    if machine.state not in ("starting", "started"):
        raise failed_precondition(f"machine {machine.id} is {machine.state}")
    await context.lifecycle.runtime.kill(machine.id)
    return Response(status_code=204)


async def script_checks(context: Context, request: Request) -> Response:
    """Dictate check results ({"script": [...]} or {"always": status}; {"always": null} heals)."""
    machine = _machine(context, request)
    body = await read_object(request)
    _refuse_unknown(body, {"script", "always"})
    script, always = body.get("script"), body.get("always")
    wanted = [*script] if isinstance(script, list) else []
    if not {*wanted, *([always] if always is not None else [])} <= CHECK_STATUSES:
        raise rejected(f"a check's status is one of {sorted(CHECK_STATUSES)}")
    context.lifecycle.runtime.script_checks(
        machine.id, wanted or None, str(always) if always is not None else None
    )
    return Response(status_code=204)


async def hold_lease(context: Context, request: Request) -> Response:
    """Let another client take a machine's lease ({"machine", "seconds"}), even from its holder."""
    app = context.app(request)
    body = await read_object(request)
    machine = context.state.machines.get(str(body.get("machine")))
    if machine is None or machine.app != app.name:
        raise ApiError(404, "machine not found", code="not_found")
    ttl_s = leases.check_ttl(body.get("seconds"))
    lease = leases.grant(context, machine, ttl_s, owner=OTHER_CLIENT)
    return JSONResponse({"nonce": lease.nonce, "expires_at": lease.expires_at}, 201)


async def set_secrets(context: Context, request: Request) -> Response:
    """Change secrets behind everybody's back ({NAME: text or null})."""
    version = secrets.change(context, context.app(request), await read_object(request))
    return JSONResponse({"version": version})


def _machine(context: Context, request: Request) -> MachineRecord:
    machine = context.state.machines.get(request.path_params["machine"])
    if machine is None or machine.state in ("destroying", "destroyed"):
        raise ApiError(404, "machine not found", code="not_found")
    return machine


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise rejected(f"{name} is not an object")
    return value


def _refuse_unknown(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(body.keys() - known):
        raise rejected(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _assign(config: dict[str, Any], path: str, value: object) -> None:
    """Set what stands at `config.a.0.b`; None removes it. Objects on the way are made."""
    first, *steps = path.split(".")
    if first != "config" or not steps:
        raise rejected(f"set {path!r}: only paths below config., for example config.env.NAME")
    place: Any = config
    try:
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        last: Any = int(steps[-1]) if isinstance(place, list) else steps[-1]
        if value is None:
            del place[last]
        else:
            place[last] = value
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise rejected(f"set {path!r}: there is no such place") from error


def _put_file(config: dict[str, Any], guest_path: str, text: str) -> None:
    files = [f for f in config.get("files") or [] if f.get("guest_path") != guest_path]
    raw = base64.b64encode(text.encode()).decode()
    config["files"] = [*files, {"guest_path": guest_path, "raw_value": raw}]


ENDPOINTS = (
    Endpoint("GET", "/_sandbox/status", status),
    Endpoint("GET", "/_sandbox/calls", calls),
    Endpoint("POST", "/_sandbox/calls/reset", reset_calls),
    Endpoint("POST", "/_sandbox/faults", add_fault),
    Endpoint("DELETE", "/_sandbox/faults", clear_faults),
    Endpoint("POST", "/_sandbox/kill", order_kill),
    Endpoint("DELETE", "/_sandbox/kill", clear_kills),
    Endpoint("POST", "/_sandbox/rate-limits", limit_rates),
    Endpoint("POST", "/_sandbox/machines/{machine}/edit", edit_machine),
    Endpoint("POST", "/_sandbox/machines/{machine}/host", set_host_status),
    Endpoint("POST", "/_sandbox/machines/{machine}/kill", kill_machine),
    Endpoint("POST", "/_sandbox/machines/{machine}/checks", script_checks),
    Endpoint("POST", "/_sandbox/apps/{app}/lease", hold_lease),
    Endpoint("POST", "/_sandbox/apps/{app}/secrets", set_secrets),
)
