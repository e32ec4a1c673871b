"""A project with dev and live: two organisations of one stand-in, each at its own address."""

import http.client
import json
import shlex
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.sandbox.engine.pulumi_stack import SALT, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.ops_project import SANDBOX_IN, Project

APPS = {"dev": "acme-gateway-dev", "live": "acme-gateway-live"}
AUTHOR = {"GIT_AUTHOR_NAME": "Ada Lovelace", "GIT_AUTHOR_EMAIL": "ada@acme.example"}
ORGANISATIONS = {"dev": "acme-dev", "live": "acme-live"}


@contextmanager
def address_of(edge_url: str, app: str) -> Iterator[str]:
    """Yield a local URL at which one app's public side answers.

    The edge routes by host name, which nothing resolves here: this door says the name to it.
    """
    edge = urlsplit(edge_url)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            behind = http.client.HTTPConnection(str(edge.hostname), edge.port, timeout=60)
            headers |= {"Host": f"{app}.fly.dev", "Connection": "close"}
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            raw = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
            behind.close()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class TwoEnvironments:
    """Dev and live of one project; `secrets` are planted in the configuration of both."""

    project: Project
    urls: Mapping[str, str]
    told: list[str] = field(default_factory=list)
    """Everything that the commands printed."""
    exports: dict[str, str] = field(default_factory=dict)
    """What `gateway env` printed for each environment that plain `pulumi` worked on."""

    @classmethod
    @contextmanager
    def up(cls, folder: Path, subnet: str) -> Iterator["TwoEnvironments"]:
        """Start a stand-in, and open the two addresses for as long as the block lasts."""
        project = Project.make(folder, subnet)
        found = project.answer("sandbox", "up", *SANDBOX_IN, subnet)
        edge = found["edge_url"]
        try:
            with address_of(edge, APPS["dev"]) as dev, address_of(edge, APPS["live"]) as live:
                project.environ |= AUTHOR
                made = cls(project, {"dev": dev, "live": live})
                made.configure("dev")
                made.configure("live", promotion={"source": "dev"})
                yield made
        finally:
            project.run("sandbox", "down")

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    @property
    def sandbox(self) -> SandboxProgram:
        """The stand-in, for what a test does behind everyone's back."""
        home = self.project.state / "sandbox"
        return SandboxProgram(home, self.project.subnet, None, self.project.addresses)

    def file(self, environment: str) -> Path:
        """Return Pulumi.<environment>.yaml."""
        return self.root / f"Pulumi.{environment}.yaml"

    def configure(self, environment: str, **overrides: Any) -> None:
        """Write an environment's file; live says only what is its own, as the real one does."""
        config = stub_config(self.sandbox, **overrides)
        config["fly"] |= {
            "organization": ORGANISATIONS[environment],
            "app": APPS[environment],
            "public_url": self.urls[environment],
        }
        if environment == "live":
            config = {
                key: value
                for key, value in config.items()
                if key in {"fly", "store", "postgres", "secrets", *overrides}
            }
        document = {
            "encryptionsalt": SALT,
            "config": {f"gateway:{key}": value for key, value in config.items()},
        }
        self._write(environment, document)

    def change(self, environment: str, **parts: dict[str, Any]) -> None:
        """Change keys of some settings in an environment's file."""
        document = yaml.safe_load(self.file(environment).read_text())
        for name, values in parts.items():
            document["config"].setdefault(f"gateway:{name}", {}).update(values)
        self._write(environment, document)

    def set_secrets(self, name: str, values: Mapping[str, str]) -> None:
        """Keep a secret of each environment in its file, encrypted, as its users do."""
        for environment, value in values.items():
            self.change(environment, secrets={name: "config"})
            done = self.pulumi(environment, "config", "set", "--secret", f"gateway:{name}", value)
            assert done.returncode == 0, done.stdout

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one `gateway` command to its end, whatever that is."""
        done = self.project.run(*words)
        self.told += [done.stdout, done.stderr]
        return done

    def answer(self, *words: str) -> dict[str, Any]:
        """Run one command that must end well and return its JSON document."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"gateway {words} ended with {done.returncode}:\n{done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def pulumi(self, environment: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run plain `pulumi` on an environment, in a shell that `gateway env` prepared."""
        made = environment in self.exports
        if not made:
            self.exports[environment] = self.project.run("env", environment).stdout
        command = shlex.join(["pulumi", *words, "--stack", environment, "--non-interactive"])
        init = "" if made else f"pulumi stack init {environment} >/dev/null 2>&1\n"
        script = f"{self.exports[environment]}\n{init}{command}"
        kept = self.file(environment).read_text()
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self.root,
            env=self.project.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert self.file(environment).read_text() == kept or words[0] == "config"
        if words[0] != "config":
            self.told.append(done.stdout)
        return done

    def _write(self, environment: str, document: dict[str, Any]) -> None:
        text = f"# what {environment} is\n{yaml.safe_dump(document)}"
        self.file(environment).write_text(text)

    def pointer(self) -> str | None:
        """Return the promotion that live's file names."""
        config = yaml.safe_load(self.file("live").read_text())["config"]
        named: str | None = config["gateway:promotion"].get("file")
        return named

    def promotions(self) -> list[dict[str, Any]]:
        """Return live's promotions, oldest first."""
        files = sorted((self.root / "promotions" / "live").glob("*.json"))
        return [json.loads(file.read_text()) for file in files]
