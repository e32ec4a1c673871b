"""A planted marker as the value of every secret is found nowhere but in Fly's own store."""

import base64
import secrets as randomness
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import STUB_MODELS, Stack, stub_config
from tests.sandbox.engine.sandbox_program import ROOT, SandboxProgram

APP = "stub-gateway"
PLANTED = (
    "LITELLM_MASTER_KEY",
    "LITELLM_SALT_KEY",
    "XAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "VERTEX_CREDENTIALS_JSON",
    "POSTHOG_API_KEY",
    "POSTHOG_PERSONAL_API_KEY",
)
NOT_FOR_MACHINES = "POSTHOG_PERSONAL_API_KEY"  # by which the events of a proof are read back
NOT_OURS = frozenset({".git", ".venv", ".mypy_cache", ".ruff_cache"})
LOOK_S = 0.02  # between two looks at the process list


@pytest.mark.timeout(300)
def test_no_secret_is_in_any_file_output_log_state_or_argument_list(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    marker = f"planted{randomness.token_hex(8)}"
    stack = new_stack()
    scratch = stack.home / "tmp"
    scratch.mkdir()
    stack.environment |= {"TMPDIR": str(scratch), "FLY_API_TOKEN": f"sandbox-{marker}-token"}
    planted = {name: f"sk-{marker}-{name.lower()}" for name in PLANTED}
    planted[NOT_FOR_MACHINES] = f"phx_{marker}"

    with argument_lists() as arguments:
        stack.configure(with_every_secret(sandbox), planted)
        refused = {"error": f"value {planted['XAI_API_KEY']} is too obvious"}
        match = {"method": "POST", "path_regex": f"/{APP}/secrets$"}
        sandbox.fault(match, kind="status", status=422, body=refused)
        assert stack.up(check=False).returncode != 0
        assert "is too obvious" in stack.transcript[-1]
        stack.up()
        stored = {
            name: value for app in apps(sandbox) for name, value in sandbox.secrets(app).items()
        }
        sent = {name: value for name, value in planted.items() if name != NOT_FOR_MACHINES}
        assert sent.items() <= stored.items()
        assert NOT_FOR_MACHINES not in stored
        # It was used: the stand-in counts the queries whose key it takes.
        assert sandbox.control("GET", "/posthog")["queries"] > 0
        set_server(stack, {"STUB_NO_FALLBACK": "1"})
        assert stack.up(check=False).returncode != 0
        assert "failed[proof]" in stack.transcript[-1]
        sandbox.control("POST", f"/apps/{APP}/secrets", {"XAI_API_KEY": f"{marker}-moved"})
        assert stack.drift().returncode != 0
        kept = copied(sandbox)
        stack.destroy()

    generated = stored.keys() - planted.keys()
    assert generated >= {"REDIS_PASSWORD", "POSTGRES_PASSWORD", "POSTGRES_ROLE_PASSWORD"}
    needles = [marker, *(stored[name] for name in generated)]
    needles += [base64.b64encode(needle.encode()).decode() for needle in needles]
    places = [("printed", text.encode()) for text in stack.transcript]
    places += [("arguments", line) for line in arguments]
    places += contents(stack.home, sandbox.home.parent, kept, ROOT)
    # What is looked through is really there, and what it holds can be found.
    for place in (
        "backend/",
        "pulumi-home/",
        "evidence/",
        "kept/machines/",
        "sandbox.out",
        "README",
    ):
        assert [name for name, _ in places if place in name], place
    assert [name for name, content in places if APP.encode() in content]
    assert any(b"pulumi" in line and b"up" in line for line in arguments)
    for needle in needles:
        assert [name for name, content in places if needle.encode() in content] == []


def with_every_secret(sandbox: SandboxProgram) -> dict[str, Any]:
    """Return a configuration that needs each kind of secret, none of the user's generated."""
    config = stub_config(
        sandbox,
        store="database",
        posthog={
            "query": {
                "host": f"{sandbox.addresses['provider_url']}/posthog",
                "project_id": 1,
                "wait_s": 1,
            }
        },
        postgres={"kind": "single"},
        fly={"regions": {"iad": 1}},
    )
    config["models"] = [*STUB_MODELS, {"name": "vertex_ai/gemini", "provider": "vertex_ai"}]
    config["providers"]["vertex_ai"] = {
        "vertex_project": "ours",
        "vertex_location": "global",
        "vertex_credentials": "VERTEX_CREDENTIALS_JSON",
        "api_base": sandbox.addresses["provider_url"],
    }
    del config["secrets"]
    return config


def set_server(stack: Stack, environment: dict[str, str]) -> None:
    """Change the server's environment and leave the rest of the configuration, secrets too."""
    document = yaml.safe_load(stack.config_file.read_text())
    document["config"]["gateway:server"]["environment"] = environment
    stack.config_file.write_text(yaml.safe_dump(document))


def apps(sandbox: SandboxProgram) -> list[str]:
    """Return the names of all apps."""
    return [app["name"] for app in sandbox.control("GET", "/status")["apps"]]


@contextmanager
def argument_lists() -> Iterator[set[bytes]]:
    """Collect the argument lists of every process of this machine while a block runs."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue  # it has ended

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def copied(sandbox: SandboxProgram) -> Path:
    """Keep what destroying removes: logs, root file systems and volumes, but not Fly's store."""
    target = sandbox.home.parent / "kept"
    leave_out = shutil.ignore_patterns("secrets.json", ".s.PGSQL*")
    shutil.copytree(sandbox.home, target, ignore=leave_out, symlinks=True)
    return target


def contents(*folders: Path) -> Iterable[tuple[str, bytes]]:
    """Return every file below the folders, but Fly's store and what is not this project's."""
    for folder in folders:
        for path in folder.rglob("*"):
            if not NOT_OURS.isdisjoint(path.relative_to(folder).parts):
                continue
            if path.is_symlink() or not path.is_file() or path.name == "secrets.json":
                continue
            yield str(path), path.read_bytes()
