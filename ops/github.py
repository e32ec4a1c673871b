"""How GitHub Actions is told to mark a line of a file: its workflow commands."""

from collections.abc import Iterable

from ops.check_report import Entry, Report
from stacks.problem import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def annotations(report: Report) -> str:
    """Return one command per finding; GitHub shows at most ten of a kind for each step."""
    return "".join(f"{_command(entry)}\n" for entry in (*report.unread, *report.entries))


def _command(entry: Entry) -> str:
    at = entry.at
    properties = {"file": at.file}
    if at.line:
        properties |= {"line": str(at.line), "col": str(at.column)}
    properties["title"] = f"{entry.rule} {entry.title}".strip()
    value = f" = {entry.value}" if entry.value else ""
    message = "\n".join(_lines(f"{at.key}{value}", entry.expected, entry.next_step))
    named = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    return f"::{_COMMANDS[entry.severity]} {named}::{_data(message)}"


def _lines(*lines: str) -> Iterable[str]:
    return (line for line in lines if line)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
