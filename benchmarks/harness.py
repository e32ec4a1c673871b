"""A local environment of the benchmarks' own: ports, subnet, state and a copied project."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.processes import BenchmarkError, Processes, tell
from tools.engine import engine_bin

ROOT = Path(__file__).resolve().parents[1]
STUB = "registry.fly.io/stub"
EMPTY_PROGRAM = "import pulumi\n\npulumi.export('empty', 1)\n"
FLOOR_PROGRAM = """\
from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider


class Nothing(ResourceProvider):
    def create(self, props):
        return CreateResult("nothing", props)

    def read(self, id_, props):
        return ReadResult(id_, props)


class Thing(Resource):
    pass


Thing(Nothing(), "nothing", {})
"""
SHOWN_LINES = 30  # of the sandbox, when a benchmark could not be measured
PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True)
class Timed:
    """What a command printed and how long it took."""

    output: str
    seconds: float


@dataclass
class LocalGateway:
    """The local environment deployed from a copied project, with addresses of its own.

    `ports` are those of the API, the edge and the providers. The copy differs from the project in
    them and, with `image`, in the gateway's image; the code is the project's own. `environ` makes
    plain `pulumi` work on it once the sandbox serves.
    """

    home: Path
    processes: Processes
    engine: Path
    image: str | None
    ports: tuple[int, ...]
    subnet: str
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """The copied project."""
        return self.home / "project"

    @property
    def api_url(self) -> str:
        """The sandbox's Fly API."""
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def edge_url(self) -> str:
        """The gateway's public address."""
        return f"http://127.0.0.1:{self.ports[1]}"

    @property
    def provider_url(self) -> str:
        """The sandbox's model providers."""
        return f"http://127.0.0.1:{self.ports[2]}"

    def prepare(self) -> None:
        """Copy what Pulumi reads of the project, with the ports of this environment."""
        self.project.mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(ROOT / name, self.project / name)
        self._link_environment(self.project)
        text = (ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8")
        for old, new in zip((4280, 4281, 4282), self.ports, strict=True):
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        document = yaml.safe_load(text)
        if self.image is not None:
            document["config"]["gateway:image"] = {"repository": self.image}
        self.write_config(document)
        self.environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        path = os.pathsep.join((str(Path(sys.executable).parent), str(self.engine)))
        self.environ["PATH"] = f"{path}{os.pathsep}{self.environ.get('PATH', '')}"
        self.environ["GATEWAY_STATE_HOME"] = str(self.home / "state")

    def write_config(self, document: Mapping[str, Any]) -> None:
        """Write the copied project's Pulumi.local.yaml."""
        (self.project / "Pulumi.local.yaml").write_text(yaml.safe_dump(dict(document)))

    def read_config(self) -> dict[str, Any]:
        """Return the copied project's Pulumi.local.yaml."""
        found: dict[str, Any] = yaml.safe_load((self.project / "Pulumi.local.yaml").read_text())
        return found

    def sandbox_up(self) -> Timed:
        """Run `gateway sandbox up`, and take over what `gateway env local` says."""
        options = ("--port", "--edge-port", "--provider-port")
        words = [word for pair in zip(options, map(str, self.ports), strict=True) for word in pair]
        done = self.gateway("sandbox", "up", *words, "--subnet", self.subnet)
        shell = ["sh", "-c", 'eval "$(gateway env local)" && env -0']
        told = self.processes.run(shell, environ=self.environ, folder=self.project)
        pairs = (line.partition("=") for line in told.split("\0") if line)
        self.environ |= {name: value for name, _, value in pairs}
        return done

    def sandbox_down(self) -> None:
        """Stop the sandbox with its machines."""
        self.gateway("sandbox", "down")

    def deploy(self) -> dict[str, Any]:
        """Run `gateway deploy local` and return its document."""
        found: dict[str, Any] = json.loads(self.gateway("deploy", "local", "--json").output)
        return found

    def machine_pid(self, app: str = "ai-gateway-local") -> int:
        """Return the process of an app's one machine."""
        status = httpx.get(f"{self.api_url}/_sandbox/status", timeout=10).json()
        (machines,) = [row["machines"] for row in status["apps"] if row["name"] == app]
        (pid,) = [row["pid"] for row in machines]
        return int(pid)

    def gateway(self, *words: str, ends_with: tuple[int, ...] = (0,)) -> Timed:
        """Run the `gateway` command in the copied project."""
        command = [str(Path(sys.executable).parent / "gateway"), *words]
        return self._timed(command, self.project, ends_with)

    def pulumi(self, *words: str, project: Path | None = None, stack: str = "local") -> Timed:
        """Run one `pulumi` command without asking; `project` is another than the copied one."""
        command = [str(self.engine / "pulumi"), *words]
        command += ["--stack", stack, "--non-interactive", "--color", "never"]
        return self._timed(command, project or self.project)

    def empty_project(self) -> Path:
        """Return a project whose program creates nothing, with its stack made and brought up."""
        return self._other_project("empty", EMPTY_PROGRAM, options={})

    def floor_project(self) -> Path:
        """Return one with a single dynamic resource that is read first, as ours are."""
        return self._other_project("floor", FLOOR_PROGRAM, options={"refresh": "always"})

    def _other_project(self, name: str, program: str, *, options: Mapping[str, str]) -> Path:
        folder = self.home / name
        folder.mkdir()
        self._link_environment(folder)
        runtime = {"name": "python", "options": {"virtualenv": ".venv"}}
        document = {"name": name, "runtime": runtime, "options": dict(options)}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(document))
        (folder / "__main__.py").write_text(program)
        self.pulumi("stack", "init", project=folder)
        self.pulumi("up", "--yes", "--skip-preview", project=folder)
        return folder

    @staticmethod
    def _link_environment(folder: Path) -> None:
        """Let a vendor's engine find the virtual environment that Pulumi.yaml names."""
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)

    def _timed(self, command: list[str], folder: Path, ends_with: tuple[int, ...] = (0,)) -> Timed:
        began = time.monotonic()
        output = self.processes.run(
            command, environ=self.environ, folder=folder, ends_with=ends_with
        )
        return Timed(output, time.monotonic() - began)


@contextmanager
def local_gateway(image: str | None = None) -> Iterator[LocalGateway]:
    """Yield a local environment whose sandbox serves; at the end nothing of it is left."""
    with ExitStack() as ending:
        home = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        processes = Processes()
        ending.callback(processes.close)
        engine = engine_bin(os.environ, lambda line: tell(f"engine: {line}"))
        gateway = LocalGateway(home, processes, engine, image, free_ports(3), free_subnet())
        gateway.prepare()
        ending.callback(_down, gateway)
        tell(f"sandbox: starting on {gateway.api_url}, addresses {gateway.subnet}.0.0/16")
        gateway.sandbox_up()
        try:
            yield gateway
        except BenchmarkError:
            _tell_sandbox(gateway)
            raise


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports that nobody listens on; all are held until the last is known."""
    with ExitStack() as held:
        found = []
        for _ in range(count):
            listening = held.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            found.append(int(listening.getsockname()[1]))
    return tuple(found)


def free_subnet() -> str:
    """Return the first two numbers of a loopback network of this process' own."""
    return f"127.{150 + os.getpid() % 100}"


def _tell_sandbox(gateway: LocalGateway) -> None:
    """Say what the sandbox said last: its home is about to be removed."""
    output = gateway.home / "state" / "sandbox.out"
    if output.is_file():
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
        tell("sandbox: it said last:\n" + "\n".join(lines))
    serving = (gateway.home / "state" / "sandbox" / "sandbox.json").is_file()
    tell(f"sandbox: {'its address file is there' if serving else 'it has ended in good order'}")


def _down(gateway: LocalGateway) -> None:
    try:
        gateway.sandbox_down()
    except (BenchmarkError, subprocess.SubprocessError) as error:
        tell(f"sandbox: {error}")
