"""The command `gateway drift`: what it is called, takes and says of itself."""

# ruff: noqa: PLC0415 - the command loads what it needs, so that `--help` is there at once

from pathlib import Path

import click

from ops.border import finish
from ops.command_line import environment_argument, json_option, yes_option
from ops.exit_codes import ExitCode
from ops.output import Output

LAYERS = ("infrastructure", "files", "litellm", "secrets")


@click.command()
@environment_argument
@click.option(
    "--layer",
    "layers",
    type=click.Choice(LAYERS),
    multiple=True,
    help="Look at this layer only; may be given several times.",
)
@click.option("--pending", is_flag=True, help="Changes that wait for a deployment count, too.")
@click.option("--markdown", is_flag=True, help="Write it as a comment for a pull request.")
@click.option("--heal", is_flag=True, help="Put it right, after showing how and asking.")
@click.option("--adopt", is_flag=True, help="Write what is there into Pulumi.ENV.yaml instead.")
@click.option(
    "--memory",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep since when things are seen there; .gateway/drift/ENV.json if left out.",
)
@yes_option
@json_option
@click.pass_context
def drift(  # noqa: PLR0913 - each is said by name
    context: click.Context,
    environment: str,
    *,
    layers: tuple[str, ...],
    pending: bool,
    markdown: bool,
    heal: bool,
    adopt: bool,
    memory: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what is not as it was applied: in Fly, in files, in LiteLLM, in secrets.

    Changes nothing unless told to. Ends with 2 when something moved, 1 when it could not look.
    See what moved on live, and put it right:

        gateway drift live

        gateway drift live --heal
    """
    if sum((markdown, heal, adopt)) > 1:
        raise click.UsageError("--markdown, --heal and --adopt exclude each other", context)

    def act(output: Output) -> ExitCode:
        from ops.drift import EVERY_LAYER, Choice
        from ops.drift import drift as act_on
        from ops.drift_findings import Layer

        chosen = frozenset(Layer(layer) for layer in layers) or EVERY_LAYER
        choice = Choice(chosen, memory, pending, markdown, heal, adopt, yes)
        return act_on(environment, choice, output=output)

    finish(context, act, as_json=as_json)
