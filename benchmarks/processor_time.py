"""How much processor time a program has used, with all that it started."""

import os
from collections.abc import Iterator
from pathlib import Path

# Fields of /proc/<pid>/stat behind the name, counted from 0.
SESSION, OF_PROGRAM, OF_KERNEL = 3, 11, 12


def processor_s(pid: int, proc: Path = Path("/proc")) -> float:
    """Return the seconds that the living processes of this one's session have used so far.

    A machine of the sandbox is a session of its own.
    """
    session = dict(_stats(proc))[pid][SESSION]
    ticks = sum(
        int(fields[OF_PROGRAM]) + int(fields[OF_KERNEL])
        for _, fields in _stats(proc)
        if fields[SESSION] == session
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def _stats(proc: Path) -> Iterator[tuple[int, list[str]]]:
    for file in proc.glob("[0-9]*/stat"):
        try:
            text = file.read_text(encoding="ascii", errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        # The name stands in brackets and may hold anything.
        yield int(file.parent.name), text.rpartition(")")[2].split()
