"""The commands that move bundles between environments: `promote`, `rollback`, `history`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from datetime import datetime
from pathlib import Path

import click

from ops.border import finish
from ops.command_line import environment_argument, json_option, yes_option
from ops.exit_codes import ExitCode
from ops.output import Output

_FILE = click.Path(path_type=Path)
_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("source", metavar="FROM", help="The environment that proved the bundle: dev.")
@click.argument("target", metavar="TO", help="The environment that is to deploy it: live.")
@click.option("--dry-run", is_flag=True, help="Look at every gate and write nothing.")
@click.option("--waive", metavar="GATE", multiple=True, help="Let a gate that failed be.")
@click.option("--reason", metavar="TEXT", default="", help="Why it is waived.")
@click.option("--until", metavar="DAY", type=_DAY, help="Until when, YYYY-MM-DD.")
@click.option("--load-test", metavar="FILE", type=_FILE, help="A load test's report (JSON).")
@json_option
@click.pass_context
def promote(  # noqa: PLR0913 - each is said by name
    context: click.Context,
    source: str,
    target: str,
    *,
    dry_run: bool,
    waive: tuple[str, ...],
    reason: str,
    until: datetime | None,
    load_test: Path | None,
    as_json: bool,
) -> None:
    """Promote the bundle that one environment proved to another one.

    Writes promotions/TO/NNNN-<digest>.json and its page, and names it in Pulumi.TO.yaml; deploys
    nothing. Ends with 2 when a gate failed. Look first, then promote and deploy:

        gateway promote dev live --dry-run

        gateway promote dev live; gateway deploy live

    Go on although dev's proof is old:

        gateway promote dev live --waive proof --reason "provider outage" --until 2026-12-31
    """

    def act(output: Output) -> ExitCode:
        from ops.promote import Asked
        from ops.promote import promote as act_on

        day = None if until is None else until.date()
        asked = Asked(tuple(waive), reason, day, dry_run, load_test)
        return act_on(source, target, asked, output=output)

    finish(context, act, as_json=as_json)


@click.command()
@environment_argument
@click.option("--to", metavar="WHICH", default="", help="A promotion's number, or its digest.")
@yes_option
@json_option
@click.pass_context
def rollback(
    context: click.Context, environment: str, *, to: str, yes: bool, as_json: bool
) -> None:
    """Go back to the last proven bundle: image, configuration and Fly settings together.

    It is a deploy like any other, with its proof. Says what cannot go back. At night:

        gateway rollback live --yes

    To the bundle of one certain promotion:

        gateway rollback live --to 0003
    """

    def act(output: Output) -> ExitCode:
        from ops.rollback import rollback as act_on

        return act_on(environment, to=to, yes=yes, output=output)

    finish(context, act, as_json=as_json)


@click.command()
@environment_argument
@click.option("--last", metavar="N", type=click.IntRange(min=1), help="Only the newest N.")
@json_option
@click.pass_context
def history(context: click.Context, environment: str, *, last: int | None, as_json: bool) -> None:
    """Show what was done to an environment: deploys, promotions, rollbacks, undone releases.

    Who did what to live, newest last:

        gateway history live
    """

    def act(output: Output) -> ExitCode:
        from ops.history import history as act_on

        return act_on(environment, last=last, output=output)

    finish(context, act, as_json=as_json)
