"""Things done behind Pulumi's back, and what `gateway drift` has to say of each."""

import base64
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sandbox.engine.sandbox_program import SandboxProgram, shipped_file, wait_until

HOSTNAME = "gateway.acme.example"
APP = "stub-gateway"
REDIS = "stub-gateway-redis"
POSTGRES = "stub-gateway-db"
YAML = "/app/litellm_config.yaml"
PROOF = "/app/gateway_proof.pyz"
RELEASE = "gateway-release"
MARKER = "planted-marker-7f31"  # in every value that is planted and must never be shown

AT_REST = {"started", "stopped"}

Act = Callable[[SandboxProgram], None]


@dataclass(frozen=True)
class Tampering:
    """One change, where it has to be found, and who can see it."""

    what: str
    act: Act
    path: str
    layer: str = "infrastructure"
    verdict: str = "drifted"
    resource: str = RELEASE
    blind: str = ""
    """Why no preview can see it; "" for what both see."""
    found: int = 1
    """How many findings it makes."""


def first(sandbox: SandboxProgram, app: str) -> dict[str, Any]:
    """Return the app's oldest machine: `iad-1` of the gateway."""
    return min(sandbox.machines(app), key=lambda row: (row["created_at"], row["id"]))


def edited(app: str = APP, **settings: Any) -> Act:
    """Edit the first machine; `__` in a name stands for a dot."""

    def act(sandbox: SandboxProgram) -> None:
        changes = {f"config.{key.replace('__', '.')}": v for key, v in settings.items()}
        machine = first(sandbox, app)["id"]
        sandbox.control("POST", f"/machines/{machine}/edit", {"set": changes})

    return act


def file_replaced(path: str, old: str, new: str) -> Act:
    """Replace a text within a file of the first machine's configuration."""

    def act(sandbox: SandboxProgram) -> None:
        machine = first(sandbox, APP)
        text = shipped_file(machine, path)
        assert old in text
        body = {"file": {path: text.replace(old, new)}}
        sandbox.control("POST", f"/machines/{machine['id']}/edit", body)

    return act


def file_written(path: str, text: str) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        body = {"file": {path: text}}
        sandbox.control("POST", f"/machines/{first(sandbox, APP)['id']}/edit", body)

    return act


def on_disk(path: str, text: str | None) -> Act:
    """Write a file on the first machine's disk, past its configuration; None removes it."""

    def act(sandbox: SandboxProgram) -> None:
        machine = first(sandbox, APP)["id"]
        wait_until(lambda: started(sandbox, machine), 30, "the machine runs")
        file = sandbox.home / "machines" / machine / "rootfs" / path.lstrip("/")
        assert file.is_file()
        if text is None:
            file.unlink()
        else:
            file.write_text(text)

    return act


def started(sandbox: SandboxProgram, machine: str) -> bool:
    rows = [row for app in (APP, REDIS, POSTGRES) for row in sandbox.machines(app)]
    return any(row["id"] == machine and row["state"] == "started" for row in rows)


def metadata(key: str, value: str) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        machine = first(sandbox, APP)["id"]
        path = f"/apps/{APP}/machines/{machine}/metadata/{key}"
        assert sandbox.fly("POST", path, {"value": value}).is_success

    return act


def deleted(app: str) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        path = f"/apps/{app}/machines/{first(sandbox, app)['id']}?force=true"
        assert sandbox.fly("DELETE", path).is_success

    return act


def added_machine(app: str, *, clone: bool) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        config = copy.deepcopy(first(sandbox, app)["config"])
        config.pop("mounts", None)
        if not clone:
            config["metadata"] = {}
        body = {"config": config, "region": "iad"}
        assert sandbox.fly("POST", f"/apps/{app}/machines", body).is_success

    return act


def secret(name: str, value: str | None, app: str = APP) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        sandbox.control("POST", f"/apps/{app}/secrets", {name: value})

    return act


def released(app: str, kind: str) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        held = {ip["type"]: ip["ip"] for ip in sandbox.status_of(app)["ips"]}
        address = held[kind]
        assert sandbox.fly("DELETE", f"/apps/{app}/ip_assignments/{address}").is_success

    return act


def removed_hostname(sandbox: SandboxProgram) -> None:
    path = f"/apps/{APP}/certificates/{HOSTNAME}"
    assert sandbox.fly("DELETE", path).is_success


def added_address(sandbox: SandboxProgram) -> None:
    body = {"type": "v6"}
    assert sandbox.fly("POST", f"/apps/{APP}/ip_assignments", body).is_success


def added_volume(sandbox: SandboxProgram) -> None:
    body = {"name": "forgotten", "region": "iad", "size_gb": 1}
    assert sandbox.fly("POST", f"/apps/{APP}/volumes", body).is_success


def extended_volume(sandbox: SandboxProgram) -> None:
    volume = sandbox.volumes(REDIS)[0]["id"]
    path = f"/apps/{REDIS}/volumes/{volume}/extend"
    assert sandbox.fly("PUT", path, {"size_gb": 11}).is_success


def sql(statement: str) -> Act:
    def act(sandbox: SandboxProgram) -> None:
        machine = first(sandbox, POSTGRES)["id"]
        command = ["psql", "-U", "postgres", "-d", "postgres", "-c", statement]
        path = f"/apps/{POSTGRES}/machines/{machine}/exec"
        answer = sandbox.fly("POST", path, {"command": command, "timeout": 20}).json()
        assert answer["exit_code"] == 0, answer

    return act


@dataclass
class Before:
    """How machines and secrets were, to bring back what one tampering changed."""

    sandbox: SandboxProgram
    apps: tuple[str, ...]
    configs: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    ips: dict[str, list[str]] = field(default_factory=dict)
    volumes: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for app in self.apps:
            for row in self.sandbox.machines(app):
                self.configs[row["id"]] = (app, row["config"])
            self.secrets[app] = self.sandbox.secrets(app)
            status = self.sandbox.status_of(app)
            self.ips[app] = [ip["ip"] for ip in status["ips"]]
            self.volumes[app] = [volume["id"] for volume in self.sandbox.volumes(app)]

    def restore(self) -> None:
        """Undo what can be undone with the same ids: configurations, secrets, what was added.

        An update is answered while the machine is still `replacing`, which Fly does not restart:
        whatever comes next finds the machines at rest.
        """
        for app in self.apps:
            self._machines(app)
            self._surroundings(app)
        wait_until(self._at_rest, 60, "every machine is started or stopped")

    def _at_rest(self) -> bool:
        rows = [row for app in self.apps for row in self.sandbox.machines(app)]
        return all(row["state"] in AT_REST for row in rows)

    def _machines(self, app: str) -> None:
        for row in self.sandbox.machines(app):
            path = f"/apps/{app}/machines/{row['id']}"
            if row["id"] not in self.configs:
                self.sandbox.fly("DELETE", f"{path}?force=true")
            elif row["config"] != self.configs[row["id"]][1]:
                body = {"config": self.configs[row["id"]][1]}
                assert self.sandbox.fly("POST", path, body).is_success

    def _surroundings(self, app: str) -> None:
        now, was = self.sandbox.secrets(app), self.secrets[app]
        changed = {name: was.get(name) for name in now | was if now.get(name) != was.get(name)}
        if changed:
            self.sandbox.control("POST", f"/apps/{app}/secrets", changed)
        for ip in self.sandbox.status_of(app)["ips"]:
            if ip["ip"] not in self.ips[app]:
                self.sandbox.fly("DELETE", f"/apps/{app}/ip_assignments/{ip['ip']}")
        for volume in self.sandbox.volumes(app):
            if volume["id"] not in self.volumes[app]:
                self.sandbox.fly("DELETE", f"/apps/{app}/volumes/{volume['id']}")

    def disk_restored(self) -> None:
        """Write the files of every machine's configuration onto its disk again."""
        for machine, (_, config) in self.configs.items():
            for file in config.get("files") or []:
                path = _on_disk(self.sandbox.home, machine, file["guest_path"])
                if path.parent.is_dir():
                    path.write_bytes(_decoded(file))


def _on_disk(home: Path, machine: str, guest_path: str) -> Path:
    return home / "machines" / machine / "rootfs" / guest_path.lstrip("/")


def _decoded(file: Mapping[str, Any]) -> bytes:
    return base64.b64decode(file["raw_value"])
