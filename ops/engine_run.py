"""How `pulumi` is run: answers collected, or live on the terminal with its events watched."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Self

from ops.engine_events import EngineEvents
from stacks.problem import Problem, ProblemError

SHOWN_LINES = 12
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Watched:
    """How an operation that was watched ended."""

    exit_code: int
    events: EngineEvents
    seconds: float
    interrupted: bool

    @property
    def ending(self) -> str:
        """How it ended, for a reader."""
        if self.exit_code < 0:
            return f"was killed by signal {-self.exit_code}"
        return f"ended with {self.exit_code}"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine on one stack of one project.

    `environ` is the whole environment of the engine; secrets reach it there and nowhere else.
    """

    program: Path
    root: Path
    stack: str
    environ: Mapping[str, str] = field(repr=False)
    clock: Callable[[], float] = time.monotonic

    def read(self, *arguments: str) -> str:
        """Run a command that asks nothing and return what it printed."""
        done = subprocess.run(
            [*self._command(arguments), "--non-interactive"],
            cwd=self.root,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ProblemError([self._problem(arguments, done.returncode, done.stderr)])
        return done.stdout

    def watch(self, *arguments: str, attended: bool) -> Watched:
        """Run an operation with its progress on stderr, and watch its events.

        `attended` leaves the terminal to the engine, which may ask. Otherwise it runs in a process
        group of its own, and each Ctrl-C is passed on: the first lets it end the step under way,
        the second abandons that.
        """
        events = EngineEvents()
        began = self.clock()
        signals = _Signals(attended=attended)
        with _event_pipe(events, self.clock) as pipe, signals:
            process = subprocess.Popen(
                [*self._command(arguments), "--event-log", str(pipe)],
                cwd=self.root,
                # Without this the option is not there; Pulumi's own Automation API sets it too.
                env={**self.environ, "PULUMI_DEBUG_COMMANDS": "true"},
                stdin=None if attended else subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                stderr=sys.stderr.fileno(),
                process_group=None if attended else 0,
            )
            signals.pass_to(process)
            code = process.wait()
        return Watched(code, events, self.clock() - began, signals.came)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [str(self.program), *arguments, "--stack", self.stack]

    def _problem(self, arguments: Sequence[str], code: int, said: str) -> Problem:
        lines = said.strip().splitlines()[-SHOWN_LINES:] or ["it said nothing"]
        return Problem(
            f"pulumi {' '.join(arguments)} --stack {self.stack}",
            "engine.command",
            "",
            f"it ended with {code} and said:\n    " + "\n    ".join(lines),
            f'eval "$(gateway env {self.stack})", then run that command to see it by yourself',
        )


@contextmanager
def _event_pipe(events: EngineEvents, clock: Callable[[], float]) -> Iterator[Path]:
    """Yield a named pipe whose lines go to `events`; at the end all of them have arrived.

    A pipe and no file: the engine's events hold what the program exports in plain.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-events-") as folder:
        path = Path(folder) / "events"
        os.mkfifo(path, 0o600)
        # Both ends are opened here, so that neither waits for an engine that never opens its own.
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(path, os.O_WRONLY)
        os.set_blocking(reading, True)

        def read() -> None:
            with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    events.take(line, clock())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield path
        finally:
            os.close(writing)
            reader.join()


class _Signals:
    """While entered, passes Ctrl-C and polite ends on to a process instead of ending this one.

    On the terminal Ctrl-C reaches an attended process by itself, and a second one would tell it
    to drop everything; so only the others are passed on to it. What arrives before `pass_to` is
    kept until then.
    """

    def __init__(self, *, attended: bool) -> None:
        self._attended = attended
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}
        self._kept = 0
        self.came = False

    def __enter__(self) -> Self:
        for number in PASSED_ON:
            self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_to(self, process: subprocess.Popen[bytes]) -> None:
        """Send everything to this process from now on."""
        self._process = process
        for _ in range(self._kept):
            process.send_signal(signal.SIGINT)

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        self.came = True
        if number == signal.SIGINT and self._attended:
            return
        if self._process is None:
            self._kept += 1
        else:
            self._process.send_signal(signal.SIGINT)  # does nothing once it has ended
