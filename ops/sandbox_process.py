"""How the sandbox's program is started in the background, awaited and ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local_state import LocalState
from ops.running_sandbox import RunningSandbox, find_sandbox, is_sandbox
from stacks.problem import Problem, ProblemError
from tools.engine.lock import only_one

READY_S = 60  # machines of an earlier run are started again meanwhile
STOP_S = 90  # more than the longest kill_timeout of a machine here
KILL_S = 15  # after the second signal, which kills the machines
POLL_S = 0.1
SHOWN_LINES = 15
# What the background program needs of the caller's environment: it outlives the caller's shell,
# and no key that happens to be exported there should live as long.
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the sandbox listens; None leaves its own choice, 0 takes any free port."""

    api: int | None = None
    edge: int | None = None
    providers: int | None = None
    subnet: str | None = None

    def options(self) -> list[str]:
        """Return the words for its command line."""
        given = {
            "--port": self.api,
            "--edge-port": self.edge,
            "--provider-port": self.providers,
            "--subnet": self.subnet,
        }
        return [
            word
            for name, value in given.items()
            if value is not None
            for word in (name, str(value))
        ]


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """The background program of one state; `say` is told what takes time."""

    state: LocalState
    environ: Mapping[str, str]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def install(self, litellm_version: str) -> None:
        """Make sure that machines can run this LiteLLM; 1 to 3 minutes the first time."""
        command = [sys.executable, "-m", "sandbox", "images", "install", litellm_version]
        process = subprocess.Popen(
            command,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        said: list[str] = []
        with process:
            for line in process.stdout or ():
                said.append(line.rstrip())
                self.say(f"sandbox: {said[-1]}")
        if process.returncode != 0:
            raise ProblemError([_image_problem(litellm_version, said)])

    def up(self, ports: Ports) -> tuple[RunningSandbox, bool]:
        """Start the program unless it runs; return it and whether it was started now."""
        self.state.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with only_one(self.state.home / "sandbox.starting", self.say):
            running = find_sandbox(self.state)
            if running is not None:
                return running, False
            return self._start(ports), True

    def down(self) -> bool:
        """End the program and its machines; their state stays. False when none ran."""
        running = find_sandbox(self.state)
        if running is None:
            return False
        self.say(f"sandbox: stopping (pid {running.pid}); machines end by their own kill signal")
        os.kill(running.pid, signal.SIGTERM)
        if self._gone(running.pid, STOP_S):
            return True
        self.say(f"sandbox: not ended within {STOP_S} s; killing its machines")
        os.kill(running.pid, signal.SIGTERM)
        if self._gone(running.pid, KILL_S):
            return True
        raise ProblemError([_still_there(running.pid)])

    def forget(self) -> list[Path]:
        """Remove what an ended sandbox and its stacks left; return the folders removed."""
        mine = (self.state.sandbox, self.state.backend, self.state.pulumi_home)
        removed = [folder for folder in mine if folder.exists()]
        for folder in removed:
            shutil.rmtree(folder)
        self.state.sandbox_output.unlink(missing_ok=True)
        return removed

    def command(self, ports: Ports) -> list[str]:
        """Return the command line that serves from this state."""
        home = ["--home", str(self.state.sandbox)]
        return [sys.executable, "-m", "sandbox", "serve", *home, *ports.options()]

    def program_environment(self) -> dict[str, str]:
        """Return the few variables that the background program gets."""
        return {name: self.environ[name] for name in KEPT if name in self.environ}

    def _start(self, ports: Ports) -> RunningSandbox:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        output = os.open(self.state.sandbox_output, flags, 0o600)
        try:
            process = subprocess.Popen(
                self.command(ports),
                env=self.program_environment(),
                cwd=self.state.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        deadline = self.clock() + READY_S
        while self.clock() < deadline:
            running = find_sandbox(self.state)
            if running is not None and running.pid == process.pid:
                return running
            if process.poll() is not None:
                break
            self.sleep(POLL_S)
        else:
            process.terminate()
        raise ProblemError([self._not_started(process.returncode)])

    def _gone(self, pid: int, within_s: float) -> bool:
        deadline = self.clock() + within_s
        while is_sandbox(pid, self.state.sandbox):
            if self.clock() >= deadline:
                return False
            self.sleep(POLL_S)
        return True

    def _not_started(self, code: int | None) -> Problem:
        text = self.state.sandbox_output.read_text(encoding="utf-8", errors="replace")
        lines = text.strip().splitlines()[-SHOWN_LINES:] or ["it said nothing"]
        how = f"not ready after {READY_S} s" if code is None else f"it ended with {code}"
        return Problem(
            f"sandbox: {self.state.sandbox}",
            "sandbox.start",
            "",
            f"{how}; it said:\n    " + "\n    ".join(lines),
            "do what it says, then: gateway sandbox up",
        )


def _image_problem(version: str, said: list[str]) -> Problem:
    last = "\n    ".join(said[-SHOWN_LINES:]) or "it said nothing"
    return Problem(
        f"sandbox: LiteLLM {version}",
        "sandbox.image",
        "",
        f"it could not be installed, nothing was started; it said:\n    {last}",
        "do what it says, then: gateway sandbox up",
    )


def _still_there(pid: int) -> Problem:
    return Problem(
        f"sandbox: process {pid}",
        "sandbox.stop",
        "",
        f"it still runs {STOP_S + KILL_S} s after it was asked to end; its state is whole",
        f"kill -9 {pid}, then: gateway sandbox down",
    )
