"""The command that takes over an existing gateway's files: `import`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from pathlib import Path
from typing import Any

import click

from ops.border import finish
from ops.command_line import json_option
from ops.exit_codes import ExitCode
from ops.output import Output

_FILE = click.Path(path_type=Path)


@click.command("import")
@click.argument("config", metavar="LITELLM_YAML", type=_FILE, help="A LiteLLM YAML file.")
@click.argument(
    "toml",
    metavar="[FLY_TOML]",
    type=_FILE,
    required=False,
    help="The fly.toml it is deployed by.",
)
@click.option("--env", "environment", metavar="ENV", required=True, help="What it becomes.")
@click.option("--organization", metavar="ORG", help="The Fly organization; no file says it.")
@click.option(
    "--litellm-version",
    "version",
    metavar="VERSION",
    help="What to pin; else what the image's tag names, else the default.",
)
@click.option(
    "--output",
    "-o",
    "folder",
    metavar="DIR",
    type=_FILE,
    help="Where to; imported/ENV if left out. `.` is the project itself.",
)
@click.option("--stdout", is_flag=True, help="Print the texts instead.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@json_option
@click.pass_context
def import_files(context: click.Context, /, *, as_json: bool, **options: Any) -> None:
    """Turn an existing LiteLLM YAML and fly.toml into typed settings, and prove the round trip.

    Writes stacks/gateway.py, with the findings of `gateway check` beside the lines concerned, and
    Pulumi.ENV.yaml. Rendered again they say what the files say; what rendering adds, and what
    could not be expressed, is listed. Exit codes: 0 all expressed and proven, 2 not all, 1 a file
    could not be read or is in the way.

        gateway import litellm_config.yaml fly.toml --env dev

    Into the project itself, after a look at it:

        gateway import litellm_config.yaml fly.toml --env dev --output . --force
    """

    def act(output: Output) -> ExitCode:
        from datetime import datetime

        from ops.import_request import Request, answer
        from ops.project import project_root

        request = Request(**options)
        today = datetime.now().astimezone().date()
        root = project_root(Path.cwd())
        return answer(request, root=root, today=today, output=output)

    finish(context, act, as_json=as_json)
