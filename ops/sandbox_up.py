"""`gateway sandbox up`, `down` and `reset`: the life of the background program."""

import os
from collections.abc import Callable
from pathlib import Path

from ops.exit_codes import ExitCode
from ops.local_state import local_state
from ops.output import Output
from ops.project import project_root
from ops.running_sandbox import RunningSandbox
from ops.sandbox_process import Ports, SandboxProcess
from ops.settings import plain_settings
from ops.stale_lock import describe, is_stale, locks
from stacks.config_file import PROJECT
from stacks.problem import Problem, ProblemError

LOCAL = "local"  # the environment whose LiteLLM version is installed beforehand


def up(ports: Ports, *, foreground: bool, output: Output) -> ExitCode:
    """Install what machines need, start the program, and return once it serves."""
    sandbox = _sandbox(output)
    image = plain_settings(project_root(Path.cwd()), LOCAL).image
    if image.repository.endswith("litellm"):  # others are in the sandbox itself
        sandbox.install(image.version)
    if foreground:
        sandbox.state.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = sandbox.command(ports)
        os.execve(command[0], command, sandbox.program_environment())  # noqa: S606 - our own program
    running, started = sandbox.up(ports)
    output.show(f"sandbox: {'serves' if started else 'runs already'} (pid {running.pid})")
    addresses(running, output)
    output.answer(document(running) | {"started": started})
    return ExitCode.OK


def down(*, output: Output) -> ExitCode:
    """Stop the program; its state stays."""
    stopped = _sandbox(output).down()
    output.show("sandbox: stopped; its state stays" if stopped else "sandbox: does not run")
    output.answer({"stopped": stopped})
    return ExitCode.OK


def reset(ask: Callable[[str], bool], *, output: Output) -> ExitCode:
    """Stop the program and remove its state and the local stacks, if the answer is yes."""
    sandbox = _sandbox(output)
    state = sandbox.state
    busy = [
        lock
        for folder in sorted((state.backend / ".pulumi/locks/organization" / PROJECT).glob("*"))
        for lock in locks(state.backend, PROJECT, folder.name)
        if not is_stale(lock)
    ]
    if busy:
        raise ProblemError([_busy(", ".join(map(describe, busy)))])
    if not ask(f"Remove every local app with its data, and the local stacks, in {state.home}?"):
        output.show("nothing was removed")
        output.answer({"removed": []})
        return ExitCode.OK
    sandbox.down()
    removed = [str(folder) for folder in sandbox.forget()]
    output.show("\n".join(f"removed {folder}" for folder in removed) or "there was nothing")
    output.answer({"removed": removed})
    return ExitCode.OK


def addresses(running: RunningSandbox, output: Output) -> None:
    """Show where the sandbox listens."""
    output.facts(
        (
            ("Fly's API", running.api_url),
            ("edge", running.edge_url),
            ("model providers", running.provider_url),
            ("state", str(running.home)),
        )
    )


def document(running: RunningSandbox) -> dict[str, object]:
    """Return the sandbox's addresses as fields."""
    return {
        "pid": running.pid,
        "api_url": running.api_url,
        "edge_url": running.edge_url,
        "provider_url": running.provider_url,
        "home": str(running.home),
    }


def _sandbox(output: Output) -> SandboxProcess:
    return SandboxProcess(local_state(os.environ), os.environ, output.say)


def _busy(holders: str) -> Problem:
    return Problem(
        "gateway sandbox reset",
        "sandbox.busy",
        "",
        f"an engine is at work on a local stack: {holders}; nothing was removed",
        "wait for it to end, then run the command again",
    )
