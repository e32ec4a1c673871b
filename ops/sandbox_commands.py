"""The `gateway sandbox` commands: Fly.io on this machine, and models that break on demand."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from typing import Annotated

import typer

from ops.border import finish
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.plain_help import COLUMNS, Commands

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; all prose goes to stderr.")
]

app = typer.Typer(
    no_args_is_help=True,
    cls=Commands,
    rich_markup_mode=None,
    context_settings={"max_content_width": COLUMNS},
    help="Fly.io on this machine: its API, its edge, machines as processes, model providers.",
)


@app.command()
def up(
    context: typer.Context,
    *,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Serve in this terminal until Ctrl-C.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Fly's API; usually 4280.")] = None,
    edge_port: Annotated[int | None, typer.Option(help="Fly's public side; usually 4281.")] = None,
    provider_port: Annotated[
        int | None, typer.Option(help="The model providers; usually 4282.")
    ] = None,
    subnet: Annotated[str | None, typer.Option(help="Machines' network; usually 127.77.")] = None,
    json: Json = False,
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

    finish(context, act, as_json=json)


@app.command()
def down(context: typer.Context, *, json: Json = False) -> None:
    """Stop the sandbox and its machines; everything is there again after the next `up`."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_up import down as act_on

        return act_on(output=output)

    finish(context, act, as_json=json)


@app.command()
def reset(
    context: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Stop the sandbox and remove all of it: apps, data, and the local Pulumi stacks."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_up import reset as act_on

        def ask(question: str) -> bool:
            return yes or typer.confirm(question, err=True)

        return act_on(ask, output=output)

    finish(context, act, as_json=json)


@app.command()
def status(context: typer.Context, *, json: Json = False) -> None:
    """Show the sandbox: addresses, apps, machines, models that are told to fail.

    Ends with 2 when it does not run.
    """

    def act(output: Output) -> ExitCode:
        from ops.sandbox_look import status as act_on

        return act_on(output=output)

    finish(context, act, as_json=json)


@app.command()
def logs(
    context: typer.Context,
    of: Annotated[
        str | None,
        typer.Argument(metavar="[APP]", help="An app's machines; the sandbox itself if left out."),
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print the log of an app's machines, or the sandbox's own.

    Watch LiteLLM while it starts:

        gateway sandbox logs ai-gateway-local -f
    """

    def act(output: Output) -> ExitCode:
        from ops.sandbox_look import logs as act_on

        return act_on(of, follow=follow, output=output)

    finish(context, act)


@app.command(name="break")
def break_(  # noqa: PLR0913 - every way to break has an option of its own
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model group: xai/grok-4.3.")],
    *,
    status: Annotated[
        int | None, typer.Option(min=400, max=599, help="Answer with this HTTP status.")
    ] = None,
    rate_limit: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="Answer 429 with this Retry-After."),
    ] = None,
    latency: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="Answer well, this late.")
    ] = None,
    hang: Annotated[bool, typer.Option("--hang", help="Never answer.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the connection.")] = False,
    cut_stream: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="End the stream after N pieces.")
    ] = None,
    malformed: Annotated[
        bool, typer.Option("--malformed", help="Answer 200 with a body that is no answer.")
    ] = False,
    times: Annotated[
        int | None, typer.Option(min=1, help="So many calls; then the model is well again.")
    ] = None,
    environment: Annotated[
        str, typer.Option("--env", help="The environment whose models are meant.")
    ] = "local",
    json: Json = False,
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

    finish(context, act, as_json=json)


@app.command()
def heal(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="A model group; all if left out.")
    ] = None,
    *,
    environment: Annotated[
        str, typer.Option("--env", help="The environment whose models are meant.")
    ] = "local",
    json: Json = False,
) -> None:
    """Take back what `break` ordered."""

    def act(output: Output) -> ExitCode:
        from ops.sandbox_faults import heal_models

        return heal_models(environment, model, output=output)

    finish(context, act, as_json=json)
