"""How `--help` looks: plain text, at once, with what each command does told in full."""

from typing import Any

from typer.core import TyperGroup

COLUMNS = 100  # where the terminal has them


class Commands(TyperGroup):
    """A group whose list of commands tells each one's first paragraph, not as much as fits.

    Plain, because drawing boxes takes longer than all else together: Rich's part of `--help` was
    0.23 s of 0.36 s of processor time.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the caller's
        """Write the list of commands."""
        rows = [
            (name, " ".join((command.help or "").split("\n\n")[0].split()))
            for name, command in self.commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
