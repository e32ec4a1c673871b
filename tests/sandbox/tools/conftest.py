"""A machine that has only what a test puts on its PATH."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BASH = shutil.which("bash") or "/bin/bash"

# Builds what says it is pulumi 3.259.0. With a gate it first tells its pid, then waits there.
FAKE_GO = f"""#!{BASH}
case "$1" in
env) echo "${{FAKE_GO_VERSION:-go1.26.8}}" ;;
list) echo "$FAKE_GO/sdk" ;;
build)
  echo "$*" >> "$FAKE_GO/builds"
  if [ -n "$FAKE_GO_REFUSES" ]; then echo "$FAKE_GO_REFUSES" >&2; exit 1; fi
  while [ "$1" != -o ]; do shift; done
  echo unfinished > "$2"
  if [ -p "$FAKE_GO/gate" ]; then echo $$ > "$FAKE_GO/started"; read -r line < "$FAKE_GO/gate"; fi
  printf '#!{BASH}\\necho %s\\n' "${{FAKE_GO_BUILDS:-v3.259.0}}" > "$2"
  chmod 755 "$2" ;;
esac
"""


class Machine:
    """Runs `python -m tools.engine` with a PATH, a home and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "path"
        self.go = folder / "go"
        self.cache = folder / "cache"
        self.environ = {
            "PATH": str(self.path),
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(self.cache),
            "FAKE_GO": str(self.go),
        }
        self.path.mkdir()
        (self.path / "chmod").symlink_to(shutil.which("chmod") or "/bin/chmod")
        self.go.mkdir()
        self.running: list[subprocess.Popen[str]] = []

    def add_program(self, name: str, text: str, folder: Path | None = None) -> Path:
        """Put an executable script on PATH, or into a folder of its own."""
        program = (folder or self.path) / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
        return program

    def add_pulumi(self, version: str, folder: Path | None = None) -> Path:
        """Put a pulumi of this version with its companions on PATH; return its folder."""
        for name in ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"):
            self.add_program(name, f"#!{BASH}\necho {version}\n", folder)
        return folder or self.path

    def add_go(self, *, gate: bool = False) -> None:
        """Put the fake `go` on PATH; with a gate its builds stop half way and wait."""
        self.add_program("go", FAKE_GO)
        for script in (
            "python/cmd/pulumi-language-python-exec",
            "python/dist/pulumi-resource-pulumi-python",
        ):
            source = self.go / "sdk" / script
            source.parent.mkdir(parents=True)
            source.write_text("#!/usr/bin/env python3\n", encoding="utf-8")
            source.chmod(0o444)  # as in Go's module cache
        if gate:
            os.mkfifo(self.go / "gate")
            os.mkfifo(self.go / "started")

    def start(self) -> subprocess.Popen[str]:
        """Start the command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.engine"],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def run(self) -> tuple[int, str, str]:
        """Run the command to its end; return exit code, standard output and error."""
        process = self.start()
        output, errors = process.communicate()
        return process.returncode, output.strip(), errors

    def wait_for_build(self) -> int:
        """Wait until a build stands at the gate; return the pid of its `go`."""
        return int((self.go / "started").read_text(encoding="utf-8"))

    def open_gate(self) -> None:
        """Let the build that stands at the gate go on."""
        (self.go / "gate").write_text("go\n", encoding="utf-8")

    def remove_gate(self) -> None:
        """Let the builds from now on run through."""
        (self.go / "gate").unlink()

    @property
    def builds(self) -> list[str]:
        """The `go build` commands so far."""
        log = self.go / "builds"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    @property
    def cached(self) -> list[str]:
        """What lies in the cache beside the lock."""
        folder = self.cache / "litellm-fly-gateway" / "engine"
        return sorted(entry.name for entry in folder.glob("*") if entry.name != "lock")

    def stop(self) -> None:
        """End what a failed test left running."""
        for process in self.running:
            with process:
                process.kill()
        with suppress(OSError):  # nobody stands at the gate
            os.close(os.open(self.go / "gate", os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An empty machine."""
    made = Machine(tmp_path)
    yield made
    made.stop()
