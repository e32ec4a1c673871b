"""The command that explains what happens to a request: `explain`."""

# ruff: noqa: PLC0415 - each command loads what it needs, so that `--help` is there at once

from pathlib import Path

import click

from ops.border import finish
from ops.command_line import json_option
from ops.exit_codes import ExitCode
from ops.output import Output

FILE = click.Path(path_type=Path)


@click.command()
@click.argument(
    "names",
    metavar="[ENV] [MODEL]",
    nargs=-1,
    help="An environment, unless files are named; a model, or all of them.",
)
@click.option("--config", metavar="FILE", type=FILE, help="A LiteLLM YAML file.")
@click.option("--toml", metavar="FILE", type=FILE, help="The fly.toml it is deployed by.")
@click.option(
    "--litellm-version",
    metavar="VERSION",
    help="LiteLLM's; else that of the image in fly.toml, else 1.106.2.",
)
@click.option(
    "--client-timeout",
    metavar="SECONDS",
    type=float,
    help="Compare with how long your callers wait.",
)
@click.option("--graph", metavar="FORM", help="Draw all fallbacks instead: svg, or mermaid.")
@click.option("--output", "-o", "file", metavar="FILE", type=FILE, help="Write there.")
@json_option
@click.pass_context
def explain(  # noqa: PLR0913 - one option for each thing that a user may name
    context: click.Context,
    *,
    names: tuple[str, ...],
    config: Path | None,
    toml: Path | None,
    litellm_version: str | None,
    client_timeout: float | None,
    graph: str | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Say what happens to a request: tries, fallbacks, breaker, and how long it takes at worst.

    For the LiteLLM version that is pinned, without network and without any secret's value; each
    value with the key that it comes from. Ends with 2 for a model that nothing serves.

    One model of an environment, or every group of an existing file:

        gateway explain live xai/grok-4.3

        gateway explain --config litellm_config.yaml --toml fly.toml

    The whole fallback structure as a picture:

        gateway explain live --graph svg --output fallbacks.svg
    """

    def act(output: Output) -> ExitCode:
        from ops.explain import Request, answer

        request = Request(
            names=names,
            config=config,
            toml=toml,
            version=litellm_version,
            client_timeout_s=client_timeout,
            graph=graph,
            file=file,
        )
        return answer(request, output=output)

    finish(context, act, as_json=as_json)
