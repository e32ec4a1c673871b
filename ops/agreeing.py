"""Whether somebody agrees to what a command has just shown."""

import click

from ops.output import Output


def agreed(question: str, output: Output) -> bool:
    """Ask; nobody there to answer is a no."""
    try:
        return click.confirm(question, err=output.as_json)
    except click.Abort:
        output.say("")
        return False
