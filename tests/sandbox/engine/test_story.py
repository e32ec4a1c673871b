"""The story of one gateway: up, nothing to do, moved by hand in six ways and healed, destroyed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import moved, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram, shipped_file

APP = "stub-gateway"
REDIS = "stub-gateway-redis"
YAML = "/app/litellm_config.yaml"
DRIFT = 7  # the exit code of `pulumi preview --expect-no-changes` when there are some
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ANOTHER_KEY = "another-key-entirely"

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Tampering:
    """Something done behind Pulumi's back, and all that the drift preview may say of it."""

    what: str
    act: Callable[[SandboxProgram], None]
    says: tuple[str, ...]
    """Each a pattern of one row: what was found => what is declared."""


def edit_a_machine(sandbox: SandboxProgram) -> None:
    machine = sandbox.machines(APP)[0]
    text = shipped_file(machine, YAML)
    assert "cooldown_time: 30" in text
    edits = {"config.env.LITELLM_MODE": "DEV", "config.guest.memory_mb": 4096}
    file = {YAML: text.replace("cooldown_time: 30", "cooldown_time: 31")}
    sandbox.control("POST", f"/machines/{machine['id']}/edit", {"set": edits, "file": file})


def set_a_secret(sandbox: SandboxProgram) -> None:
    sandbox.control("POST", f"/apps/{APP}/secrets", {"XAI_API_KEY": ANOTHER_KEY})


def delete_a_machine(sandbox: SandboxProgram) -> None:
    machine = sandbox.machines(APP)[0]["id"]
    assert sandbox.fly("DELETE", f"/apps/{APP}/machines/{machine}?force=true").is_success


def clone_a_machine(sandbox: SandboxProgram) -> None:
    machine = sandbox.machines(APP)[0]
    body = {"config": machine["config"], "region": machine["region"]}
    assert sandbox.fly("POST", f"/apps/{APP}/machines", body).is_success


TAMPERINGS = (
    Tampering(
        "an environment value, LiteLLM's file and a machine's size",
        edit_a_machine,
        (
            r'~ LITELLM_MODE: "DEV" => "PRODUCTION"',
            r"~ cooldown_time: 31 => 30",
            r"~ memory_mb: 4096 => 8192",
        ),
    ),
    Tampering(
        "a secret's value",
        set_a_secret,
        (
            r'~ XAI_API_KEY: "changed outside: digest [0-9a-f]{16}" => "as declared"',
            r"~ secrets_version: \d+ => \[unknown\]",
        ),
    ),
    Tampering("a deleted machine", delete_a_machine, (r"\+ iad-2",)),
    Tampering("one machine too many", clone_a_machine, (r"- iad-3",)),
)


def test_a_gateway_comes_up_proven_shows_what_moved_heals_and_leaves_nothing(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    stack.configure(stub_config(sandbox, postgres={"kind": "single"}))

    stack.up()
    complete(stack.outputs(), sandbox)
    assert served(sandbox)

    machines = ids(sandbox)
    assert re.fullmatch(r"\d+ unchanged", resources(stack.up().stdout))
    assert ids(sandbox) == machines
    clean = stack.drift()
    assert clean.returncode == 0, clean.stdout

    secrets = sandbox.secrets(APP)
    for tampering in TAMPERINGS:
        tampering.act(sandbox)
        drift = stack.drift()
        rows = moved(drift.stdout)
        assert drift.returncode == DRIFT, f"{tampering.what}: {drift.stdout}"
        # Also that the one before was healed: nothing but this one is named.
        assert len(rows) == len(tampering.says), (tampering.what, rows)
        for row, says in zip(sorted(rows), sorted(tampering.says), strict=True):
            assert re.fullmatch(says, row), tampering.what
        stack.up()
        assert served(sandbox), tampering.what
    clean = stack.drift()
    assert clean.returncode == 0, clean.stdout
    assert sandbox.secrets(APP) == secrets
    assert not [text for text in stack.transcript if ANOTHER_KEY in text]

    stack.destroy()
    assert sandbox.control("GET", "/status")["apps"] == []
    assert sandbox.secrets(APP) == {}
    assert [path.name for path in (sandbox.home / "volumes").iterdir()] == []
    assert [path.name for path in (sandbox.home / "machines").iterdir()] == []
    assert stack.state().get("resources", []) == []


def complete(outputs: dict[str, Any], sandbox: SandboxProgram) -> None:
    """Assert that the outputs say where the gateway is, what runs, and that it was proven."""
    release = outputs["release"]
    assert outputs["url"] == sandbox.addresses["edge_url"]
    assert outputs["app"] == APP
    assert len(outputs["addresses"]) == 2
    assert outputs["master_key"].startswith("sk-")
    assert outputs["database"] == "connected as litellm to litellm"
    redacted = r"postgres(ql)?://litellm:\*+@stub-gateway-db\.flycast:5432/litellm\?.*"
    assert re.fullmatch(redacted, outputs["database_url"])
    assert DIGEST.fullmatch(outputs["database_url_digest"])
    assert outputs["postgres_address"]
    assert outputs["redis_address"]
    assert re.fullmatch(r"[0-9a-f]{64}", release["bundle"])
    assert release["image"] == "registry.fly.io/stub:v1.106.2"
    for digest in ("image_digest", "yaml_digest", "toml_digest", "evidence_digest"):
        assert DIGEST.fullmatch(release[digest]), digest
    assert release["machines"] == ids(sandbox)
    assert release["verdict"] == "passed"
    assert release["proven_at"]
    (edge,) = release["edges"]
    assert 0 < edge.pop("latency_ms") < 15_000
    assert edge == {
        "kind": "general",
        "source": "xai/grok-4.3",
        "target": "anthropic/claude-sonnet-4-6",
        "verdict": "passed",
    }
    evidence = json.loads(Path(release["evidence_file"]).read_text())
    assert evidence["digest"] == release["evidence_digest"]
    assert [gate["gate"] for gate in evidence["gates"]] == ["inside", "inside", "outside"]


def ids(sandbox: SandboxProgram) -> list[str]:
    """Return the gateway's machines, oldest first."""
    rows = sorted(sandbox.machines(APP), key=lambda row: (row["created_at"], row["id"]))
    return [row["id"] for row in rows]


def served(sandbox: SandboxProgram) -> bool:
    """Tell whether exactly the declared machines serve, and a user gets an answer."""
    status = [row for row in sandbox.status_of(APP)["machines"] if row["state"] == "started"]
    assert len(status) == 2
    assert all(row["routable"] and not row["cordoned"] for row in status)
    return sandbox.ask(sandbox.secrets(APP)["LITELLM_MASTER_KEY"]).status_code == 200


def resources(printed: str) -> str:
    """Return the engine's last word on what it did."""
    return printed.rpartition("Resources:")[2].partition("Duration")[0].strip()
