"""The command that plans machines for a load: `plan-scale`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from pathlib import Path

import click

from ops.border import finish
from ops.command_line import environment_argument, json_option
from ops.exit_codes import ExitCode
from ops.output import Output


@click.command("plan-scale")
@environment_argument
@click.option("--rps", type=float, required=True, help="Requests a second to carry.")
@click.option("--share", default="", metavar="REGIONS", help="iad=60,fra=40; else even.")
@click.option("--stream", type=float, default=0.0, help="Percent that stream. [0]")
@click.option("--rescued", type=float, default=0.0, help="Percent that a fallback answers. [0]")
@click.option("--request-s", type=float, default=5.0, help="Seconds that a request takes. [5]")
@click.option("--cpu-ms", type=float, help="Processor time a request, if you measured it.")
@click.option("--utilization", type=float, default=60.0, help="Percent busy at most. [60]")
@click.option("--spare", type=int, default=1, help="Machines of each region that may fail. [1]")
@click.option("--size", help="Plan with this size of Fly's only.")
@click.option("--markup", default="", metavar="REGIONS", help="bom=1.08: unpublished prices.")
@json_option
@click.pass_context
def plan_scale(  # noqa: PLR0913 - one option for each assumption
    context: click.Context,
    *,
    environment: str,
    rps: float,
    share: str,
    stream: float,
    rescued: float,
    request_s: float,
    cpu_ms: float | None,
    utilization: float,
    spare: int,
    size: str | None,
    markup: str,
    as_json: bool,
) -> None:
    """Say which machines carry a load, with the formula and the source of every assumption.

    Machines, workers, memory, connections to Postgres and Redis, and what a month costs. Ends with
    2 when the environment's settings do not carry the load, and names the settings to change. No
    network, and nothing is changed.

        gateway plan-scale live --rps 40 --share iad=60,fra=40 --stream 50 --rescued 1
    """

    def act(output: Output) -> ExitCode:
        from gateway.scale import Load
        from ops.plan_scale import plan_scale as act_on
        from ops.plan_scale_input import Asked
        from ops.project import project_root

        load = Load(rps, stream / 100, rescued / 100, request_s, cpu_ms)
        asked = Asked(load, utilization / 100, spare, size, share, markup)
        return act_on(project_root(Path.cwd()), environment, asked, output=output)

    finish(context, act, as_json=as_json)
