"""What a command loads decides how long it takes to start: nothing that it does not need."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "tests" / "unit" / "gateway" / "cases" / "original_litellm_config.yaml"
HEAVY = {"httpx", "jinja2", "pulumi", "pydantic", "rich", "typer"}


def loaded(*arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "-m", "ops.main", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))


def test_help_loads_nothing_but_what_it_prints() -> None:
    modules = loaded("--help")
    assert "ops.check_commands" in modules
    assert not (HEAVY | {"yaml", "gateway", "components"}) & modules


@pytest.mark.parametrize("form", ["text", "github"])
def test_a_check_of_files_loads_rules_and_no_settings(form: str) -> None:
    modules = loaded("check", "--config", str(PUBLISHED), "--format", form)
    assert "gateway.rules.breaker" in modules
    assert not (HEAVY | {"fly.rules.all", "tomllib", "stacks.settings"}) & modules
