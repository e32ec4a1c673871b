import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from ops.main import app

ROOT = Path(__file__).parents[3]


def commands() -> dict[str, Any]:
    """Return every command by the words that call it."""
    return dict(below(app, ""))


def below(group: click.Group, words: str) -> Iterator[tuple[str, Any]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from below(command, f"{words}{name} ")
        else:
            yield f"{words}{name}", command


def test_every_command_that_was_promised_is_there() -> None:
    sandbox = {"up", "down", "status", "logs", "break", "heal", "reset"}
    top = {"check", "explain", "rules", "import", "adopt"}
    top |= {"deploy", "destroy", "prove", "status", "render", "env", "drill", "drift"}
    top |= {"promote", "rollback", "history", "plan-scale"}
    evidence = {"list", "show", "verify"}
    below_them = {f"sandbox {name}" for name in sandbox} | {f"evidence {name}" for name in evidence}
    below_them |= {"image pin", "image verify"}
    assert set(commands()) == top | below_them


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
