"""How the program flyctl is run: found, in a folder that goes with it, never cut short."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from fly.errors import mask
from fly.flyctl import NAMES, plain, process_environment

PREFIX = "gateway-flyctl-"  # of a run's folder; the process id of its owner follows
TICK_S = 15.0  # between two signs of life
PATIENCE_S = 60.0  # for a flyctl that was asked to stop and undoes what it can
TAIL_LINES = 12
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Waits until we end, however that is; then asks flyctl to stop, and removes its folder after it.
LAST_WILL = """
read -r _
kill -INT "$0" 2>/dev/null
while kill -0 "$0" 2>/dev/null; do sleep 1; done
rm -rf "$1"
"""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run of flyctl ended; a negative exit code is the signal that killed it."""

    exit_code: int
    stdout: str = field(repr=False)
    stderr: str = field(default="", repr=False)

    def tail(self, hidden: Sequence[str]) -> str:
        """Return its last words, without colours and with every string of `hidden` masked."""
        text = mask(plain(f"{self.stdout}\n{self.stderr}"), hidden)
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return "\n".join(f"  flyctl: {line}" for line in lines[-TAIL_LINES:])


class Run(Protocol):
    """Runs flyctl once; tests pass one that plays what a real one was seen to do."""

    def __call__(
        self, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], limit_s: float
    ) -> Ran:
        """Run it in `folder`, also its own files' place, and wait for its end."""
        ...


class InterruptedFlyctlError(Exception):
    """This program was asked to stop, passed that on, and flyctl has ended."""


class Flyctl:
    """The program at `path`, in an environment made from `environ`.

    A signal that asks this process to stop is passed on to flyctl once, which is then waited for:
    killed, it would leave its leases and half a release. So it is after `limit_s`.
    """

    def __init__(self, path: Path, *, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        self._asked: signal.Signals | None = None

    def __call__(
        self, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], limit_s: float
    ) -> Ran:
        """Run it; raises `InterruptedFlyctlError` after its end when we were asked to stop."""
        own = process_environment(environ, folder)
        with (
            subprocess.Popen(
                [str(self._path), *arguments],
                cwd=folder,
                env=own,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # Apart from our terminal: Ctrl-C reaches it once, through us, and not twice.
                start_new_session=True,
            ) as process,
            _outlived(process, folder),
            self._passing_on(process),
        ):
            stdout, stderr = self._until_ended(process, arguments[0], limit_s)
        if self._asked is not None:
            raise InterruptedFlyctlError(f"interrupted by {self._asked.name}")
        return Ran(process.returncode, stdout, stderr)

    def _until_ended(
        self, process: subprocess.Popen[str], what: str, limit_s: float
    ) -> tuple[str, str]:
        began = time.monotonic()
        stopped_at: float | None = None
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=TICK_S)
            gone = time.monotonic() - began
            self._progress(f"flyctl {what}: {gone:.0f} s of at most {limit_s:.0f} s")
            if stopped_at is None and gone > limit_s:
                self._progress(f"flyctl {what} does not end: asking it to stop")
                process.send_signal(signal.SIGINT)
                stopped_at = gone
            elif stopped_at is not None and gone > stopped_at + PATIENCE_S:
                process.kill()

    @contextmanager
    def _passing_on(self, process: subprocess.Popen[str]) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals come to the main thread only
            return

        def pass_on(number: int, _frame: FrameType | None) -> None:
            if self._asked is None:
                self._asked = signal.Signals(number)
                # A closed terminal would end flyctl on the spot; an interrupt lets it clean up.
                process.send_signal(signal.SIGINT if number == signal.SIGHUP else number)

        before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _outlived(process: subprocess.Popen[str], folder: Path) -> Iterator[None]:
    """See to it that flyctl does not go on alone when we are killed within the block."""
    with subprocess.Popen(
        ["/bin/sh", "-c", LAST_WILL, str(process.pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as will:
        try:
            yield
        finally:
            will.kill()  # before its input ends with this block


def find_flyctl(path: str | None) -> Path | None:
    """Return the program among the folders of a PATH, under either of its names."""
    found = (shutil.which(name, path=path or "") for name in NAMES)
    return next((Path(program) for program in found if program), None)


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that only we can read, and remove it with everything in it.

    flyctl's log, which holds the body of every request, is written there. A folder that is left
    all the same is removed by the next run.
    """
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
