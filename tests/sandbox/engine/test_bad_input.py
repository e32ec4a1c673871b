"""What is wrong with a configuration is said all at once, before Fly is asked for anything."""

import re
import shlex
from typing import Any

import pytest

from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import stub_config
from tests.sandbox.engine.sandbox_program import ROOT, SandboxProgram

pytestmark = pytest.mark.timeout(300)

# What goes wrong: a part of the place, the value as given, a part of the next step.
WRONG = {
    "an unknown key": ("gateway:fly.memory", "fly.memory_mb"),
    "a wrong type": ("gateway:server.workers", '"many"'),
    "a chain to an unknown model": (
        'gateway:router_settings.fallbacks["xai/grok-4.3"][0]',
        'did you mean "anthropic/claude-sonnet-4-6"?',
    ),
    "a missing secret": (
        "gateway:XAI_API_KEY",
        "pulumi config set -s local --secret gateway:XAI_API_KEY",
    ),
    "a bad memory for the size": ("gateway:fly.memory_mb", "100mb"),
    "a soft limit above the hard one": ("gateway:fly.concurrency.soft_limit", "= 200"),
    "a port clash": ("gateway:metrics.port", "= 4000"),
    "a region that does not exist": ("gateway:fly.regions.zzz", "zzz"),
    "too many connections": ("gateway:postgres.max_connections", "available 5"),
}


def test_every_problem_is_reported_at_once_and_fly_is_asked_for_nothing(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    stack.configure(everything_wrong(sandbox))
    done = stack.up(check=False)
    assert done.returncode not in (0, None)
    assert "nothing was changed" in done.stdout
    blocks = re.findall(r"^\s*(error\[\S+\] .*(?:\n.*){2})", done.stdout, re.MULTILINE)
    for what, (place, says) in WRONG.items():
        assert [b for b in blocks if place in b.splitlines()[0] and says in b], (what, done.stdout)
    assert "Traceback" not in done.stdout
    assert sandbox.calls() == []


def everything_wrong(sandbox: SandboxProgram) -> dict[str, Any]:
    """Return a configuration with one mistake of each kind."""
    config = stub_config(
        sandbox,
        fly={
            "memory": 4096,
            "memory_mb": 100,
            "concurrency": {"soft_limit": 200, "hard_limit": 150},
            "regions": {"iad": 2, "zzz": 1},
            "primary": "iad",
        },
        server={"workers": "many"},
        metrics={"port": 4000},
        store="database",
        postgres={"max_connections": 20},
    )
    config["router_settings"]["fallbacks"]["xai/grok-4.3"] = ["anthropic/claude-sonet-4-6"]
    del config["secrets"]["XAI_API_KEY"]
    return config


@pytest.mark.parametrize("environment", ["dev", "live"])
def test_the_committed_configuration_asks_for_what_is_the_users_and_then_works(
    sandbox: SandboxProgram, new_stack: NewStack, environment: str
) -> None:
    stack = new_stack(committed=environment)
    unfilled = stack.run("preview", check=False)
    assert unfilled.returncode != 0
    assert "Traceback" not in unfilled.stdout
    commands = re.findall(rf"pulumi (config set -s {environment} .*)", unfilled.stdout)
    keys = {shlex.split(command)[-2 if "--path" in command else -1] for command in commands}
    assert keys == {
        "gateway:fly.organization",
        "gateway:fly.app",
        "gateway:providers.vertex_ai.vertex_project",
        "gateway:providers.vertex_ai.vertex_location",
        "gateway:OPENAI_API_KEY",
        "gateway:ANTHROPIC_API_KEY",
        "gateway:XAI_API_KEY",
        "gateway:VERTEX_CREDENTIALS_JSON",
        "gateway:POSTHOG_API_KEY",
    }

    for command in dict.fromkeys(commands):  # as they were printed
        stack.run(*shlex.split(command), stdin="made-up" if "--secret" in command else None)
    preview = stack.run("preview", check=environment == "dev")
    if environment == "live":
        # All that is left is what no command of Pulumi's can give.
        assert re.findall(r"error\[(\S+)\]", preview.stdout) == ["promotion.none"]
        assert "gateway promote dev live" in preview.stdout
    else:
        assert "+ " in preview.stdout
        assert "gateway-release" in preview.stdout
        assert "gateway-postgres-database" in preview.stdout
    assert sandbox.control("GET", "/status")["apps"] == []
    # Salt and secrets went into the test's copy only.
    assert "encryptionsalt" not in (ROOT / stack.config_file.name).read_text()
