"""What all commands share: how a list of them looks in `--help`, and the options many have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

COLUMNS = 100  # where the terminal has them

Function = TypeVar("Function", bound=Callable[..., Any])


class Commands(click.Group):
    """A group whose list of commands tells each one's first paragraph, not as much as fits.

    In the order in which they are added: that of the work.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the list."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        del ctx
        rows = [
            (name, " ".join((command.help or "").split("\n\n")[0].split()))
            for name, command in self.commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def environment_argument(function: Function) -> Function:
    """Declare ENV."""
    said = "An environment: local, dev, live (it has a Pulumi.ENV.yaml)."
    return click.argument("environment", metavar="ENV", help=said)(function)


def json_option(function: Function) -> Function:
    """Declare `--json`; the command gets it as `as_json`."""
    said = "Print one JSON document; all prose goes to stderr."
    return click.option("--json", "as_json", is_flag=True, help=said)(function)


def yes_option(function: Function) -> Function:
    """Declare `--yes`."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)
