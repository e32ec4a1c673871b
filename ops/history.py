"""`gateway history`: who did what to an environment, from its append-only record."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from components.history import Entry, Event, history_file, history_root, read
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.project import project_root
from stacks.problem import Problem, ProblemError, Severity

COLUMNS = ("when", "what", "bundle", "verdict", ">s", "who", "about")
DIGITS = 12


def history(environment: str, *, last: int | None, output: Output) -> ExitCode:
    """Show the record, oldest first; lines that a killed run tore are told and left out."""
    root = project_root(Path.cwd())
    file = history_file(root / history_root(os.environ), environment)
    found = read(file)
    if not found.entries and not found.torn:
        raise ProblemError([_nothing(environment, file)])
    entries = found.entries[-last:] if last else found.entries
    output.table(COLUMNS, [row(entry) for entry in entries])
    shown = str(file.relative_to(root) if file.is_relative_to(root) else file)
    for number in found.torn:
        output.say(_torn(shown, number).render())
    output.answer(
        {
            "environment": environment,
            "file": shown,
            "entries": [asdict(entry) for entry in entries],
            "torn_lines": list(found.torn),
        }
    )
    return ExitCode.OK


def row(entry: Entry) -> Sequence[str]:
    """Return an entry in the columns of the table."""
    return (
        entry.at.replace("T", " ").removesuffix("+00:00"),
        entry.event,
        entry.bundle[:DIGITS],
        entry.verdict,
        f"{entry.duration_s:.1f}" if entry.duration_s else "",
        entry.by.partition(" <")[0],
        _about(entry),
    )


def _about(entry: Entry) -> str:
    promotion = str(entry.more.get("promotion") or "").rpartition("/")[2]
    match entry.event:
        case Event.PROMOTION:
            waived = ", ".join(map(str, entry.more.get("waived") or ()))
            told = f"{entry.more.get('source')}: {promotion}"
            return f"{told}, waived: {waived}" if waived else told
        case Event.ROLLBACK:
            return f"{str(entry.more.get('from'))[:DIGITS]} to {promotion}"
        case _:
            evidence = entry.evidence.removeprefix("sha256:")[:DIGITS]
            return f"evidence {evidence}" if evidence else ""


def _nothing(environment: str, file: Path) -> Problem:
    return Problem(
        str(file),
        "history.none",
        "",
        f"nothing was done to {environment} from this checkout, or its history is elsewhere",
        f"gateway deploy {environment}",
    )


def _torn(file: str, number: int) -> Problem:
    return Problem(
        f"{file}, line {number}",
        "history.torn",
        "",
        "this line is no entry: a run was killed while it wrote, or somebody changed it",
        "the other lines stand; keep it, or remove it in a commit of its own",
        Severity.WARNING,
    )
