"""How the benchmarks' own programs are started, and that every one of them has ended at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.05
STOP_S = 60.0  # a sandbox stops its machines by their own kill signals
SHOWN_CHARACTERS = 2000


class BenchmarkError(Exception):
    """A benchmark could not be measured; the text says what was tried and what came of it."""


def tell(text: str) -> None:
    """Say on stderr what is being done: stdout holds the table only."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def wait_for(condition: Callable[[], T | None], within_s: float, what: str) -> T:
    """Return the first answer that is not None; `BenchmarkError` after `within_s`."""
    end = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer is not None:
            return answer
        if time.monotonic() > end:
            raise BenchmarkError(f"{what}: not within {within_s:.0f} s")
        time.sleep(POLL_S)


@dataclass
class Processes:
    """Starts programs in groups of their own and ends those that still run, by their ids.

    A group of its own keeps Ctrl-C from reaching a program before we have told it to end.
    """

    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, command: Sequence[str], *, environ: Mapping[str, str], folder: Path, output: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program that runs until `close`, with what it prints in the file `output`."""
        with output.open("ab") as sink:
            process = subprocess.Popen(
                command,
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def run(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        folder: Path,
        ends_with: tuple[int, ...] = (0,),
    ) -> str:
        """Run a program to its end and return its stdout.

        `BenchmarkError` unless it ends with one of the codes in `ends_with`. When we are
        interrupted meanwhile, it is told to end and waited for.
        """
        with subprocess.Popen(
            command,
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate()
            except BaseException:
                self._end(process, signal.SIGINT)
                raise
        if process.returncode not in ends_with:
            said = (errors or output).strip()[-SHOWN_CHARACTERS:]
            told = " ".join(command[:6])
            raise BenchmarkError(f"`{told}` ended with {process.returncode}:\n{said}")
        return output

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a started program and wait for it."""
        self._end(process, signal.SIGTERM)
        self._running.remove(process)

    def close(self) -> None:
        """End all that still runs, the last one first."""
        for process in reversed(self._running):
            self._end(process, signal.SIGTERM)
        self._running.clear()

    @staticmethod
    def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes], number: int) -> None:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)
