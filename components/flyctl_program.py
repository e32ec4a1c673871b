"""The program behind the Command: a deployment as JSON on its input, flyctl, an outcome as JSON.

    python -m components.flyctl_program < deployment.json

It ends with 0 once flyctl was let at Fly, however that ended: the Release judges. It ends with 1
when nothing was touched, or what was touched could not be noted, and says why; then it runs again
with the next `up`. Progress goes to standard error, and so does the end of what flyctl said.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from components.engine_watch import EngineWatch, ancestors
from components.provider import lease_holder
from fly.api import FlyApi
from fly.errors import FlyError
from fly.flyctl import GET_IT, environment_problems
from fly.flyctl_deploy import FlyctlRefusedError, deploy
from fly.flyctl_deployment import Deployment
from fly.flyctl_run import PASSED_ON, Flyctl, InterruptedFlyctlError, find_flyctl
from fly.migration import MigrationFailedError
from stacks.problem import Problem, ProblemError

FAILED = 1


def main() -> int:
    """Run the program: end when asked to, or when whoever waits for us is gone."""
    for number in PASSED_ON:
        signal.signal(number, _stop)
    watch = EngineWatch(ancestors)
    watch.start(lambda _: os.kill(os.getpid(), signal.SIGTERM))
    return carry_out(sys.stdin, sys.stdout, os.environ, guard=watch.guard)


def carry_out(
    stdin: TextIO, stdout: TextIO, environ: Mapping[str, str], *, guard: Callable[[], None]
) -> int:
    """Deploy what `stdin` says and return the exit code."""
    try:
        deployment = Deployment.parse(stdin.read(), holder=lease_holder())
        program = _program(environ)
        with FlyApi.from_environment(environ, guard=guard) as api:
            flyctl = Flyctl(program, progress=_say)
            outcome = deploy(api, deployment, flyctl, environ, progress=_say)
    except InterruptedFlyctlError as stopped:
        _say(f"{stopped}; flyctl has ended; run `pulumi up` again: it goes on from there")
        return FAILED
    except (FlyError, FlyctlRefusedError, MigrationFailedError, ProblemError) as error:
        _say(str(error))
        return FAILED
    stdout.write(f"{outcome.as_json()}\n")
    return 0


def _program(environ: Mapping[str, str]) -> Path:
    problems = list(environment_problems(environ))
    program = find_flyctl(environ.get("PATH"))
    if program is None:
        expected = "neither flyctl nor fly is there; nothing was touched"
        problems.append(Problem("environment: PATH", "flyctl.missing", "", expected, GET_IT))
    if problems or program is None:
        raise ProblemError(problems)
    return program


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise InterruptedFlyctlError(f"interrupted by {signal.Signals(number).name}")


if __name__ == "__main__":
    sys.exit(main())
