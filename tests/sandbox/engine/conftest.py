"""A real Pulumi engine against a real sandbox program, each with a home of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tools.engine import engine_bin

ROOT = Path(__file__).parents[3]
TOKEN = "sandbox-tests"
SALT = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())[
    "encryptionsalt"
]  # of the passphrase `local`
STUB_MODELS = [
    {"name": "xai/grok-4.3", "provider": "xai"},
    {"name": "anthropic/claude-sonnet-4-6", "provider": "anthropic"},
]


def wait_until(condition: Callable[[], Any], deadline_s: float, what: str) -> Any:
    """Return the first true answer of `condition`; fails the test at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {deadline_s:.0f} s")
        time.sleep(0.05)  # the condition itself is polled, with a deadline


@dataclass
class SandboxProgram:
    """A running `python -m sandbox serve`, reached over HTTP only."""

    home: Path
    subnet: str
    process: subprocess.Popen[bytes] | None = None
    addresses: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start the program on free ports and wait until it serves."""
        command = [sys.executable, "-m", "sandbox", "serve", "--home", str(self.home)]
        ports = self.addresses or {}
        for option, key in (
            ("port", "api_url"),
            ("edge-port", "edge_url"),
            ("provider-port", "provider_url"),
        ):
            port = str(ports[key]).rsplit(":", 1)[1] if ports else "0"
            command += [f"--{option}", port]
        with (self.home.parent / "sandbox.out").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--subnet", self.subnet], cwd=ROOT, stdout=log, stderr=log
            )
        file = self.home / "sandbox.json"
        self.addresses = wait_until(lambda: self._serving(file), 30, "the sandbox serves")

    def _serving(self, file: Path) -> dict[str, Any] | None:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail((self.home.parent / "sandbox.out").read_text()[-3000:])
        try:
            found: dict[str, Any] = json.loads(file.read_text())
        except (OSError, ValueError):
            return None
        return found if found.get("pid") == self.process.pid else None

    def stop(self) -> None:
        """Ask the program to end, machines and all."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call one of the sandbox's own endpoints below /_sandbox."""
        url = f"{self.addresses['api_url']}/_sandbox{path}"
        answer = httpx.request(method, url, json=body, timeout=30)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def fly(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the Fly API that the sandbox stands in for."""
        url = f"{self.addresses['api_url']}/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.request(method, url, json=body, headers=headers, timeout=30)

    def machines(self, app: str) -> list[dict[str, Any]]:
        """Return the app's machines that are not destroyed; none for a missing app."""
        answer = self.fly("GET", f"/apps/{app}/machines")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        rows: list[dict[str, Any]] = answer.json()
        return [row for row in rows if row["state"] not in {"destroyed", "destroying"}]


@dataclass
class Stack:
    """One Pulumi stack of the project's own program, with its own backend and configuration."""

    home: Path
    sandbox: SandboxProgram
    environment: dict[str, str]
    name: str = "local"

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
        done = subprocess.run(  # noqa: S603 - the engine under test
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
        (project / self.config_file.name).write_text(self.config_file.read_text())
        command = [self.command()[0], "stack", "init", self.name, "--non-interactive"]
        subprocess.run(  # noqa: S603 - the engine under test
            command, cwd=project, env=self.environment, check=True, capture_output=True
        )

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
        """Return the stack outputs with their secrets."""
        found: dict[str, Any] = json.loads(
            self.run("stack", "output", "--json", "--show-secrets").stdout
        )
        return found


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
                "openai/gpt-5.5": None,
                "openai/gpt-5.4": None,
                "*": None,
                "vertex_ai/gemini-3.1-pro-preview": None,
                "anthropic/claude-opus-4-7": None,
                "anthropic/claude-opus-4-6": None,
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


@pytest.fixture(scope="session")
def engine() -> Path:
    """The directory of the Pulumi engine that this machine uses."""
    return engine_bin(os.environ, lambda line: print(line, file=sys.stderr))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProgram]:
    """A running sandbox with nothing in it."""
    home = tmp_path / "sandbox"
    program = SandboxProgram(home, subnet=f"127.{90 + os.getpid() % 60}")
    program.start()
    yield program
    program.stop()


@pytest.fixture
def stack(tmp_path: Path, sandbox: SandboxProgram, engine: Path) -> Stack:
    """An empty stack called `local` whose Fly is the sandbox."""
    return make_stack(tmp_path, sandbox, engine)


def make_stack(home: Path, sandbox: SandboxProgram, engine: Path) -> Stack:
    """Make a backend of its own and the stack in it."""
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
    }
    made = Stack(home, sandbox, environment)
    made.configure({})
    made.init()
    return made
