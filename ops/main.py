"""The `gateway` command: what each sub-command is called, takes and says of itself."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import gc
import sys
from pathlib import Path

import click
from click.exceptions import NoArgsIsHelpError

from ops.adopt_commands import adopt
from ops.border import finish
from ops.check_commands import check, rules
from ops.command_line import (
    COLUMNS,
    Commands,
    LoadedLater,
    environment_argument,
    json_option,
    yes_option,
)
from ops.drift_commands import drift
from ops.drill_commands import drill
from ops.evidence_commands import evidence
from ops.exit_codes import ExitCode
from ops.explain_commands import explain
from ops.image_commands import image
from ops.import_commands import import_files
from ops.output import Output
from ops.plan_scale_commands import plan_scale
from ops.promotion_commands import history, promote, rollback
from stacks.problem import Problem


@click.group(
    "gateway",
    cls=Commands,
    context_settings={"max_content_width": COLUMNS},
    help="A LiteLLM gateway on Fly.io whose fallbacks are proven before users see a release.\n\n"
    "From nothing to a proven gateway on this machine, without any account:\n\n"
    "    gateway sandbox up\n\n"
    "    gateway deploy local\n\n"
    "Exit codes: 0 fine; 1 the command could not do its work; 2 it could, and the answer is no"
    " (a proof that failed, a gateway that is not well, findings); 130 interrupted.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.pass_context
def app(context: click.Context, *, debug: bool) -> None:
    """Keep what holds for every command."""
    context.obj = debug


app.add_command(check)
app.add_command(explain)
app.add_command(rules)
app.add_command(import_files)
app.add_command(image)
app.add_command(adopt)


@app.command()
@environment_argument
@yes_option
@json_option
@click.pass_context
def deploy(context: click.Context, environment: str, *, yes: bool, as_json: bool) -> None:
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

    finish(context, act, as_json=as_json)


@app.command()
@environment_argument
@yes_option
@json_option
@click.pass_context
def destroy(context: click.Context, environment: str, *, yes: bool, as_json: bool) -> None:
    """Destroy everything of an environment; what is protected makes Pulumi refuse.

    The Pulumi stack itself stays, empty. Take the local gateway down:

        gateway destroy local --yes
    """

    def act(output: Output) -> ExitCode:
        from ops.destroy import destroy as act_on

        return act_on(environment, yes=yes, output=output)

    finish(context, act, as_json=as_json)


@app.command()
@environment_argument
@click.option("--breaker", is_flag=True, help="Prove the circuit breaker too (not on live).")
@json_option
@click.pass_context
def prove(context: click.Context, environment: str, *, breaker: bool, as_json: bool) -> None:
    """Prove every declared fallback now, on the gateway that serves.

    Writes evidence/ENV/<digest>.json. Ends with 2 when a fallback was not proven. See what the
    proof says while a target is down:

        gateway sandbox break anthropic/claude-sonnet-4-6 --status 500

        gateway prove local
    """

    def act(output: Output) -> ExitCode:
        from ops.prove import prove as act_on

        return act_on(environment, breaker=breaker, output=output)

    finish(context, act, as_json=as_json)


app.add_command(evidence)
app.add_command(drift)
app.add_command(promote)
app.add_command(rollback)
app.add_command(history)
app.add_command(plan_scale)


@app.command()
@environment_argument
@json_option
@click.pass_context
def status(context: click.Context, environment: str, *, as_json: bool) -> None:
    """Show what runs: release, age of its proof, machines, readiness.

    Ends with 2 when users are not served as the release promises. Wait in a script until dev
    is well:

        until gateway status dev; do sleep 5; done
    """

    def act(output: Output) -> ExitCode:
        from ops.status import status as act_on

        return act_on(environment, output=output)

    finish(context, act, as_json=as_json)


@app.command()
@environment_argument
@click.option(
    "--output",
    "-o",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to; rendered/ENV if left out.",
)
@click.option("--stdout", is_flag=True, help="Print the texts instead.")
@json_option
@click.pass_context
def render(
    context: click.Context,
    environment: str,
    *,
    folder: Path | None,
    stdout: bool,
    as_json: bool,
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

    finish(context, act, as_json=as_json)


@app.command()
@environment_argument
@click.pass_context
def env(context: click.Context, environment: str) -> None:
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


app.add_command(drill)


def _sandbox() -> click.Group:
    from ops.sandbox_commands import sandbox

    return sandbox


app.add_command(
    LoadedLater(
        "sandbox",
        load=_sandbox,
        context_settings={"max_content_width": COLUMNS},
        help="Fly.io on this machine: its API, its edge, machines as processes, model providers.",
    )
)


def main() -> None:
    """Run the command line; a command that was not understood ends like any other failure."""
    try:
        code = app(standalone_mode=False)
    except click.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except click.ClickException as error:
        sys.exit(misunderstood(error))
    gc.freeze()  # what is left ends with the process: searching it for garbage took 7 ms
    sys.exit(code)


def misunderstood(error: click.ClickException) -> ExitCode:
    """Show what was not understood of a command line, and where to read on."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, NoArgsIsHelpError):  # its message is the whole help
        error.show()
        return ExitCode.FAILED
    command = context.command_path if context else "gateway"
    problem = Problem(command, "usage", "", error.format_message(), f"{command} --help")
    Output().problems([problem])
    return ExitCode.FAILED


if __name__ == "__main__":
    main()
