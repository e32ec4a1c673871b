import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import valkey

from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import Stack
from tests.sandbox.engine.sandbox_program import ROOT, SandboxProgram

APP = "ai-gateway-local"
VERSION = "1.106.2"
PORTS = {"4281": "edge_url", "4282": "provider_url"}

pytestmark = pytest.mark.timeout(900)  # the first time, LiteLLM is installed


@pytest.fixture(scope="session")
def litellm() -> None:
    """LiteLLM's environment, which is installed once per version and machine."""
    install = [sys.executable, "-m", "sandbox", "images", "install", VERSION]
    subprocess.run(install, cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def local(sandbox: SandboxProgram, new_stack: NewStack) -> Iterator[Stack]:
    """The committed local environment, on ports of its own."""
    stack = new_stack(committed="local")
    text = stack.config_file.read_text()
    for port, url in PORTS.items():
        assert f"127.0.0.1:{port}" in text
        text = text.replace(f"http://127.0.0.1:{port}", sandbox.addresses[url])
    stack.config_file.write_text(text)
    account = sandbox.home / "vertex-service-account.json"
    stack.environment["VERTEX_CREDENTIALS_JSON"] = account.read_text()
    yield stack
    sandbox.wipe()


@pytest.mark.usefixtures("litellm")
def test_the_local_gateway_is_a_real_litellm_that_is_proven_rescues_and_uses_its_stores(
    sandbox: SandboxProgram, local: Stack
) -> None:
    local.up()
    outputs = local.outputs()
    edges = outputs["release"]["edges"]
    assert len(edges) == 13
    assert {edge["verdict"] for edge in edges} == {"passed"}
    assert outputs["release"]["verdict"] == "passed"
    assert outputs["database"] == "connected as litellm to litellm"
    assert outputs["url"] == sandbox.addresses["edge_url"]
    evidence = json.loads(Path(outputs["release"]["evidence_file"]).read_text())
    assert evidence["grade"]["sources"] == ["attempts", "counters", "events", "headers"]
    assert evidence["grade"]["grade"] == "A"

    key = outputs["master_key"]
    answer = sandbox.ask(key, "xai/grok-4.3")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-litellm-version"] == VERSION
    assert answer.headers["x-litellm-model-group"] == "xai/grok-4.3"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert answer.json()["choices"][0]["message"]["content"]

    broken = {"script": [{"kind": "status", "status": 500}], "then": "repeat"}
    sandbox.control("PUT", "/providers/faults/xai/grok-4.3", broken)
    rescued = sandbox.ask(key, "xai/grok-4.3", content="Say something else.")
    assert rescued.status_code == 200, rescued.text
    assert rescued.headers["x-litellm-model-group"] == "anthropic/claude-sonnet-4-6"
    assert rescued.headers["x-litellm-attempted-fallbacks"] == "1"

    again = sandbox.ask(key, "xai/grok-4.3", content="Say something else.")
    assert again.headers.get("x-litellm-cache-key"), dict(again.headers)
    assert cached(sandbox)


def cached(sandbox: SandboxProgram) -> int:
    """Count the keys in the Valkey that the gateway's machines share."""
    redis = f"{APP}-redis"
    with valkey.Valkey(
        sandbox.status_of(redis)["address"],
        6379,
        password=sandbox.secrets(redis)["VALKEY_PASSWORD"],
    ) as client:
        return int(client.dbsize())
