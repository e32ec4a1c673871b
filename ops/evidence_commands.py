"""The commands that look at kept evidence: `evidence list`, `show` and `verify`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from pathlib import Path

import click

from ops.border import finish
from ops.command_line import COLUMNS, Commands, environment_argument, json_option
from ops.exit_codes import ExitCode
from ops.output import Output

_FILE = click.Path(path_type=Path)


@click.group(
    "evidence",
    cls=Commands,
    context_settings={"max_content_width": COLUMNS},
    help="Look at what proofs left: list it, read it, verify that it is what was written.\n\n"
    "Each release and each `gateway prove` leaves evidence/ENV/<digest>.json and a page beside it.",
)
def evidence() -> None:
    """Keep the commands together."""


@evidence.command("list")
@environment_argument
@json_option
@click.pass_context
def list_(context: click.Context, environment: str, *, as_json: bool) -> None:
    """List an environment's evidence, newest first.

    How many files are kept is `proof.keep_evidence`. What live has:

        gateway evidence list live
    """

    def act(output: Output) -> ExitCode:
        from ops.evidence_look import list_kept
        from ops.project import project_root

        return list_kept(project_root(Path.cwd()), environment, output=output)

    finish(context, act, as_json=as_json)


@evidence.command()
@click.argument("file", metavar="FILE", type=_FILE, help="An evidence file.")
@click.option("--html", metavar="OUT", type=_FILE, help="Draw its page there instead.")
@json_option
@click.pass_context
def show(context: click.Context, file: Path, *, html: Path | None, as_json: bool) -> None:
    """Show what an evidence file says: verdict, times, reasons, known limits.

    It is read as it stands; `gateway evidence verify` tells whether it is what was written. Draw
    the page anew:

        gateway evidence show evidence/live/9f31c2aa0b17.json --html proof.html
    """

    def act(output: Output) -> ExitCode:
        from ops.evidence_look import show as act_on

        return act_on(file, html=html, output=output)

    finish(context, act, as_json=as_json)


@evidence.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=_FILE, help="Evidence files."
)
@click.option(
    "--digest", metavar="DIGEST", help="The digest that one FILE must have, with its `sha256:`."
)
@json_option
@click.pass_context
def verify(
    context: click.Context, files: tuple[Path, ...], *, digest: str | None, as_json: bool
) -> None:
    """Recompute digests and verdicts from the recorded requests, and name every difference.

    Ends with 0 when each file is intact and consistent, with 2 when one was changed or contradicts
    itself, with 1 when one cannot be read. Needs no network:

        gateway evidence verify evidence/live/*.json

    A whole document can be made up; that it is the one which a release left is said by the digest
    in the stack's outputs:

        gateway evidence verify FILE --digest "$(gateway status live --json |
            jq -r .release.evidence_digest)"
    """
    if digest is not None and len(files) != 1:
        raise click.UsageError("--digest is of one FILE")

    def act(output: Output) -> ExitCode:
        from ops.evidence_look import verify as act_on

        return act_on(files, digest=digest or "", output=output)

    finish(context, act, as_json=as_json)
