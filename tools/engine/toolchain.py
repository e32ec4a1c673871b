"""The Go on PATH: whether there is one, how new it is, and the environment it builds in."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stacks.problem import Problem, ProblemError

WAYS_OUT = (
    "install Pulumi 3.259.0 or newer (https://www.pulumi.com/docs/install) or Go {minimum} or "
    "newer (https://go.dev/dl), put it on PATH and run the same command again"
)
ANSWER_TIMEOUT_S = 60


def find_go(environ: Mapping[str, str], minimum: str) -> Path:
    """Return the `go` on PATH.

    Raises ProblemError when there is none, or when it is older than `minimum`: it would otherwise
    try to download a newer toolchain in the middle of the build.
    """
    go = shutil.which("go", path=environ.get("PATH", ""))
    if go is None:
        raise ProblemError([_missing(minimum)])
    version = _version(go, environ)
    if version is None or not _at_least(version, minimum):
        raise ProblemError([_too_old(go, version, minimum)])
    return Path(go)


def build_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for `go`, without what would change the result.

    Proxies, caches and certificates stay as they are. What goes: flags and workspaces of the
    user's own projects, another target platform, and the download of another toolchain.
    """
    changed = ("GOFLAGS", "GOWORK", "GOOS", "GOARCH", "GO111MODULE", "GOTOOLCHAIN")
    kept = {name: value for name, value in environ.items() if name not in changed}
    return {**kept, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "GOTOOLCHAIN": "local"}


def _version(go: str, environ: Mapping[str, str]) -> str | None:
    """Return the numbers of `go env GOVERSION`, or None when it says nothing of that kind."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            cwd="/",  # not below a go.mod that asks for another version
            env=build_environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    match = re.search(r"go(\d+(?:\.\d+)+)", answer.stdout)
    return match[1] if match else None


def _at_least(version: str, minimum: str) -> bool:
    """Compare dotted numbers; a release candidate counts as its release."""
    have, want = ([int(part) for part in text.split(".")] for text in (version, minimum))
    length = max(len(have), len(want))
    return have + [0] * (length - len(have)) >= want + [0] * (length - len(want))


def _missing(minimum: str) -> Problem:
    return Problem(
        place="PATH: no `pulumi` that can be used, and no `go` to build one",
        id="engine.missing",
        value="",
        expected="`pulumi up` needs Pulumi's engine; nothing was installed or changed",
        next_step=WAYS_OUT.format(minimum=minimum),
    )


def _too_old(go: str, version: str | None, minimum: str) -> Problem:
    return Problem(
        place=f"{go}: version",
        id="engine.go-too-old",
        value=version or "not told",
        expected=f"building Pulumi's engine needs Go {minimum} or newer; nothing was changed",
        next_step=WAYS_OUT.format(minimum=minimum),
    )
