"""What the sandbox and its machines wrote to their logs, as it stands or as it comes."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

LAST_BYTES = 64 * 1024  # of each log, when it is first shown
POLL_S = 0.3


def machine_logs(status: Mapping[str, Any], app: str, home: Path) -> dict[str, Path]:
    """Return the logs of an app's machines by machine id; none for an unknown app."""
    return {
        machine["id"]: home / "machines" / machine["id"] / "log"
        for found in status["apps"]
        if found["name"] == app
        for machine in found["machines"]
    }


def show(
    logs: Mapping[str, Path],
    write: Callable[[str], None],
    *,
    follow: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write each log's last lines; with `follow` also what is added, until interrupted.

    With several logs each line begins with the name of its log.
    """
    tails = [_Tail(path, f"{name}  " if len(logs) > 1 else "") for name, path in logs.items()]
    while True:
        for tail in tails:
            for line in tail.lines():
                write(line)
        if not follow:
            return
        sleep(POLL_S)


class _Tail:
    """Reads a file from where it read last; one that became shorter was rotated."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._at: int | None = None
        self._rest = b""

    def lines(self) -> Iterable[str]:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                if self._at is None:
                    self._at = max(0, size - LAST_BYTES)
                elif size < self._at:
                    self._at, self._rest = 0, b""
                file.seek(self._at)
                piece = file.read()
        except FileNotFoundError:
            return
        self._at += len(piece)
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            yield self._prefix + line.decode(errors="replace")
