"""Where a command's words go: progress to stderr, the answer to stdout, as text or as one JSON."""

# ruff: noqa: PLC0415 - rich is loaded when a table is drawn, so that `--help` is there at once

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from stacks.problem import Problem

if TYPE_CHECKING:
    from rich.console import Console

LOG_WIDTH = 140  # columns where no terminal says: log files wrap by themselves


class Output:
    """One command's output.

    With `as_json`, stdout gets exactly one JSON document and all prose goes to stderr; without,
    the answer is text on stdout. Texts are printed as they are: `[` has no meaning in them.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    def say(self, line: str) -> None:
        """Tell how far the command is."""
        self.stderr.write(f"{line}\n")
        self.stderr.flush()

    def show(self, text: str) -> None:
        """Show one line or text of the answer to a reader."""
        stream = self.stderr if self.as_json else self.stdout
        stream.write(f"{text}\n")
        stream.flush()

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Show names and values in two columns; rows without a value are left out."""
        kept = [(name, value) for name, value in rows if value]
        width = max((len(name) for name, _ in kept), default=0)
        for name, value in kept:
            self.show(f"{name:<{width}}  {value}")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table; columns that begin with `>` are numbers and stand to the right."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            right = name.startswith(">")
            table.add_column(
                name.lstrip(">"), justify="right" if right else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        self._console().print(table)

    def answer(self, document: dict[str, Any]) -> None:
        """Write the JSON document, if one was asked for."""
        if self.as_json:
            self.stdout.write(json.dumps(document, indent=2) + "\n")
            self.stdout.flush()

    def problems(self, problems: Sequence[Problem], **more: Any) -> None:
        """Write problems in their three parts, and as fields of the JSON document."""
        self.say("\n\n".join(problem.render() for problem in problems))
        self.answer({**more, "problems": [problem.as_json() for problem in problems]})

    def _console(self) -> "Console":
        from rich.console import Console

        stream = self.stderr if self.as_json else self.stdout
        width = None if stream.isatty() else LOG_WIDTH
        return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def _style(cell: str) -> str:
    """Colour the words that a reader looks for first."""
    return {
        "passed": "green",
        "passing": "green",
        "started": "green",
        "failed": "bold red",
        "critical": "bold red",
        "errored": "red",
        "inconclusive": "yellow",
        "warning": "yellow",
    }.get(cell, "")
