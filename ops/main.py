"""The `gateway` command: what each sub-command is called, takes and says of itself."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.border import finish
from ops.check_commands import check, rules
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.plain_help import COLUMNS, Commands
from ops.sandbox_commands import app as sandbox_app
from stacks.problem import Problem

Environment = Annotated[
    str,
    typer.Argument(
        metavar="ENV", help="An environment: local, dev, live (it has a Pulumi.ENV.yaml)."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; all prose goes to stderr.")
]

app = typer.Typer(
    name="gateway",
    no_args_is_help=True,
    add_completion=False,
    cls=Commands,
    rich_markup_mode=None,
    context_settings={"max_content_width": COLUMNS},
    help="A LiteLLM gateway on Fly.io whose fallbacks are proven before users see a release.\n\n"
    "From nothing to a proven gateway on this machine, without any account:\n\n"
    "    gateway sandbox up\n\n"
    "    gateway deploy local\n\n"
    "Exit codes: 0 fine; 1 the command could not do its work; 2 it could, and the answer is no"
    " (a proof that failed, a gateway that is not well, findings); 130 interrupted.",
)
app.command()(check)
app.command()(rules)
app.add_typer(sandbox_app, name="sandbox")


@app.callback()
def options(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Keep what holds for every command."""
    context.obj = debug


@app.command()
def deploy(
    context: typer.Context, environment: Environment, *, yes: Yes = False, json: Json = False
) -> None:
    """Roll an environment out with `pulumi up` and show the proof of every fallback.

    A second run of the same settings changes nothing and says so.

    Put the local gateway up:

        gateway deploy local

    Roll out to dev, after a look at what would change:

        gateway deploy dev
    """

    def act(output: Output) -> ExitCode:
        from ops.deploy import deploy as act_on

        return act_on(environment, yes=yes, output=output)

    finish(context, act, as_json=json)


@app.command()
def destroy(
    context: typer.Context, environment: Environment, *, yes: Yes = False, json: Json = False
) -> None:
    """Destroy everything of an environment; what is protected makes Pulumi refuse.

    The Pulumi stack itself stays, empty. Take the local gateway down:

        gateway destroy local --yes
    """

    def act(output: Output) -> ExitCode:
        from ops.destroy import destroy as act_on

        return act_on(environment, yes=yes, output=output)

    finish(context, act, as_json=json)


@app.command()
def prove(context: typer.Context, environment: Environment, *, json: Json = False) -> None:
    """Prove every declared fallback now, on the gateway that serves.

    Writes evidence/ENV/<digest>.json. Ends with 2 when a fallback was not proven. See what the
    proof says while a target is down:

        gateway sandbox break anthropic/claude-sonnet-4-6 --status 500

        gateway prove local
    """

    def act(output: Output) -> ExitCode:
        from ops.prove import prove as act_on

        return act_on(environment, output=output)

    finish(context, act, as_json=json)


@app.command()
def status(context: typer.Context, environment: Environment, *, json: Json = False) -> None:
    """Show what runs: release, age of its proof, machines, readiness.

    Ends with 2 when users are not served as the release promises. Wait in a script until dev
    is well:

        until gateway status dev; do sleep 5; done
    """

    def act(output: Output) -> ExitCode:
        from ops.status import status as act_on

        return act_on(environment, output=output)

    finish(context, act, as_json=json)


@app.command()
def render(
    context: typer.Context,
    environment: Environment,
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where to; rendered/ENV if left out."),
    ] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="Print the texts instead.")] = False,
    json: Json = False,
) -> None:
    """Write what a deployment would send: LiteLLM YAML, fly.toml, DATABASE_URL without password.

    Needs no network and no secret's value. Compare what dev and live get:

        gateway render dev; gateway render live; diff -r rendered/dev rendered/live
    """

    def act(output: Output) -> ExitCode:
        from ops.project import project_root
        from ops.render import render as act_on

        root = project_root(Path.cwd())
        return act_on(root, environment, folder=folder, to_stdout=stdout, output=output)

    finish(context, act, as_json=json)


@app.command()
def env(context: typer.Context, environment: Environment) -> None:
    """Print shell exports under which plain `pulumi` works on an environment.

    No secret is printed: the shell reads it from its file. See by hand whether anything drifted:

        eval "$(gateway env local)"

        pulumi preview --stack local --refresh --diff --expect-no-changes
    """

    def act(output: Output) -> ExitCode:
        from ops.stack import shell_exports

        output.show(shell_exports(environment, say=output.say).rstrip())
        return ExitCode.OK

    finish(context, act)


def main() -> None:
    """Run the command line; a command that was not understood ends like any other failure."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - raised again unless it is the parser's
        sys.exit(misunderstood(error))
    sys.exit(code)


def misunderstood(error: Exception) -> ExitCode:
    """Show what was not understood of a command line, and where to read on."""
    told = getattr(error, "format_message", None)  # what all errors of the parser have in common
    if told is None:
        raise error
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        error.show()  # type: ignore[attr-defined]  # the parser's classes are not typer's to export
        return ExitCode.FAILED
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "gateway"
    problem = Problem(command, "usage", "", told(), f"{command} --help")
    Output().problems([problem])
    return ExitCode.FAILED


if __name__ == "__main__":
    main()
