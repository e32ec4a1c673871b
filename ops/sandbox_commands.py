"""The `gateway sandbox` commands: Fly.io on this machine, and models that break on demand."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import click

from ops.border import finish
from ops.command_line import Commands, json_option, yes_option
from ops.exit_codes import ExitCode
from ops.output import Output


@click.group(cls=Commands)
def sandbox() -> None:
    """Hold the commands; what the group says of itself stands where it is named."""


_SECONDS = click.FloatRange(0)
_whose_models = click.option(
    "--env",
    "environment",
    default="local",
    show_default=True,
    help="The environment whose models are meant.",
)


@sandbox.command()
@click.option("--foreground", is_flag=True, help="Serve in this terminal until Ctrl-C.")
@click.option("--port", type=int, help="Fly's API; usually 4280.")
@click.option("--edge-port", type=int, help="Fly's public side; usually 4281.")
@click.option("--provider-port", type=int, help="The model providers; usually 4282.")
@click.option("--subnet", help="Machines' network; usually 127.77.")
@json_option
@click.pass_context
def up(
    context: click.Context,
    *,
    foreground: bool,
    port: int | None,
    edge_port: int | None,
    provider_port: int | None,
    subnet: str | None,
    as_json: bool,
) -> None:
    """Start the sandbox in the background, unless it runs.

    The first time, the LiteLLM version that the settings pin is installed (1 to 3 minutes).
    Machines of an earlier run start again. Pulumi.local.yaml names the usual ports: with others,
    change its addresses too.
    """

    def act(output: Output) -> ExitCode:
        from ops.sandbox_process import Ports
        from ops.sandbox_up import up as act_on

        ports = Ports(port, edge_port, provider_port, subnet)
        return act_on(ports, foreground=foreground, output=output)

    finish(context, act, as_json=as_json)


@sandbox.command()
@json_option
@click.pass_context
def down(context: click.Context, *, as_json: bool) -> None:
    """Stop the sandbox and its machines; everything is there again after the next `up`."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_up import down as act_on

        return act_on(output=output)

    finish(context, act, as_json=as_json)


@sandbox.command()
@yes_option
@json_option
@click.pass_context
def reset(context: click.Context, *, yes: bool, as_json: bool) -> None:
    """Stop the sandbox and remove all of it: apps, data, and the local Pulumi stacks."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_up import reset as act_on

        def ask(question: str) -> bool:
            return yes or click.confirm(question, err=True)

        return act_on(ask, output=output)

    finish(context, act, as_json=as_json)


@sandbox.command()
@json_option
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show the sandbox: addresses, apps, machines, models that are told to fail.

    Ends with 2 when it does not run.
    """

    def act(output: Output) -> ExitCode:
        from ops.sandbox_look import status as act_on

        return act_on(output=output)

    finish(context, act, as_json=as_json)


@sandbox.command()
@click.argument(
    "of",
    metavar="[APP]",
    required=False,
    help="An app's machines; the sandbox itself if left out.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.pass_context
def logs(context: click.Context, of: str | None, *, follow: bool) -> None:
    """Print the log of an app's machines, or the sandbox's own.

    Watch LiteLLM while it starts:

        gateway sandbox logs ai-gateway-local -f
    """

    def act(output: Output) -> ExitCode:
        from ops.sandbox_look import logs as act_on

        return act_on(of, follow=follow, output=output)

    finish(context, act)


@sandbox.command(name="break")
@click.argument("model", metavar="MODEL", help="A model group: xai/grok-4.3.")
@click.option("--status", type=click.IntRange(400, 599), help="Answer with this HTTP status.")
@click.option(
    "--rate-limit", metavar="SECONDS", type=_SECONDS, help="Answer 429 with this Retry-After."
)
@click.option("--latency", metavar="SECONDS", type=_SECONDS, help="Answer well, this late.")
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--reset", is_flag=True, help="Reset the connection.")
@click.option(
    "--cut-stream", metavar="N", type=click.IntRange(0), help="End the stream after N pieces."
)
@click.option("--malformed", is_flag=True, help="Answer 200 with a body that is no answer.")
@click.option(
    "--times", type=click.IntRange(1), help="So many calls; then the model is well again."
)
@_whose_models
@json_option
@click.pass_context
def break_(  # noqa: PLR0913 - every way to break has an option of its own
    context: click.Context,
    model: str,
    *,
    status: int | None,
    rate_limit: float | None,
    latency: float | None,
    hang: bool,
    reset: bool,
    cut_stream: int | None,
    malformed: bool,
    times: int | None,
    environment: str,
    as_json: bool,
) -> None:
    """Let a model's provider fail until it is healed: HTTP 500, or as the option says.

    See the next model of the chain answer:

        gateway sandbox break xai/grok-4.3 --status 500

    Be rate-limited twice, then well again:

        gateway sandbox break xai/grok-4.3 --rate-limit 4 --times 2
    """

    def act(output: Output) -> ExitCode:
        from ops.faults import Fault
        from ops.sandbox_faults import break_model

        fault = Fault(status, rate_limit, latency, hang, reset, cut_stream, malformed, times)
        return break_model(environment, model, fault, output=output)

    finish(context, act, as_json=as_json)


@sandbox.command()
@click.argument("model", metavar="[MODEL]", required=False, help="A model group; all if left out.")
@_whose_models
@json_option
@click.pass_context
def heal(context: click.Context, model: str | None, *, environment: str, as_json: bool) -> None:
    """Take back what `break` ordered."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_faults import heal_models

        return heal_models(environment, model, output=output)

    finish(context, act, as_json=as_json)
