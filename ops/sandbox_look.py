"""`gateway sandbox status` and `logs`: what the sandbox holds and what its machines say."""

import os
from pathlib import Path
from typing import Any

from ops import logs as log_files
from ops.exit_codes import ExitCode
from ops.local_state import local_state
from ops.output import Output
from ops.running_sandbox import find_sandbox, need_sandbox
from ops.sandbox_client import SandboxClient
from ops.sandbox_up import addresses, document
from stacks.problem import Problem, ProblemError

COLUMNS = ("app", "machine", "region", "state", "checks", "image")


def status(*, output: Output) -> ExitCode:
    """Show addresses, machines and the faults in force."""
    running = find_sandbox(local_state(os.environ))
    if running is None:
        output.show("sandbox: does not run; start it with: gateway sandbox up")
        output.answer({"running": False})
        return ExitCode.FINDING
    with SandboxClient.of(running) as client:
        found, providers = client.status(), client.providers()
    output.show(f"sandbox: runs (pid {running.pid})")
    addresses(running, output)
    output.show("")
    if found["apps"]:
        output.table(COLUMNS, [row for app in found["apps"] for row in machine_rows(app)])
    else:
        output.show("no apps; deploy one with: gateway deploy local")
    for fault in providers["faults"]:
        output.show(described(fault))
    output.answer(
        {
            "running": True,
            **document(running),
            "apps": found["apps"],
            "faults": providers["faults"],
            "answers": providers["counters"],
        }
    )
    return ExitCode.OK


def machine_rows(app: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return an app's machines in the columns of the table; an app without any has one row."""
    name = str(app["name"])
    if not app["machines"]:
        return [(name, "none", "", "", "", "")]
    return [
        (
            name,
            str(machine["id"]),
            str(machine["region"]),
            str(machine["state"]) + (", cordoned" if machine.get("cordoned") else ""),
            checks_of(machine),
            str(machine["image"]),
        )
        for machine in app["machines"]
    ]


def checks_of(machine: dict[str, Any]) -> str:
    """Return the worst of a machine's checks in one word."""
    found = {str(check["status"]) for check in machine["checks"]}
    return next((word for word in ("critical", "warning", "passing") if word in found), "none")


def described(fault: dict[str, Any]) -> str:
    """Say what a model is told to do."""
    steps = ", then ".join(
        " ".join(f"{key}={value}" if key != "kind" else str(value) for key, value in step.items())
        for step in fault["script"]
    )
    over = " (over: it is well again)" if fault["recovered"] else ""
    return f"broken: {fault['provider']} {fault['model']}: {steps}{over}"


def logs(app: str | None, *, follow: bool, output: Output) -> ExitCode:
    """Print the sandbox's own log, or those of an app's machines."""
    state = local_state(os.environ)
    if app is None:
        found = {"sandbox": state.sandbox / "sandbox.log"}
    else:
        running = need_sandbox(state)
        with SandboxClient.of(running) as client:
            everything = client.status()
        found = log_files.machine_logs(everything, app, Path(everything["home"]))
        if not found:
            known = ", ".join(str(one["name"]) for one in everything["apps"])
            raise ProblemError([_no_machines(app, known)])
    log_files.show(found, output.show, follow=follow)
    return ExitCode.OK


def _no_machines(app: str, known: str) -> Problem:
    return Problem(
        f"app {app}",
        "sandbox.app",
        "",
        f"the sandbox has no machine of it; its apps: {known or 'none'}",
        "name one of them, or deploy with: gateway deploy local",
    )
