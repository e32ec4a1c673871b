"""What is done to a machine as it is: start, stop, restart, wait, exec, cordon; and its events."""

import shlex

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import (
    ApiError,
    failed_precondition,
    not_done,
    read_object,
    rejected,
)
from sandbox.api.rules import check_duration, check_signal
from sandbox.interfaces import ImageError, MachineRecord
from sandbox.lifecycle import RUNNING, STARTABLE

WAITABLE = frozenset({"started", "stopped", "destroyed"})
LONGEST_WAIT_S = 60
DEFAULT_EXEC_S = 60.0


async def start(context: Context, request: Request) -> Response:
    """Start a stopped machine with the configuration and secrets it has."""
    machine = context.changeable(request)
    previous = machine.state
    if previous in STARTABLE:
        context.lifecycle.start(machine)
    elif previous not in RUNNING:
        raise _wrong_state("start", machine)
    return JSONResponse({"previous_state": previous, "migrated": False, "new_host": ""})


async def stop(context: Context, request: Request) -> Response:
    """Stop a machine; signal and timeout come from stop_config unless given (0 is not given)."""
    machine = context.changeable(request)
    body = await read_object(request)
    signal = check_signal(body.get("signal"))
    timeout_s = check_duration("timeout", body.get("timeout"))
    if machine.state in RUNNING or machine.state == "created":
        context.lifecycle.stop(machine, signal, timeout_s or None)
    elif machine.state not in ("stopping", "stopped", "failed"):
        raise _wrong_state("stop", machine)
    return JSONResponse({"ok": True})


async def restart(context: Context, request: Request) -> Response:
    """Stop and start a machine; its version stays."""
    machine = context.changeable(request)
    if machine.state not in RUNNING and machine.state not in STARTABLE:
        raise _wrong_state("restart", machine)
    context.lifecycle.restart(machine)
    return JSONResponse({"ok": True})


async def wait(context: Context, request: Request) -> Response:
    """Wait for a state, of one version if instance_id or version says so; 408 in the end."""
    machine = context.machine(request)
    query = request.query_params
    state = query.get("state", "started")
    if state not in WAITABLE:
        raise not_done(f"waiting for state {state!r}")
    timeout_s = check_duration("timeout", query.get("timeout", LONGEST_WAIT_S))
    if not 1 <= timeout_s <= LONGEST_WAIT_S:
        raise ApiError(400, f"timeout {timeout_s:g}: seconds, 1 to {LONGEST_WAIT_S}")
    instance_id = query.get("instance_id") or query.get("version")
    if await context.lifecycle.wait_for(machine, state, instance_id, timeout_s):
        return JSONResponse({"ok": True})
    text = (
        f"deadline_exceeded: machine failed to reach desired state, {state},"
        f" and the current machine state is {machine.state}"
    )
    raise ApiError(408, text, code="deadline_exceeded")


async def run(context: Context, request: Request) -> Response:
    """Run a command inside a started machine; the exit code is part of a 200."""
    machine = context.machine(request)
    body = await read_object(request)
    words = body.get("command") or body.get("cmd")
    if isinstance(words, str):
        words = shlex.split(words)
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise rejected("command is missing; it is a list of words")
    if body.get("stdin") or body.get("container"):
        raise not_done("exec with stdin or in a container")
    if machine.state != "started":
        raise _wrong_state("exec on", machine)
    timeout_s = check_duration("timeout", body.get("timeout")) or DEFAULT_EXEC_S
    try:
        result = await context.lifecycle.exec(machine, tuple(words), timeout_s)
    except TimeoutError as error:
        text = f"deadline_exceeded: the command ran longer than {timeout_s:g} s"
        raise ApiError(408, text, code="deadline_exceeded") from error
    except (ImageError, OSError) as error:
        raise ApiError(400, f"exec of {words[0]!r}: {error}") from error
    return JSONResponse(
        {
            "exit_code": result.exit_code,
            "exit_signal": 0,
            "stdout": result.stdout,
            "stderr": result.stderr,
        }
    )


async def ps(context: Context, request: Request) -> Response:
    """List a started machine's processes and the TCP sockets on which they listen."""
    machine = context.machine(request)
    if machine.state != "started":
        raise _wrong_state("list the processes of", machine)
    return JSONResponse(await context.lifecycle.runtime.processes(machine.id))


async def cordon(context: Context, request: Request) -> Response:
    """Take a machine out of the proxies' choice."""
    context.lifecycle.cordon(context.changeable(request), cordoned=True)
    return JSONResponse({"ok": True})


async def uncordon(context: Context, request: Request) -> Response:
    """Put a machine back into the proxies' choice."""
    context.lifecycle.cordon(context.changeable(request), cordoned=False)
    return JSONResponse({"ok": True})


async def events(context: Context, request: Request) -> Response:
    """List a machine's events, newest first."""
    return JSONResponse(context.machine(request).events)


def _wrong_state(verb: str, machine: MachineRecord) -> ApiError:
    return failed_precondition(f"unable to {verb} machine from current state: '{machine.state}'")


MACHINE = "/v1/apps/{app}/machines/{machine}"
ENDPOINTS = (
    Endpoint("POST", MACHINE + "/start", start),
    Endpoint("POST", MACHINE + "/stop", stop),
    Endpoint("POST", MACHINE + "/restart", restart),
    Endpoint("GET", MACHINE + "/wait", wait),
    Endpoint("POST", MACHINE + "/exec", run),
    Endpoint("GET", MACHINE + "/ps", ps),
    Endpoint("POST", MACHINE + "/cordon", cordon),
    Endpoint("POST", MACHINE + "/uncordon", uncordon),
    Endpoint("GET", MACHINE + "/events", events),
)
