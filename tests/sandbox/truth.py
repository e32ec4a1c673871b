"""Real proxies of two releases at once, each release imported once for all that is asked of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway.fact import Fact
from sandbox.images.catalogue import default_cache
from sandbox.images.install import environment_of, install
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts, parse_script
from sandbox.providers.service_account import ensure_service_account
from stacks.versions import Holds
from tests.sandbox.image_machines import free_port, wait_until
from tests.sandbox.provider_server import served_providers

VERSIONS = ("1.106.2", "1.109.1")
ADDRESS = "127.91.20.1"
KEY = "sk-master-of-the-truth-tests"
BOOT_S = 240
ANSWER_S = 60


@dataclass
class Case:
    """What a case left behind: its result, its exit status and its output."""

    result: dict[str, Any]
    status: int
    log: str

    @property
    def error(self) -> str:
        return str(self.result.get("error", ""))


@dataclass
class Lab:
    """One release: its servers by name, and its finished cases."""

    version: str
    folder: Path
    providers: str
    scripts: FaultScripts
    ports: dict[str, int] = field(default_factory=dict)

    def holds(self, fact: Fact) -> bool:
        """Tell what the table says of this release; a release that is run here is never open."""
        found = fact.versions.hold(self.version)
        assert found is not Holds.UNVERIFIED, fact.id
        return found is Holds.YES

    def model(self, name: str) -> str:
        """Return a provider's model name that no other release asks for."""
        return f"{name}-{self.version}"

    def url(self, server: str) -> str:
        return f"http://{ADDRESS}:{self.ports[server]}"

    def ask(self, server: str, model: str, **body: Any) -> httpx.Response:
        """Ask for one answer; `cache` is off unless the body says otherwise."""
        message = {"role": "user", "content": "who are you?"}
        whole = {"model": model, "messages": [message], "cache": {"no-cache": True}, **body}
        return httpx.post(
            f"{self.url(server)}/v1/chat/completions",
            json=whole,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=ANSWER_S,
        )

    def breaks(self, name: str, provider: str = "openai", **step: Any) -> str:
        """Give the provider's model a fault for good; return its name."""
        model = self.model(name)
        script = {"script": [step or {"kind": "status", "status": 500}], "then": "repeat"}
        self.scripts.put(provider, model, parse_script(script))
        return model

    def calls(self, name: str, provider: str = "openai") -> int:
        """Return how often the provider's model was asked."""
        return sum(self.scripts.counters().get(f"{provider}/{self.model(name)}", {}).values())

    def case(self, name: str) -> Case:
        """Return what a case saw, once it has ended."""
        status = self.folder / f"{name}.status"
        wait_until(status.exists, BOOT_S, f"case {name}")
        result = self.folder / f"{name}.result.json"
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        seen = json.loads(result.read_text()) if result.exists() else {}
        return Case(seen or {}, int(status.read_text()), log)

    def write(self, name: str, config: Mapping[str, Any]) -> str:
        """Write a configuration file; `-VERSION` makes a model's name this release's own."""
        text = yaml.safe_dump(dict(config), sort_keys=False)
        text = text.replace("PROVIDERS", self.providers).replace("-VERSION", f"-{self.version}")
        file = self.folder / f"{name}.yaml"
        file.write_text(text)
        return str(file)


@dataclass(frozen=True)
class Plan:
    """What to run: servers by name with their flags, cases by name, files that cases read."""

    servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    flags: Mapping[str, list[str]] = field(default_factory=dict)
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@contextmanager
def labs(plan: Plan, folder: Path) -> Iterator[dict[str, Lab]]:
    """Run the plan on every release at once; the block begins when all servers answer."""
    scripts = FaultScripts()
    with ExitStack() as stack, served_providers(scripts, Connections()) as providers:
        found = {}
        for version in VERSIONS:
            install(version, print)  # shown when the install ends badly
            lab = Lab(version, folder / version, providers, scripts)
            lab.folder.mkdir()
            stack.enter_context(_running(lab, plan))
            found[version] = lab
        for lab in found.values():
            for server in plan.servers:
                _await(lab, server)
        yield found


@contextmanager
def _running(lab: Lab, plan: Plan) -> Iterator[None]:
    for name, config in plan.files.items():
        lab.write(name, config)
    servers = {}
    for name, config in plan.servers.items():
        lab.ports[name] = free_port(ADDRESS)
        where = ["--host", ADDRESS, "--port", str(lab.ports[name])]
        file = lab.write(name, config)
        servers[name] = ["--config", file, *where, *_with_ports(lab, plan.flags.get(name, []))]
    cases = {name: _written(lab, case) for name, case in plan.cases.items()}
    plan_file = lab.folder / "plan.json"
    plan_file.write_text(json.dumps({"servers": servers, "cases": cases}))
    python = environment_of(lab.version, default_cache()) / "bin" / "python"
    script = Path(__file__).with_name("truth_lab.py")
    with (lab.folder / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), str(script), str(plan_file)],
            env=_environment(lab),
            cwd=lab.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _with_ports(lab: Lab, flags: Sequence[str]) -> Iterator[str]:
    """Yield flags; `PORT:name` becomes a free port of that name."""
    for flag in flags:
        word, _, name = flag.partition("PORT:")
        if name:
            lab.ports[name] = free_port(ADDRESS)
        yield word if not name else str(lab.ports[name])


def _written(lab: Lab, case: Mapping[str, Any]) -> dict[str, Any]:
    words = [word.replace("FOLDER", str(lab.folder)) for word in case["arguments"]]
    return {**case, "arguments": list(_with_ports(lab, words))}


def _environment(lab: Lab) -> dict[str, str]:
    account = ensure_service_account(lab.folder / "sa.json", token_uri=f"{lab.providers}/token")
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(lab.folder),
        "TMPDIR": str(lab.folder),
        "LITELLM_MASTER_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_LOCAL_BLOG_POSTS": "True",
        "LITELLM_MODE": "PRODUCTION",
        "PYTHONUNBUFFERED": "1",
        "VERTEX_CREDENTIALS_JSON": account.read_text(),
        **{f"{name}_API_KEY": "sk-any" for name in ("OPENAI", "ANTHROPIC", "XAI")},
    }


def _await(lab: Lab, server: str) -> None:
    def ready() -> bool:
        try:
            return httpx.get(f"{lab.url(server)}/health/readiness", timeout=10).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, BOOT_S, server)
    except AssertionError:
        for file in (lab.folder / "lab.log", lab.folder / f"{server}.log"):
            if file.exists():
                sys.stdout.write(f"{file.name}: {file.read_text(errors='replace')[-3000:]}\n")
        raise


def group(name: str, upstream: str | None = None, **params: Any) -> dict[str, Any]:
    """Return a deployment of OpenAI's stand-in that is never retried unless `params` say so."""
    return {
        "model_name": name,
        "litellm_params": {
            "model": f"openai/{upstream or name}-VERSION",
            "api_base": "PROVIDERS/openai/v1",
            "num_retries": 0,
            **params,
        },
    }
