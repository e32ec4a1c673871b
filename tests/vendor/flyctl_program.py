"""A real flyctl, pointed at a sandbox; the tests that need one are skipped without it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# What tells a release from a development build, whose version is the day it was made.
RELEASE = re.compile(r"flyctl v0\.(\d+)\.(\d+) ")
DEVELOPMENT = re.compile(r"flyctl v20\d\d\.\d+\.\d+-dev\.")
SUPPORTED_MINOR, OLDEST_PATCH = 4, 70  # v0.4.70 and newer of v0.4
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
DEADLINE_S = 120
QUIET = ("--remote-only", "--ha=false", "--dns-checks=false", "--deploy-retries", "0", "--yes")
"""What every deployment says: nothing that reaches beyond the three APIs, nothing asked."""


def flyctl_on_path() -> str:
    """Return the binary, or skip the test and say why."""
    binary = shutil.which("flyctl") or shutil.which("fly")
    if binary is None:
        pytest.skip("no flyctl on PATH")
    said = subprocess.run([binary, "version"], capture_output=True, text=True, check=False).stdout
    release = RELEASE.match(said)
    if release is None and not DEVELOPMENT.match(said):
        pytest.skip(f"{binary} says {said.strip()!r}: no version of flyctl that is known here")
    if release and not (int(release[1]) == SUPPORTED_MINOR and int(release[2]) >= OLDEST_PATCH):
        pytest.skip(f"flyctl v0.4.{OLDEST_PATCH} or newer of v0.4 is supported; this is {said}")
    return binary


@dataclass(frozen=True)
class Ran:
    """How a command ended; `stdout` is without colours."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What was printed, as JSON."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Flyctl:
    """flyctl with all of its APIs at `api_url`, and nothing that it could find elsewhere."""

    binary: str
    api_url: str
    folder: Path
    token: str = "sandbox-tests"

    def environ(self, config: Path) -> Mapping[str, str]:
        """Give the whole environment of one run."""
        return {
            "PATH": os.defpath,
            "HOME": str(config),
            "FLY_CONFIG_DIR": str(config),
            "FLY_API_BASE_URL": self.api_url,
            "FLY_FLAPS_BASE_URL": self.api_url,
            "FLY_UIEX_BASE_URL": self.api_url,
            "FLY_TRACE_COLLECTOR_URL": "127.0.0.1",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "FLY_SEND_METRICS": "0",
            "FLY_NO_UPDATE_CHECK": "1",
            "FLY_ACCESS_TOKEN": self.token,
            "CI": "1",
        }

    def run(self, *words: str, code: int | None = 0) -> Ran:
        """Run a command in `folder`; its configuration folder lives as long as it does."""
        config = self.folder / ".flyctl"
        config.mkdir(mode=0o700)
        try:
            done = subprocess.run(
                [self.binary, *words],
                cwd=self.folder,
                env=self.environ(config),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
                check=False,
            )
        finally:
            shutil.rmtree(config)
        ran = Ran(done.returncode, COLOURS.sub("", done.stdout), COLOURS.sub("", done.stderr))
        assert code in (None, ran.code), ran
        return ran

    def deploy(self, app: str, image: str, *more: str, code: int | None = 0) -> Ran:
        """Deploy `fly.toml` of `folder`."""
        words = ("deploy", "-a", app, "-c", "fly.toml", "--image", image, *QUIET)
        return self.run(*words, *more, code=code)
