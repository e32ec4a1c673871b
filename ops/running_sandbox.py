"""Whether the sandbox runs, under which addresses, and whether a process is really it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.local_state import LocalState
from stacks.problem import Problem, ProblemError


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """What `sandbox.json` says; `home` is where it was found."""

    home: Path
    pid: int
    api_url: str
    edge_url: str
    provider_url: str
    subnet: str


def find_sandbox(state: LocalState) -> RunningSandbox | None:
    """Return the sandbox that serves from this state, or None.

    A file that a killed sandbox left behind counts for nothing: its process must be there.
    """
    try:
        found = json.loads(state.running.read_text(encoding="utf-8"))
        running = RunningSandbox(
            state.sandbox,
            int(found["pid"]),
            *(str(found[key]) for key in ("api_url", "edge_url", "provider_url", "subnet")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running if is_sandbox(running.pid, state.sandbox) else None


def need_sandbox(state: LocalState) -> RunningSandbox:
    """Return the sandbox that serves from this state; `ProblemError` when none does."""
    running = find_sandbox(state)
    if running is not None:
        return running
    raise ProblemError(
        [
            Problem(
                f"sandbox: {state.sandbox}",
                "sandbox.down",
                "",
                "the sandbox does not run; nothing was changed",
                "gateway sandbox up",
            )
        ]
    )


def is_sandbox(pid: int, home: Path) -> bool:
    """Tell whether the process `pid` is a sandbox on `home`: ids are used again by others."""
    words = command_of(pid)
    return "serve" in words and "sandbox" in words and str(home) in words


def command_of(pid: int) -> list[str]:
    """Return the words of a process' command line; none when there is no such process."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        try:
            raw = (proc / str(pid) / "cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(word) for word in raw.split(b"\0") if word]
    listing = subprocess.run(
        ["/bin/ps", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout.split()
