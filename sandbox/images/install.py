"""How a LiteLLM version gets an environment of its own, once, whoever asks and however often."""

import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sandbox.images.second_best import lacking, relaxed_requirements
from sandbox.images.versions import checked_version
from sandbox.interfaces import ImageError

Progress = Callable[[str], None]

# What `litellm[proxy]` leaves out and the official image has: without prometheus_client the
# proxy does not start with that callback, without google-auth every Vertex call ends in 500,
# without prisma a call without a key ends in 500 where the image answers 401.
BESIDE_LITELLM = ("prometheus_client", "google-auth", "prisma")
MARKER = "complete.json"  # written last: an environment without it is removed and made again
PROGRESS_EVERY_S = 2.0
LAST_LINES = 12  # of a command that ended with an error, shown to the user
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")


class Run(Protocol):
    """Runs a command to its end; `held` is a file descriptor that it must keep open."""

    def __call__(
        self, command: Sequence[str], *, held: int, on_line: Callable[[str], None]
    ) -> None:
        """Report each line of output; raise `ImageError` unless the command ends with 0."""


def default_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what is made once per computer, outside every checkout."""
    caches = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(caches) / "litellm-fly-gateway"


def environment_of(version: str, cache: Path) -> Path:
    """Return where the environment of a version is, or would be."""
    return cache / "litellm" / version


def is_installed(version: str, cache: Path) -> bool:
    """Say whether the environment was made to its end."""
    return (environment_of(version, cache) / MARKER).is_file()


def installed_versions(cache: Path) -> list[str]:
    """Return the versions whose environments are complete."""
    return sorted(marker.parent.name for marker in (cache / "litellm").glob(f"*/{MARKER}"))


def install(
    version: str, progress: Progress, *, cache: Path | None = None, run: Run | None = None
) -> Path:
    """Make the environment of a LiteLLM version, and return its folder.

    Takes one to three minutes and blocks; returns at once when it was made before. A second
    caller waits for the first and uses its work. An interrupted one leaves an environment
    without a marker, which the next caller replaces. Environments are made in place, because
    their scripts name their own path.
    """
    cache = cache or default_cache()
    folder = environment_of(checked_version(version), cache)
    if is_installed(version, cache):
        return folder
    with _lock(cache / "litellm" / f".{version}.lock", version, progress) as held:
        if not is_installed(version, cache):
            _make(version, folder, progress, run or run_command, held)
    return folder


@contextmanager
def _lock(path: Path, version: str, progress: Progress) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"LiteLLM {version}: another install is at work, waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _make(version: str, folder: Path, progress: Progress, run: Run, held: int) -> None:
    started = time.monotonic()
    python = str(folder / "bin" / "python")
    packages = [f"litellm[proxy]=={version}", *BESIDE_LITELLM]
    steps: list[tuple[str, list[str]]] = [
        ("making the environment", [sys.executable, "-m", "venv", str(folder)]),
        (
            "installing packages",
            [python, "-m", "pip", "install", "--no-compile", "--progress-bar=off", *packages],
        ),
        # Without compiled files every start takes twice as long.
        ("compiling", [python, "-m", "compileall", "-q", "-j", "0", str(folder / "lib")]),
    ]
    if folder.exists():
        progress(f"LiteLLM {version}: removing what an interrupted install left")
        shutil.rmtree(folder)
    for number, (what, command) in enumerate(steps, start=1):
        line = f"LiteLLM {version}: step {number} of {len(steps)}, {what}"
        progress(f"{line} ({time.monotonic() - started:.0f} s)")
        narrator = _Narrator(line, progress, started)
        try:
            run(command, held=held, on_line=narrator)
        except ImageError as error:
            name = lacking(str(error))
            if name is None:
                raise
            again = functools.partial(run, held=held, on_line=narrator)
            _install_second_best(version, folder, name, again)
    seconds = time.monotonic() - started
    unfinished = folder / f"{MARKER}.part"
    unfinished.write_text(json.dumps({"packages": packages, "seconds": round(seconds, 1)}))
    unfinished.replace(folder / MARKER)
    progress(f"LiteLLM {version}: installed in {seconds:.0f} s")


def _install_second_best(
    version: str, folder: Path, name: str, run: Callable[[Sequence[str]], None]
) -> None:
    """Install the packages although the index lacks `name` as LiteLLM asks for it."""
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-compile"]
    pip.append("--progress-bar=off")
    run([*pip, "--no-deps", f"litellm=={version}"])
    file = folder / "requirements.txt"
    without_bounds = {name}
    while True:
        file.write_text(relaxed_requirements(folder, without_bounds, extra="proxy"))
        try:
            return run([*pip, "--requirement", str(file), *BESIDE_LITELLM])
        except ImageError as error:
            another = lacking(str(error))
            if another is None or another in without_bounds:
                raise
            without_bounds.add(another)


class _Narrator:
    """Turns pip's many lines into a few that say how far it is."""

    def __init__(self, what: str, progress: Progress, started: float) -> None:
        self._what = what
        self._progress = progress
        self._started = started
        self._told = time.monotonic()
        self._packages = 0

    def __call__(self, line: str) -> None:
        if line.startswith("Collecting "):
            self._packages += 1
        now = time.monotonic()
        last = line.startswith("Installing collected packages")
        if last or now - self._told >= PROGRESS_EVERY_S:
            self._told = now
            done = "all fetched, unpacking" if last else f"{self._packages} packages found"
            self._progress(f"{self._what}: {done} ({now - self._started:.0f} s)")


def run_command(command: Sequence[str], *, held: int, on_line: Callable[[str], None]) -> None:
    """Run a command with this program's environment, without what belongs to another Python.

    The command inherits `held`, the lock: when this program is killed, the next install waits
    until the orphaned command has ended, and does not write into the same folder beside it.
    """
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    last: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=environment,
        pass_fds=(held,),
    ) as process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                on_line(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise ImageError(
            f"`{' '.join(command)}` ended with {process.returncode}; nothing was kept. "
            "Its last lines:\n  " + "\n  ".join(last)
        )
