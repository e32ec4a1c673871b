"""The sandbox as its users have it: a program on free ports, reached over HTTP and TCP only."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.sandbox.subnets import own_subnet

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TOKEN = {"Authorization": "Bearer sandbox"}
PORT_OPTIONS = {"api_url": "--port", "edge_url": "--edge-port", "provider_url": "--provider-port"}


def until(condition: Callable[[], T | None], deadline_s: float = 30) -> T:
    """Return the first true answer of `condition`."""
    end = time.monotonic() + deadline_s
    while not (answer := condition()):
        assert time.monotonic() < end, f"not within {deadline_s} s"
        time.sleep(0.02)  # between two looks
    return answer


class Served:
    """`python -m sandbox serve` with a home of its own; started again, it keeps its ports."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home.with_name(f"{home.name}.out")
        self.running: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def command(self) -> list[str]:
        words = [sys.executable, "-m", "sandbox", "serve", "--home", str(self.home)]
        for key, option in PORT_OPTIONS.items():
            words += [option, self.running[key].rpartition(":")[2] if self.running else "0"]
        return [*words, "--subnet", own_subnet()]

    def start(self) -> None:
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(self.command(), cwd=ROOT, stdout=output, stderr=output)
        self.running = until(self._announced)

    def _announced(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, self.output.read_text()
        try:
            said: dict[str, Any] = json.loads((self.home / "sandbox.json").read_text())
        except FileNotFoundError:
            return None
        return said if said["pid"] == self.process.pid else None

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def fly(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.running['api_url']}/v1{path}"
        answer = httpx.request(method, url, json=body, headers=TOKEN, timeout=70)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def app(self, name: str, ip_type: str, **secrets: str) -> None:
        self.fly("POST", "/apps", {"app_name": name, "org_slug": "personal"})
        self.fly("POST", f"/apps/{name}/ip_assignments", {"type": ip_type})
        if secrets:
            self.fly("POST", f"/apps/{name}/secrets", {"values": secrets})

    def machine(self, app: str, **config: Any) -> str:
        body = {"region": "iad", "config": config}
        return str(self.fly("POST", f"/apps/{app}/machines", body)["id"])

    def look(self, app: str, machine: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.fly("GET", f"/apps/{app}/machines/{machine}")
        return seen

    def healthy(self, app: str, machine: str) -> bool:
        seen = self.look(app, machine)
        return seen["state"] == "started" and all(
            check["status"] == "passing" for check in seen["checks"]
        )

    def exec(self, app: str, machine: str, *command: str) -> str:
        body = {"command": command, "timeout": 20}
        answer = self.fly("POST", f"/apps/{app}/machines/{machine}/exec", body)
        assert answer["exit_code"] == 0, answer
        return str(answer["stdout"])

    def pids(self) -> dict[str, int]:
        """Return the processes of the machines by app, as the state on disk has them."""
        rows = json.loads((self.home / "state.json").read_text())["machines"]
        return {row["app"]: row["pid"] for row in rows if row["pid"]}


def service(
    internal: int, *external: int, check: dict[str, Any] | None = None, http: bool = False
) -> dict[str, Any]:
    handlers = {"handlers": ["http"]} if http else {}
    return {
        "protocol": "tcp",
        "internal_port": internal,
        "ports": [{"port": port, **handlers} for port in external],
        "checks": [check] if check else [],
    }


def file(path: str, text: str) -> dict[str, str]:
    return {"guest_path": path, "raw_value": base64.b64encode(text.encode()).decode()}
