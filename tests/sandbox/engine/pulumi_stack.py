"""A Pulumi stack of the project's own program: real engine, a backend of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stacks.gateway import CHAINS
from tests.sandbox.engine.sandbox_program import ROOT, TOKEN, SandboxProgram

SALT = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())[
    "encryptionsalt"
]  # of the passphrase `local`
STUB_MODELS = [
    {"name": "xai/grok-4.3", "provider": "xai"},
    {"name": "anthropic/claude-sonnet-4-6", "provider": "anthropic"},
]


@dataclass
class Stack:
    """One Pulumi stack of the project's own program, with its own backend and configuration."""

    home: Path
    sandbox: SandboxProgram
    environment: dict[str, str]
    name: str = "local"
    transcript: list[str] = field(default_factory=list)
    """Everything that the engine printed."""

    @property
    def config_file(self) -> Path:
        """The stack's configuration, in place of the committed Pulumi.local.yaml."""
        return self.home / f"Pulumi.{self.name}.yaml"

    def configure(
        self, config: Mapping[str, Any], secrets: Mapping[str, str] | None = None
    ) -> None:
        """Write the stack's configuration; `config` is what stands below `gateway:`."""
        document = {
            "encryptionsalt": SALT,
            "config": {f"gateway:{key}": value for key, value in config.items()},
        }
        self.config_file.write_text(yaml.safe_dump(document))
        for name, value in (secrets or {}).items():
            self.run("config", "set", "--secret", f"gateway:{name}", stdin=value)

    def run(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one pulumi command to its end and return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        self.transcript.append(done.stdout)
        if check:
            assert done.returncode == 0, (
                f"pulumi {arguments} ended with {done.returncode}:\n{done.stdout}"
            )
        return done

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a pulumi command on this stack."""
        pulumi = str(Path(self.environment["PULUMI_ENGINE"]) / "pulumi")
        return [
            pulumi,
            *arguments,
            "--stack",
            self.name,
            "--config-file",
            str(self.config_file),
            "--non-interactive",
            "--color",
            "never",
        ]

    def init(self) -> None:
        """Create the stack from a folder of its own: `stack init` writes into the project's."""
        project = self.home / "project"
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: gateway\nruntime: python\n")
        config = project / self.config_file.name
        config.write_text(self.config_file.read_text())
        command = [self.command()[0], "stack", "init", self.name, "--non-interactive"]
        subprocess.run(command, cwd=project, env=self.environment, check=True, capture_output=True)
        self.config_file.write_text(config.read_text())  # which has a salt now

    def up(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi up` without asking."""
        return self.run("up", "--yes", "--skip-preview", check=check)

    def drift(self) -> subprocess.CompletedProcess[str]:
        """Run the documented drift preview; exit code 0 is clean, 7 is drift."""
        return self.run("preview", "--refresh", "--diff", "--expect-no-changes", check=False)

    def destroy(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi destroy` without asking."""
        return self.run("destroy", "--yes", "--skip-preview", check=check)

    def outputs(self) -> dict[str, Any]:
        """Return the stack outputs with their secrets, as `pulumi stack output` gives them."""
        command = [self.command()[0], "stack", "output", "--json", "--show-secrets"]
        done = subprocess.run(
            [*command, "--stack", self.name, "--non-interactive"],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def state(self) -> dict[str, Any]:
        """Return the stack's state as its backend keeps it: secrets encrypted."""
        file = self.home / "backend" / ".pulumi" / "stacks" / "gateway" / f"{self.name}.json"
        found: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return found


def moved(preview: str) -> list[str]:
    """Return what a drift preview says that an `up` would put right, value by value.

    `~ memory_mb: 4096 => 8192` is found there => declared; a table that comes or goes as a whole
    is one row, `+ iad-2`. Left out is what is printed for context, and the resources' names.
    """
    _, _, plan = preview.rpartition("  pulumi:pulumi:Stack: (same)")
    plan = plan.partition("    --outputs:--")[0].partition("\nResources:")[0]
    rows: list[str] = []
    within: int | None = None  # the indentation of a table that comes or goes as a whole
    for line in plan.splitlines():
        text = " ".join(line.split())
        indentation = len(line) - len(line.lstrip())
        if not text or (within is not None and indentation > within):
            continue
        within = None
        opens = text.endswith(("{", "["))
        if text.startswith(("+ ", "- ")) and opens:
            within = indentation
            rows.append(text.rstrip("{[").rstrip(": "))
        elif text.startswith(("~ ", "+ ", "- ")) and not opens and not text.endswith("(update)"):
            rows.append(text.replace(" :", ":"))
    return rows


def stub_config(sandbox: SandboxProgram, **overrides: Any) -> dict[str, Any]:
    """Return the configuration of a small gateway on the stub image."""
    config: dict[str, Any] = {
        "image": {"repository": "registry.fly.io/stub"},
        "store": "file",
        "server": {"workers": 1},
        "providers": {
            "xai": {
                "api_base": f"{sandbox.addresses['provider_url']}/xai/v1",
                "api_key": "XAI_API_KEY",
            },
            "anthropic": {
                "api_base": f"{sandbox.addresses['provider_url']}/anthropic",
                "api_key": "ANTHROPIC_API_KEY",
            },
            "openai": None,
            "vertex_ai": None,
        },
        "models": STUB_MODELS,
        "router_settings": {
            "fallbacks": {
                **dict.fromkeys(CHAINS),
                "xai/grok-4.3": ["anthropic/claude-sonnet-4-6"],
            },
        },
        "postgres": None,
        "secrets": {
            "LITELLM_MASTER_KEY": "generated",
            "XAI_API_KEY": "generated",
            "ANTHROPIC_API_KEY": "generated",
        },
        "fly": {
            "organization": "acme",
            "app": "stub-gateway",
            "api": "sandbox",
            "regions": {"iad": 2},
            "public_url": sandbox.addresses["edge_url"],
            "wait_timeout_s": 30,
            "check": {"interval_s": 2, "timeout_s": 2, "grace_period_s": 5},
            "kill": {"timeout_s": 40},
        },
    }
    for key, value in overrides.items():
        old = config.get(key)
        config[key] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return config


def make_stack(
    home: Path, sandbox: SandboxProgram, engine: Path, *, committed: str | None = None
) -> Stack:
    """Make a backend of its own and in it a stack called `local`, without configuration.

    With `committed` it is the stack of this name, with the configuration that the project has.
    """
    backend = home / "backend"
    backend.mkdir()
    scripts = Path(sys.executable).parent
    environment = {
        "PATH": f"{engine}:{scripts}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", str(home)),
        "PULUMI_ENGINE": str(engine),
        "PULUMI_HOME": str(home / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "local",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_RUNTIME_VIRTUALENV": str(scripts.parent),
        "FLY_API_TOKEN": TOKEN,
        "FLY_FLAPS_BASE_URL": sandbox.addresses["api_url"],
        "GATEWAY_EVIDENCE": str(home / "evidence"),
        "GATEWAY_HISTORY": str(home / "history"),
    }
    made = Stack(home, sandbox, environment, committed or "local")
    if committed is None:
        made.configure({})
    else:
        made.config_file.write_text((ROOT / made.config_file.name).read_text())
    made.init()
    return made
