"""The commands that read a configuration and say what it really does: `check` and `rules`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from pathlib import Path
from typing import Annotated

import typer

from ops.border import finish
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Severity

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; all prose goes to stderr.")
]


def check(  # noqa: PLR0913 - one option for each thing that a user may name
    context: typer.Context,
    environment: Annotated[
        str | None,
        typer.Argument(
            metavar="[ENV]", help="An environment; or name files with --config, --toml."
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A LiteLLM YAML file.")
    ] = None,
    toml: Annotated[
        Path | None, typer.Option("--toml", metavar="FILE", help="The fly.toml it is deployed by.")
    ] = None,
    database_url_file: Annotated[
        Path | None,
        typer.Option("--database-url-file", metavar="FILE", help="A file with the DATABASE_URL."),
    ] = None,
    database_url_env: Annotated[
        str | None,
        typer.Option(
            "--database-url-env", metavar="NAME", help="The variable that holds the DATABASE_URL."
        ),
    ] = None,
    litellm_version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="LiteLLM's; else that of the image in fly.toml, else 1.106.2."
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A secret that will be set; once for each, name all."),
    ] = None,
    suppressions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Findings to live with; else suppressions.yaml."),
    ] = None,
    fail_on: Annotated[
        Severity, typer.Option(help="End with 2 for these: error, or warning for both.")
    ] = Severity.ERROR,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend in the files what has one right answer.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what --fix would change, and change nothing.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, or github for annotations.")
    ] = "text",
    sarif: Annotated[
        str | None, typer.Option(metavar="FILE", help="Also write SARIF 2.1.0; - for stdout.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what in a configuration does nothing, or something else than it says, or will hurt.

    For the LiteLLM version that is pinned, without network and without any secret's value.
    Exit codes: 0 clean, 2 findings, 1 it could not be checked.

    An environment, or any existing pair of files:

        gateway check live

        gateway check --config litellm_config.yaml --toml fly.toml

    Mend what has one right answer, and see the rest:

        gateway check --config litellm_config.yaml --fix
    """

    def act(output: Output) -> ExitCode:
        from ops.check_request import Request, answer

        request = Request(
            environment=environment,
            config=config,
            toml=toml,
            database_url_file=database_url_file,
            database_url_env=database_url_env,
            version=litellm_version,
            secrets=secret,
            suppressions=suppressions,
            fail_on=fail_on,
            form=form,
            sarif=sarif,
            fix=fix,
            diff=diff,
        )
        return answer(request, output=output)

    finish(context, act, as_json=json)


def rules(
    context: typer.Context,
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="A rule's id: L004; all if left out.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Explain a rule of `gateway check`, or list them all.

    gateway rules L004
    """

    def act(output: Output) -> ExitCode:
        from ops.rules import show

        return show(rule, output=output)

    finish(context, act, as_json=json)
