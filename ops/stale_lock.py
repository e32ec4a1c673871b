"""Whether the lock of a file backend was left behind by an engine that is no more."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.running_sandbox import command_of

PROGRAM = "pulumi"


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a stack, as the engine wrote it down."""

    path: Path
    pid: int
    host: str


def locks(backend: Path, project: str, stack: str) -> tuple[Lock, ...]:
    """Return the locks of a stack; what cannot be read is taken for nobody's."""
    folder = backend / ".pulumi" / "locks" / "organization" / project / stack
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            text = json.loads(path.read_text(encoding="utf-8"))
            found.append(Lock(path, int(text["pid"]), str(text["hostname"])))
        except (OSError, ValueError, KeyError, TypeError):
            found.append(Lock(path, 0, ""))
    return tuple(found)


def is_stale(
    lock: Lock,
    *,
    host: str | None = None,
    command: Callable[[int], list[str]] = command_of,
) -> bool:
    """Tell whether the lock's engine has certainly ended: it ran here and is not there any more.

    An id that now belongs to another program counts as ended: in containers low ids come back
    soon. A lock of another host is never stale for us.
    """
    if lock.pid <= 0 or lock.host != (host or socket.gethostname()):
        return False
    words = command(lock.pid)
    return not words or Path(words[0]).name != PROGRAM


def describe(lock: Lock) -> str:
    """Name a lock's holder for a reader."""
    return f"process {lock.pid} on {lock.host}" if lock.pid else f"the file {lock.path}"
