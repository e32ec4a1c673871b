"""A checkout in small on which tests run the `gateway` command as a user does: as a program."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox.engine.pulumi_stack import SALT, stub_config
from tests.sandbox.engine.sandbox_program import ROOT, SandboxProgram

TIMEOUT_S = 110
UNUSED = "http://127.0.0.1:9"  # before the sandbox has said its addresses
SANDBOX_IN = ("--port", "0", "--edge-port", "0", "--provider-port", "0", "--subnet")


@dataclass
class Project:
    """A folder with Pulumi.yaml, the program and one local environment on the stub image."""

    root: Path
    subnet: str
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, subnet: str) -> "Project":
        """Make the folder and the state beside it, with nothing running."""
        root = folder / "project"
        root.mkdir()
        for name in ("Pulumi.yaml", "__main__.py"):
            (root / name).write_bytes((ROOT / name).read_bytes())
        # The engine's script for dynamic providers looks for the folder that Pulumi.yaml names.
        (root / ".venv").symlink_to(sys.prefix)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        made = cls(root, subnet, {**kept, "GATEWAY_STATE_HOME": str(folder / "state")})
        made.configure()
        return made

    @property
    def state(self) -> Path:
        """Where sandbox and backend are."""
        return Path(self.environ["GATEWAY_STATE_HOME"])

    @property
    def addresses(self) -> dict[str, Any]:
        """What the sandbox says of itself; nothing while it does not serve."""
        try:
            found: dict[str, Any] = json.loads((self.state / "sandbox/sandbox.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def configure(self, **overrides: Any) -> None:
        """Write Pulumi.local.yaml with the sandbox's addresses."""
        urls = dict.fromkeys(("api_url", "edge_url", "provider_url"), UNUSED)
        seen = SandboxProgram(self.state / "sandbox", self.subnet, None, urls | self.addresses)
        config = stub_config(seen, **overrides)
        document = {
            "encryptionsalt": SALT,
            "config": {f"gateway:{key}": value for key, value in config.items()},
        }
        (self.root / "Pulumi.local.yaml").write_text(yaml.safe_dump(document))

    def command(self, *words: str) -> list[str]:
        """Return the command line of a `gateway` command."""
        return [str(Path(sys.executable).with_name("gateway")), *words]

    def run(
        self, *words: str, stdin: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, whatever that is."""
        return subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environ | dict(more or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def answer(self, *words: str) -> dict[str, Any]:
        """Run one command that must end well and return its JSON document."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"gateway {words} ended with {done.returncode}:\n{done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def up(self) -> dict[str, Any]:
        """Start the sandbox on free ports and configure the environment for them."""
        found = self.answer("sandbox", "up", *SANDBOX_IN, self.subnet)
        self.configure()
        return found
