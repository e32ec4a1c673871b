"""`gateway check`: what in a configuration does nothing, or something else, or will hurt."""

# ruff: noqa: PLC0415 - a format is loaded by who asks for it

import json
import time
from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TextIO

import components.rules
from ops.check_input import Input
from ops.check_report import Report, report
from ops.check_text import Style, summary, text
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Severity
from stacks.suppressions import Applied, Suppression, applied


class Format(StrEnum):
    """How the findings are written to stdout."""

    TEXT = "text"
    GITHUB = "github"


class Wanted(NamedTuple):
    """How a check is told; `sarif` None writes none, `-` is stdout."""

    fail_on: Severity = Severity.ERROR
    form: Format = Format.TEXT
    sarif: str | None = None


def check(
    read: Callable[[], Input],
    suppressions: Sequence[Suppression],
    wanted: Wanted,
    *,
    today: date,
    output: Output,
) -> ExitCode:
    """Read, check and tell; FINDING with findings of the wanted weight, FAILED if unreadable."""
    found = checked(read, suppressions, today=today)
    return tell(found, wanted, output=output)


def checked(
    read: Callable[[], Input], suppressions: Sequence[Suppression], *, today: date
) -> Report:
    """Read a configuration and put every rule to it; the seconds are those of both."""
    began = time.perf_counter()
    given = read()
    found = applied_to(given, suppressions, today=today)
    result = reported(given, found)
    return result._replace(seconds=time.perf_counter() - began)


def reported(given: Input, found: Applied) -> Report:
    """Return the report, in which what `--fix` would try to mend is marked."""
    rules = len(components.rules.rules_for(given.configuration))
    fixable = [result for result in found.kept if given.mends(result.finding)]
    return report(given, found, rules=rules, fixable=fixable)


def applied_to(given: Input, suppressions: Sequence[Suppression], *, today: date) -> Applied:
    """Return the findings about what was read, without the suppressed ones."""
    if given.unread:
        return Applied(())
    return applied(
        components.rules.check(given.configuration),
        suppressions,
        spellings=given.spellings,
        environment=given.configuration.environment_name,
        today=today,
    )


def tell(found: Report, wanted: Wanted, *, output: Output, **more: Any) -> ExitCode:
    """Write the findings as wanted and return the exit code that says the same.

    `more` are further fields of the JSON document.
    """
    code = ExitCode.FINDING if found.fails(wanted.fail_on) else ExitCode.OK
    code = ExitCode.FAILED if found.unread else code
    stream = prose(wanted, output)
    style = Style(stream)
    if wanted.form is Format.GITHUB:
        from ops.github import annotations

        output.stdout.write(annotations(found))
        stream.write(f"{summary(found, style)}\n")
    else:
        stream.write(f"{text(found, style)}\n")
    stream.flush()
    if wanted.sarif is not None:
        _write_sarif(found, wanted.sarif, code, output)
    output.answer({**more, **found.as_json()})
    return code


def prose(wanted: Wanted, output: Output) -> TextIO:
    """Return where words for a reader go: to stdout, unless a program reads that."""
    for_programs = output.as_json or wanted.sarif == "-" or wanted.form is Format.GITHUB
    return output.stderr if for_programs else output.stdout


def _write_sarif(found: Report, target: str, code: ExitCode, output: Output) -> None:
    from ops.sarif import sarif

    log = json.dumps(sarif(found, components.rules.all_rules(), exit_code=code), indent=2) + "\n"
    if target == "-":
        output.stdout.write(log)
    else:
        FilePath(target).write_text(log, encoding="utf-8")
