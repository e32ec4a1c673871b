"""What a command line asks of `gateway check`, and which of its options go together."""

# ruff: noqa: PLC0415 - what only some requests need is loaded by them

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from components.suppressing import suppressions_in
from ops.check import Format, Wanted, check
from ops.check_input import Files, database_url_in, input_from_files
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError, Severity


class Request(NamedTuple):
    """The options as given; None where one was not."""

    environment: str | None = None
    config: Path | None = None
    toml: Path | None = None
    database_url_file: Path | None = None
    database_url_env: str | None = None
    version: str | None = None
    secrets: tuple[str, ...] = ()
    suppressions: Path | None = None
    fail_on: str = Severity.ERROR
    form: str = Format.TEXT
    sarif: str | None = None
    fix: bool = False
    diff: bool = False


def answer(request: Request, *, output: Output, today: date | None = None) -> ExitCode:
    """Check what is asked for; `ProblemError` with all that is wrong with the options."""
    problems = list(_contradictions(request, output))
    if problems:
        raise ProblemError(problems)
    day = today or datetime.now(UTC).date()
    wanted = Wanted(Severity(request.fail_on), Format(request.form), request.sarif)
    if request.environment is not None:
        from ops.check_environment import input_from_environment
        from ops.project import project_root

        name, root = request.environment, project_root(Path.cwd())
        entries = suppressions_in([root], request.suppressions)
        given = partial(input_from_environment, root, name, today=day)
        return check(given, entries, wanted, today=day, output=output)
    named = request.config or request.toml or Path()
    entries = suppressions_in([named.parent, Path()], request.suppressions)
    files = _files(request)
    if request.fix or request.diff:
        from ops.check_fix import fix

        return fix(files, entries, wanted, write=request.fix, today=day, output=output)
    given = partial(input_from_files, files, today=day)
    return check(given, entries, wanted, today=day, output=output)


def _files(request: Request) -> Files:
    return Files(
        config=request.config,
        toml=request.toml,
        version=request.version,
        secrets=frozenset(request.secrets) or None,
        database_url_file=request.database_url_file,
        database_url=_from_environment(request.database_url_env),
    )


def _from_environment(name: str | None) -> str | None:
    if name is None:
        return None
    value = os.environ.get(name)
    if value is None:
        step = f"export {name}=postgres://..."
        problem = Problem(name, "check.database_url", "", "this variable is not set", step)
        raise ProblemError([problem])
    return database_url_in(value)


def _contradictions(request: Request, output: Output) -> Iterator[Problem]:
    files = {
        "--config": request.config,
        "--toml": request.toml,
        "--database-url-file": request.database_url_file,
        "--database-url-env": request.database_url_env,
        "--litellm-version": request.version,
        "--secret": request.secrets,
    }
    given = [name for name, value in files.items() if value]
    if request.environment is not None and given:
        expected = f"{given[0]} is about files, and an environment's settings say all of it"
        yield _usage(f"{request.environment} {given[0]}", expected, "leave one of the two out")
    if request.environment is None and not {"--config", "--toml"} & set(given):
        expected = "there is nothing to check: name an environment, or files"
        step = "gateway check live, or gateway check --config litellm_config.yaml"
        yield _usage("", expected, step)
    if request.database_url_file and request.database_url_env:
        both = "--database-url-file --database-url-env"
        yield _usage(both, "one DATABASE_URL is checked", "leave one of the two out")
    if request.environment is not None and (request.fix or request.diff):
        expected = "--fix rewrites files; typed settings are a program, which people edit"
        step = f"gateway check {request.environment}, and edit the places that it names"
        yield _usage("--fix" if request.fix else "--diff", expected, step)
    to_stdout = ("--json", output.as_json), ("--sarif -", request.sarif == "-")
    wanted = [name for name, asked in to_stdout if asked]
    if request.form == Format.GITHUB:
        wanted.append("--format github")
    if len(wanted) > 1:
        yield _usage(" ".join(wanted), "stdout takes one of them", "--sarif check.sarif")


def _usage(value: str, expected: str, next_step: str) -> Problem:
    return Problem("gateway check", "usage", value, expected, next_step)
