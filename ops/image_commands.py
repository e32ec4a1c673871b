"""The commands about images: `image pin` and `image verify`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

import click

from ops.border import finish
from ops.command_line import COLUMNS, Commands, environment_argument, json_option
from ops.exit_codes import ExitCode
from ops.output import Output


@click.group(
    "image",
    cls=Commands,
    context_settings={"max_content_width": COLUMNS},
    help="Trust an image: pin its tag to a digest, verify who signed it.",
)
def image() -> None:
    """Keep the commands together."""


@image.command()
@environment_argument
@click.option("--check", is_flag=True, help="Only tell; 2 when a tag names other than was pinned.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--stores", is_flag=True, help="Also pin the images of Postgres and Redis.")
@json_option
@click.pass_context
def pin(
    context: click.Context,
    environment: str,
    *,
    check: bool,
    dry_run: bool,
    stores: bool,
    as_json: bool,
) -> None:
    """Ask the registry what an image's tag names, and write that digest into Pulumi.ENV.yaml.

    A compromised, too old or mislabelled image is refused. An environment that takes promotions
    is not pinned: its image comes with the bundle. Pin dev's, then see in CI whether the tag was
    pushed anew since:

        gateway image pin dev

        gateway image pin dev --check
    """
    if check and dry_run:
        raise click.UsageError("--check and --dry-run exclude each other", context)

    def act(output: Output) -> ExitCode:
        from ops.image_pin import Asked
        from ops.image_pin import pin as act_on

        return act_on(environment, Asked(check, dry_run, stores), output=output)

    finish(context, act, as_json=as_json)


@image.command()
@environment_argument
@json_option
@click.pass_context
def verify(context: click.Context, environment: str, *, as_json: bool) -> None:
    """Verify with cosign who signed the image that an environment pins.

    The keys are part of this project, none is fetched. Ends with 2 when there is no signature, or
    somebody else's; needs cosign on PATH. Before a promotion:

        gateway image verify dev
    """

    def act(output: Output) -> ExitCode:
        from ops.image_verify import verify as act_on

        return act_on(environment, output=output)

    finish(context, act, as_json=as_json)
