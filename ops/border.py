"""The one border at which errors become words and exit codes."""

# ruff: noqa: PLC0415 - what only --debug needs is loaded by it

from collections.abc import Callable

import click

from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError


def answered(command: Callable[[], ExitCode], output: Output, *, debug: bool) -> ExitCode:
    """Run a command; every error it ends with is shown in its three parts, none as a traceback.

    With `debug` the traceback comes first.
    """
    try:
        return command()
    except KeyboardInterrupt:
        output.say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.FAILED  # who read our output has gone
    except Exception as error:  # noqa: BLE001 - the border: nothing passes it untold
        if debug:
            import traceback

            output.say("".join(traceback.format_exception(error)).rstrip())
        output.problems(problems_of(error))
        return ExitCode.FAILED


def finish(
    context: click.Context, act: Callable[[Output], ExitCode], *, as_json: bool = False
) -> None:
    """Run a command with its output and end with its exit code."""
    output = Output(as_json=as_json)
    code = answered(lambda: act(output), output, debug=bool(context.obj))
    context.exit(code)


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """Return an error's problems; one that nobody foresaw is a defect of ours, and named so."""
    if isinstance(error, ProblemError):
        return error.problems
    problem = getattr(error, "problem", None)  # Fly's errors carry one each
    if isinstance(problem, Problem):
        return (problem,)
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        place = str(error.filename or "the operating system")
        return (Problem(place, "ops.system", "", what, "correct it, then run the command again"),)
    return (
        Problem(
            "gateway",
            "ops.defect",
            type(error).__name__,
            f"nobody foresaw this: {error}",
            "run the same command as `gateway --debug ...` and report what it prints",
        ),
    )
