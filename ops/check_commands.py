"""The commands that read a configuration and say what it really does: `check` and `rules`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import gc
from pathlib import Path
from typing import Any

import click

from ops.border import finish
from ops.command_line import json_option
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Severity

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument(
    "environment",
    metavar="[ENV]",
    required=False,
    help="An environment; or name files with --config and --toml.",
)
@click.option("--config", metavar="FILE", type=_FILE, help="A LiteLLM YAML file.")
@click.option("--toml", metavar="FILE", type=_FILE, help="The fly.toml it is deployed by.")
@click.option(
    "--database-url-file", metavar="FILE", type=_FILE, help="A file that holds the DATABASE_URL."
)
@click.option(
    "--database-url-env", metavar="NAME", help="The variable that holds the DATABASE_URL."
)
@click.option(
    "--litellm-version",
    "version",
    metavar="VERSION",
    help="LiteLLM's; else that of the image in fly.toml, else the default.",
)
@click.option(
    "--secret",
    "secrets",
    metavar="NAME",
    multiple=True,
    help="A secret that the gateway gets. With one, name all: others count as missing.",
)
@click.option(
    "--suppressions",
    metavar="FILE",
    type=_FILE,
    help="Findings to live with; suppressions.yaml if left out.",
)
@click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.ERROR.value,
    show_default=True,
    help="What ends with 2; warning: errors too.",
)
@click.option("--fix", is_flag=True, help="Mend in the files what has one right answer.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="github: annotations of GitHub Actions.",
)
@click.option("--sarif", metavar="FILE", help="Also write SARIF 2.1.0; - for stdout.")
@json_option
@click.pass_context
def check(context: click.Context, /, *, as_json: bool, **options: Any) -> None:
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
        gc.disable()  # a check is over before garbage matters; looking for it was 5% of its time
        from ops.check_request import Request, answer

        return answer(Request(**options), output=output)

    finish(context, act, as_json=as_json)


@click.command()
@click.argument(
    "rule", metavar="[RULE]", required=False, help="A rule's id, L004; all are listed without."
)
@json_option
@click.pass_context
def rules(context: click.Context, rule: str | None, *, as_json: bool) -> None:
    """Explain a rule of `gateway check`, or list them all.

    What it looks at, why, and a configuration that breaks it:

        gateway rules L004
    """

    def act(output: Output) -> ExitCode:
        from ops.rules import show

        return show(rule, output=output)

    finish(context, act, as_json=as_json)
