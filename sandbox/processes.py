"""A process group on this computer: spawn it, take it over, signal it, wait for its end (Linux)."""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import IO

from sandbox.interfaces import ProcessSpec

_STATE, _START = 0, 19  # fields of /proc/PID/stat behind the command's name
_TICKS = os.sysconf("SC_CLK_TCK")


def start_time(pid: int) -> float | None:
    """Return when a process started, in seconds since the boot; None when it is gone or dead.

    Together with the pid it names a process: a pid that was given out again has another start.
    """
    stat = _stat(pid)
    return None if stat is None or stat[_STATE] in "ZX" else int(stat[_START]) / _TICKS


class Process:
    """The leader of a process group, either our child or taken over from an earlier sandbox.

    Signals go through a pidfd, so they never reach a stranger that was given the same pid.
    """

    def __init__(
        self, pid: int, pidfd: int, started: float, child: subprocess.Popen[bytes] | None
    ) -> None:
        self.pid = pid
        self.started = started
        self._pidfd: int | None = pidfd
        self._child = child

    @property
    def alive(self) -> bool:
        """True until `wait` has noticed the end."""
        return self._pidfd is not None

    def send(self, number: int) -> None:
        """Send a signal to the leader alone, as Fly's init does; nothing when it has ended."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill_group(self) -> None:
        """Send SIGKILL to the whole group; nothing when none of it is left."""
        self.send(signal.SIGKILL)
        if self._pidfd is None:
            return
        stat = _stat(self.pid)
        if stat is not None and int(stat[_START]) / _TICKS != self.started:
            return  # the pid belongs to somebody else by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> int | None:
        """Wait for the leader's end, kill what it left of its group, and reap it.

        Returns the exit code (minus the signal's number when one ended it), or None when the
        process was not our child: then only its parent can know. To be awaited by one task.
        """
        if self._pidfd is None:
            return self._child.returncode if self._child else None
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(self._pidfd, _settle, ended)
        try:
            await ended
        finally:
            loop.remove_reader(self._pidfd)
        self.kill_group()  # before reaping: until then nobody else can be given the pid
        code = self._child.wait() if self._child else None
        os.close(self._pidfd)
        self._pidfd = None
        return code


def spawn(spec: ProcessSpec, *, stdout: IO[bytes] | int, stderr: IO[bytes] | int) -> Process:
    """Start a process in a session of its own, with exactly its environment and no input.

    Raises OSError when the program cannot be executed.
    """
    child = subprocess.Popen(
        spec.argv,
        env=dict(spec.environment),
        cwd=spec.cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    # Our child stays at least a zombie until it is waited for: the pid cannot be another's.
    pidfd = os.pidfd_open(child.pid)
    stat = _stat(child.pid)
    started = int(stat[_START]) / _TICKS if stat else 0.0
    return Process(child.pid, pidfd, started, child)


def adopt(pid: int | None, started: float | None) -> Process | None:
    """Take over a process that an earlier sandbox started; None when it no longer runs."""
    if pid is None or started is None:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return None
    if start_time(pid) != started:
        os.close(pidfd)
        return None
    return Process(pid, pidfd, started, None)


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
