"""The command that lets providers fail on purpose: `drill`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import click

from ops.border import finish
from ops.command_line import environment_argument, json_option
from ops.exit_codes import ExitCode
from ops.output import Output


@click.command()
@environment_argument
@click.option("--fault", "faults", metavar="ID", multiple=True, help="Only this one: S04; again.")
@click.option(
    "--compare",
    is_flag=True,
    help="Also drill a second LiteLLM with the settings that were published in May 2026.",
)
@click.option(
    "--limit",
    "limit_s",
    metavar="SECONDS",
    type=click.FloatRange(1, 600),
    help="Wait so long for an answer; else 45 s, or 5 s beyond the longest declared time-out.",
)
@json_option
@click.pass_context
def drill(
    context: click.Context,
    *,
    environment: str,
    faults: tuple[str, ...],
    compare: bool,
    limit_s: float | None,
    as_json: bool,
) -> None:
    """Let the local providers fail in 28 ways and score what the caller and the providers saw.

    The 16 faults of Failover Bench and 12 more, streamed and not, on the real groups and chains of
    the gateway that serves. Every fault is for the drill's own requests only, and is taken back.
    Ends with 2 when a fault is scored fail that is no known limit of this LiteLLM.

    The card, in about two minutes; beside it the settings as published, in about five:

        gateway drill local

        gateway drill local --compare

    One fault alone:

        gateway drill local --fault S06
    """

    def act(output: Output) -> ExitCode:
        from ops.drill import Request
        from ops.drill import drill as act_on

        return act_on(Request(environment, faults, compare, limit_s), output=output)

    finish(context, act, as_json=as_json)
