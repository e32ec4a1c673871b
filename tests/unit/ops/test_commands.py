import tomllib
from pathlib import Path
from typing import Any

import pytest

from ops.main import app

ROOT = Path(__file__).parents[3]


def commands() -> dict[str, Any]:
    """Return every command by the words that call it."""
    found: dict[str, Any] = {}
    for name, command in app.commands.items():
        below = getattr(command, "commands", {})
        found |= {f"{name} {inner}": one for inner, one in below.items()} or {name: command}
    return found


def test_every_command_that_was_promised_is_there() -> None:
    sandbox = {"up", "down", "status", "logs", "break", "heal", "reset"}
    top = {"check", "rules", "deploy", "destroy", "prove", "status", "render", "env"}
    assert set(commands()) == top | {f"sandbox {name}" for name in sandbox}


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_says_what_it_is_for(name: str) -> None:
    command = commands()[name]
    assert command.help
    for option in command.params:
        assert option.help, option.name


def test_the_installed_command_is_this_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["gateway"] == "ops.main:main"


def test_the_guide_shows_every_command() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in commands():
        assert f"gateway {name}" in guide
