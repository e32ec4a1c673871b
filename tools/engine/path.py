"""Which `pulumi` on PATH is new enough to be used, and why another one is not."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

MINIMUM = (3, 259, 0)
NEXT_MAJOR = (4, 0, 0)  # pyproject.toml asks for an SDK below it
COMPANIONS = ("pulumi-language-python", "pulumi-resource-pulumi-python")
VERSION_TIMEOUT_S = 60  # a first start on a cold disk takes a few seconds

_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")


def is_new_enough(version: str) -> bool:
    """Tell whether `version`, as `pulumi version` prints it, is at least 3.259.0 and below 4.

    A pre-release of 3.259.0 comes before it and is too old; text of another shape is too.
    """
    match = _SEMVER.fullmatch(version.strip())
    if match is None:
        return False
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    released = match[4] is None
    return MINIMUM <= numbers < NEXT_MAJOR and (released or numbers != MINIMUM)


def pulumi_on_path(
    environ: Mapping[str, str], say: Callable[[str], None], *, ignore: Path | None = None
) -> Path | None:
    """Return the first folder of PATH with a usable `pulumi` in it, or None.

    `say` is told about each one that is passed over. Folders at or below `ignore`, the
    project's own cache, are passed over in silence.
    """
    for folder in _folders(environ):
        if ignore is not None and folder.resolve().is_relative_to(ignore.resolve()):
            continue
        program = shutil.which("pulumi", path=str(folder))
        if program is None:
            continue
        reason = _objection(Path(program), environ)
        if reason is None:
            return folder
        say(f"{program} is not used: {reason}")
    return None


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the absolute folders of PATH in order, each once."""
    entries = [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep)]
    yield from dict.fromkeys(entry for entry in entries if entry.is_absolute())


def _objection(program: Path, environ: Mapping[str, str]) -> str | None:
    """Return why this `pulumi` cannot be used, or None if it can."""
    version = _version(program, environ)
    if not is_new_enough(version):
        wanted = ".".join(map(str, MINIMUM))
        return f"its version is {version or 'not told'}, wanted is {wanted} or newer, below 4"
    beside = {str(program.parent), str(program.resolve().parent)}
    where = os.pathsep.join([*sorted(beside), environ.get("PATH", "")])
    missing = [name for name in COMPANIONS if shutil.which(name, path=where) is None]
    return f"{' and '.join(missing)} is neither beside it nor on PATH" if missing else None


def _version(program: Path, environ: Mapping[str, str]) -> str:
    """Return what `pulumi version` prints, or "" when it does not get that far."""
    try:
        answer = subprocess.run(
            [str(program), "version"],
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return answer.stdout.strip()
