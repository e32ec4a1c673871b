"""A sandbox program of a test's own, reached over HTTP only, as users and engines reach it."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[3]
TOKEN = "sandbox-tests"


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
            self.process = subprocess.Popen(
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

    def ask(self, key: str, model: str = "xai/grok-4.3", **more: Any) -> httpx.Response:
        """Send one small chat through the edge, as a user of the gateway does."""
        messages = [{"role": "user", "content": more.pop("content", "Say ok.")}]
        return httpx.post(
            f"{self.addresses['edge_url']}/v1/chat/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": model, "messages": messages, **more},
            timeout=60,
        )

    def machines(self, app: str) -> list[dict[str, Any]]:
        """Return the app's machines that are not destroyed; none for a missing app."""
        answer = self.fly("GET", f"/apps/{app}/machines")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        rows: list[dict[str, Any]] = answer.json()
        return [row for row in rows if row["state"] not in {"destroyed", "destroying"}]

    def status_of(self, app: str) -> dict[str, Any]:
        """Return what the sandbox itself says of an app; empty for one that does not exist."""
        apps: list[dict[str, Any]] = self.control("GET", "/status")["apps"]
        return next((row for row in apps if row["name"] == app), {})

    def volumes(self, app: str) -> list[dict[str, Any]]:
        """Return the app's volumes that are not being destroyed."""
        return [row for row in self.status_of(app)["volumes"] if "destroy" not in row["state"]]

    def secrets(self, app: str) -> dict[str, str]:
        """Return the app's secrets from Fly's own store, the one place that has the values."""
        store = json.loads((self.home / "secrets.json").read_text())
        entries = store["apps"].get(app, {}).get("entries", {})
        return {name: entry["value"] for name, entry in entries.items()}

    def fault(self, match: dict[str, Any], **action: Any) -> None:
        """Order a fault for matching calls of the Fly API."""
        self.control("POST", "/faults", {"match": match, "action": action})

    def calls(self) -> list[dict[str, Any]]:
        """Return the Fly API calls since the last reset."""
        found: list[dict[str, Any]] = self.control("GET", "/calls")
        return found

    def wipe(self) -> None:
        """Take back every fault and delete every app and cluster."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/providers/faults")
        status = self.control("GET", "/status")
        for cluster in status["clusters"]:
            self.fly("DELETE", f"/postgres/{cluster['id']}")
        for app in status["apps"]:
            self.fly("DELETE", f"/apps/{app['name']}?force=true")
        self.control("POST", "/calls/reset")


def shipped_file(machine: dict[str, Any], guest_path: str) -> str:
    """Return the text of a file in a machine's configuration."""
    raw = next(f["raw_value"] for f in machine["config"]["files"] if f["guest_path"] == guest_path)
    return base64.b64decode(raw).decode()
