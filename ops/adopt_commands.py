"""The command `gateway adopt`: what it is called, takes and says of itself."""

# ruff: noqa: PLC0415 - the command loads what it needs, so that `--help` is there at once

import click

from ops.border import finish
from ops.command_line import environment_argument, json_option, yes_option
from ops.exit_codes import ExitCode
from ops.output import Output


@click.command()
@environment_argument
@click.option("--app", "name", metavar="NAME", required=True, help="The app that runs on Fly now.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@yes_option
@json_option
@click.pass_context
def adopt(
    context: click.Context, environment: str, *, name: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Take a gateway that runs already under management; nothing is restarted or changed.

    Its app, addresses, secrets (names and digests) and machines go into the stack's state as they
    are. Where they are what the settings say, every fallback is proven through the public address;
    where they are not, the first deployment rolls out the difference. Ends with 2 when the proof
    did not pass.

    See what would be taken over and what the settings would change:

        gateway adopt live --app acme-gateway --dry-run
    """

    def act(output: Output) -> ExitCode:
        from ops.adopt import adopt as act_on

        return act_on(environment, name, dry_run=dry_run, yes=yes, output=output)

    finish(context, act, as_json=as_json)
