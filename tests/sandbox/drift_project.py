"""A deployed project whose drift is looked at in two ways: `gateway drift` and Pulumi's preview."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.ops_project import Project
from tests.sandbox.tampering import MARKER, Before, Tampering

CLEAN, FOUND, PREVIEW_FOUND = 0, 2, 7
# What the gateway itself says is looked at apart: of two machines the proxy chooses one to answer.
BELOW_LITELLM = ("--layer", "infrastructure", "--layer", "files", "--layer", "secrets")
PREVIEW = "pulumi preview --stack local --refresh --diff --expect-no-changes --color never"


@dataclass
class DriftProject:
    """A project that is deployed, its sandbox, and everything that was printed."""

    project: Project
    exports: str = ""
    printed: list[str] = field(default_factory=list)

    @property
    def sandbox(self) -> SandboxProgram:
        """The running sandbox, over HTTP."""
        home = self.project.state / "sandbox"
        return SandboxProgram(home, self.project.subnet, None, self.project.addresses)

    def deploy(self, **config: Any) -> None:
        """Start the sandbox and deploy."""
        self.project.up()
        self.project.configure(**config)
        self.project.answer("deploy", "local")
        self.exports = self.project.run("env", "local").stdout

    def drift(self, *more: str, code: int | None = None) -> dict[str, Any]:
        """Run `gateway drift` and return its document."""
        done = self.project.run("drift", "local", "--json", *more)
        self.printed += [done.stdout, done.stderr]
        assert code is None or done.returncode == code, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return {**found, "exit": done.returncode}

    def both(self, *more: str) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
        """Run `gateway drift` and the preview side by side."""
        script = f"{self.exports}\nexec {PREVIEW}"
        preview = subprocess.Popen(
            ["/bin/sh", "-ec", script],
            cwd=self.project.root,
            env=self.project.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            found = self.drift(*more)
        finally:
            told, _ = preview.communicate(timeout=120)
        return found, subprocess.CompletedProcess(script, preview.returncode, told)

    def finds(self, tampering: Tampering, *, earlier: Iterable[Tampering] = ()) -> None:
        """Assert that both see the tampering, and nothing but it and the earlier ones."""
        tampering.act(self.sandbox)
        if tampering.blind:
            found = self.drift(*BELOW_LITELLM)
        else:
            found, preview = self.both(*BELOW_LITELLM)
            assert preview.returncode == PREVIEW_FOUND, (tampering.what, preview.stdout)
            assert tampering.resource in preview.stdout, tampering.what
        assert found["exit"] == FOUND, (tampering.what, found)
        left = [row for row in found["findings"] if not any(_is(row, e) for e in earlier)]
        assert [_is(row, tampering) for row in left] == [True], (tampering, found)
        assert {row["moved"] for row in left} == {"reality"}

    def tells_no_marker(self) -> None:
        """Assert that nothing that was planted was ever shown."""
        assert not [text for text in self.printed if MARKER in text]
        for file in (self.project.root / ".gateway").rglob("*.json"):
            assert MARKER not in file.read_text()

    def before(self, *apps: str) -> Before:
        """Remember how everything is."""
        return Before(self.sandbox, apps)


def _is(row: dict[str, Any], tampering: Tampering) -> bool:
    """Tell whether a finding is what a tampering has to be found as."""
    named = tampering.path == row["path"] or re.fullmatch(tampering.path, row["path"])
    said = (row["layer"], row["resource"], row["verdict"])
    wanted = (tampering.layer, tampering.resource, tampering.verdict)
    return bool(named) and said == wanted
