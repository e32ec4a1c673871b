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
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, " ".join((command.help or "").split("\n\n")[0].split()))
            for name, command in commands
            if command is not None
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class LoadedLater(Commands):
    """A group that is named and described here, and loaded when one of its commands is asked for.

    `load` returns the group with the commands.
    """

    def __init__(self, *args: Any, load: Callable[[], click.Group], **options: Any) -> None:
        super().__init__(*args, **options)
        self.load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of what is loaded."""
        return self.load().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of what is loaded."""
        return self.load().get_command(ctx, cmd_name)


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
