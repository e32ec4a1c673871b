"""How a check is told to a reader: three lines a finding, one line about the whole."""

# ruff: noqa: PLC0415 - what only a terminal needs is loaded where there is one

import os
from collections.abc import Iterator
from typing import TextIO

from ops.check_report import Entry, Report
from stacks.problem import Severity

_NARROWEST = 40  # columns below which wrapping reads worse than what a terminal does by itself
_BOLD, _DIM, _RED, _YELLOW, _GREEN = "1", "2", "1;31", "1;33", "1;32"
_COLOURS = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW}


class Style:
    """Colour and width of what is written to a stream: neither where it is no terminal.

    Four escape sequences, and no library for them: importing one takes longer than a check.
    """

    def __init__(self, stream: TextIO) -> None:
        terminal = stream.isatty()
        self.coloured = terminal and not os.environ.get("NO_COLOR")
        self.width = _width() if terminal else 0

    def paint(self, text: str, colour: str) -> str:
        """Return `text` in a colour."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.coloured and text and colour else text

    def difference(self, line: str) -> str:
        """Return a line of a difference in its colour."""
        return self.paint(line, {"+": _GREEN, "-": _RED, "@": _DIM}.get(line[:1], ""))

    def indented(self, text: str) -> str:
        """Return `text` two columns in, wrapped to the terminal if there is one."""
        lines = text.splitlines() or [""]
        if not self.width:
            return "\n".join(f"  {line}" if line.strip() else line for line in lines)
        import textwrap

        wrapped = (textwrap.wrap(line, self.width - 2, break_on_hyphens=False) for line in lines)
        return "\n".join(f"  {piece}" for pieces in wrapped for piece in pieces or [""])


def _width() -> int:
    import shutil

    columns = shutil.get_terminal_size().columns
    return columns if columns >= _NARROWEST else 0


def text(report: Report, style: Style) -> str:
    """Return all findings, and last a line about the whole check."""
    told = report.unread or report.entries
    parts = [_entry(entry, report.version, style) for entry in told]
    return "\n\n".join([*parts, summary(report, style)])


def summary(report: Report, style: Style) -> str:
    """Return what was checked, for which release, what came of it and how long it took."""
    return "\n".join(_summary(report, style))


def _entry(entry: Entry, version: str, style: Style) -> str:
    kind = style.paint(f"{entry.severity}[{entry.rule}]", _COLOURS[entry.severity])
    value = f" = {entry.value}" if entry.value else ""
    unsure = "" if entry.verified else f" (unverified on LiteLLM {version})"
    head = f"{kind} {style.paint(str(entry.at), _BOLD)}{value}"
    return f"{head}\n{style.indented(entry.expected + unsure)}\n{style.indented(entry.next_step)}"


def _summary(report: Report, style: Style) -> Iterator[str]:
    files = ", ".join(report.files)
    if report.unread:
        yield style.paint("not checked", _RED) + f": {files}"
        return
    errors, warnings = report.number(Severity.ERROR), report.number(Severity.WARNING)
    found = [counted(errors, "error"), counted(warnings, "warning")]
    colour = _RED if errors else _YELLOW if warnings else _GREEN
    counts = ", ".join(part for part in found if part) or "clean"
    hidden = counted(len(report.suppressed), "suppressed", plural="suppressed")
    for_version = f"LiteLLM {report.version} ({report.version_from})"
    parts = [hidden, f"{report.rules} rules for {for_version}", f"{report.seconds:.2f} s"]
    yield f"{files}: {style.paint(counts, colour)}; " + "; ".join(part for part in parts if part)
    fixable = sum(entry.fixable for entry in report.entries)
    if fixable:
        yield style.paint(f"--fix mends {fixable} of them, --diff shows how", _DIM)


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Return `1 error`, `2 errors`, and nothing for none."""
    if not number:
        return ""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
