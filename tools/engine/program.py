"""How another program is run so that it ends when we do, and a long run is told about."""

import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and what it said."""

    exit_code: int
    output: str
    errors: str


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    beat: Callable[[], None],
    beat_s: float,
) -> Ended:
    """Run the command to its end, calling `beat` each `beat_s` seconds meanwhile.

    When an exception arrives in the meantime, a signal's for example, the program is killed.
    """
    process: subprocess.Popen[str] | None = None
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        try:
            with _signals_held():
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            output = _await(process, beat, beat_s)
        except BaseException:
            if process is not None:
                with process:
                    process.kill()
            raise
        errors.seek(0)
        return Ended(process.returncode, output, errors.read())


def _await(process: subprocess.Popen[str], beat: Callable[[], None], beat_s: float) -> str:
    while True:
        try:
            output, _ = process.communicate(timeout=beat_s)
        except subprocess.TimeoutExpired:
            beat()
        else:
            return output


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back the signals that end us until the block is done.

    A program is started some time before `Popen` returns: a signal's exception in between would
    leave it running with nobody who knows its id. (A blocked signal mask would be inherited.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals' exceptions only ever arrive in the main thread
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda got, _: held.append(got)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in held:
            signal.raise_signal(got)
