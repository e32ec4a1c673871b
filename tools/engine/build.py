"""How the engine is built: both programs and both scripts, whole or not at all."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.problem import Problem, ProblemError
from tools.engine.program import run
from tools.engine.recipe import ENGINE, MODULES, PIECES, SCRIPTS, SDK, Piece
from tools.engine.toolchain import WAYS_OUT, build_environment

HEARTBEAT_S = 30.0  # a silent minute looks like a hang
SHOWN_LINES = 15  # of what go said before it gave up
UNFINISHED = ".building-"  # what starts so is never taken for a build


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the engine with the program `go`, telling `say` what it does and for how long."""

    go: Path
    environ: Mapping[str, str]
    say: Callable[[str], None]
    minimum_go: str
    clock: Callable[[], float] = time.monotonic
    heartbeat_s: float = HEARTBEAT_S

    def build(self, target: Path) -> None:
        """Make the folder `target` with everything in target/bin.

        It is built beside `target` and renamed at the very end. The caller holds the lock:
        unfinished builds found there are of killed processes, and go. Raises ProblemError.
        """
        for leftover in target.parent.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target.parent))
        try:
            folder = unfinished / "bin"
            folder.mkdir()
            for piece in PIECES:
                self._compile(piece, folder / piece.program)
            self._copy_scripts(folder)
            self._check(folder / ENGINE.program)
            _put_in_place(unfinished, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _compile(self, piece: Piece, output: Path) -> None:
        what = f"{piece.program} {piece.version}"
        self.say(f"building {what} from Go modules; the first time takes about {piece.expected}")
        command = ["build", *piece.flags, "-o", str(output), piece.package]
        began = self.clock()
        self._go(command, piece, doing=f"building {what}")
        self.say(f"built {what} in {self.clock() - began:.0f} s")

    def _copy_scripts(self, folder: Path) -> None:
        listing = self._go(
            ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK],
            ENGINE,
            doing="reading the modules",
        )
        for script in SCRIPTS:
            copied = folder / Path(script).name
            shutil.copyfile(Path(listing.strip()) / script, copied)
            copied.chmod(0o755)  # as a module's file it is not executable

    def _check(self, program: Path) -> None:
        """Run the new `pulumi` once: a program that does not start is not a build."""
        answer = self._run([str(program), "version"], cwd=program.parent, doing="starting it")
        if answer.strip() != f"v{ENGINE.version}":
            raise ProblemError([self._problem([str(program), "version"], answer)])

    def _go(self, arguments: Sequence[str], piece: Piece, doing: str) -> str:
        command = [str(self.go), *arguments]
        return self._run(command, cwd=MODULES / piece.folder, doing=doing)

    def _run(self, command: Sequence[str], *, cwd: Path, doing: str) -> str:
        """Return the command's standard output; raise ProblemError if it does not end well."""
        began = self.clock()
        ended = run(
            command,
            cwd=cwd,
            environ=build_environment(self.environ),
            beat=lambda: self.say(f"still {doing}: {self.clock() - began:.0f} s so far"),
            beat_s=self.heartbeat_s,
        )
        if ended.exit_code != 0:
            raise ProblemError([self._problem(command, ended.errors)])
        return ended.output

    def _problem(self, command: Sequence[str], said: str) -> Problem:
        lines = said.strip().splitlines()[-SHOWN_LINES:] or ["it said nothing"]
        return Problem(
            place="engine: " + " ".join(command),
            id="engine.build",
            value="",
            expected="it did not end as it must, no engine was installed; it said:\n    "
            + "\n    ".join(lines),
            next_step=f"run `make engine` again if the network was away; else "
            f"{WAYS_OUT.format(minimum=self.minimum_go)}",
        )


def _put_in_place(unfinished: Path, target: Path) -> None:
    """Rename the build to its final name; what stands there is a damaged one, and goes."""
    if target.exists():
        target.rename(unfinished.with_name(f"{unfinished.name}-replaced"))
    unfinished.chmod(0o755)  # mkdtemp made it private
    unfinished.replace(target)
    shutil.rmtree(unfinished.with_name(f"{unfinished.name}-replaced"), ignore_errors=True)
