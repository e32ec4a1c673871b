"""`gateway destroy`: one `pulumi destroy`, and a look at Fly whether anything is left."""

import os
import time
from pathlib import Path

from fly.api import FlyApi
from ops.deploy import clear_stale_locks
from ops.exit_codes import ExitCode
from ops.local_state import local_state
from ops.output import Output
from ops.project import is_local, project_root
from ops.settings import plain_settings
from ops.stack import Stack, has_resources, open_stack
from stacks.problem import Problem, ProblemError


def destroy(environment: str, *, yes: bool, output: Output) -> ExitCode:
    """Destroy everything of an environment; the empty stack stays.

    Pulumi shows what it would destroy and asks, unless `yes`. Of a local environment the
    sandbox is asked afterwards whether an app is left; protected resources make Pulumi refuse.
    """
    began = time.monotonic()
    if nothing_deployed(environment):
        return _done(environment, "nothing to destroy: its stack is empty", output, began)
    stack = open_stack(environment, say=output.say)
    clear_stale_locks(stack, output)
    options = ("--yes", "--skip-preview") if yes else ()
    watched = stack.engine.watch("destroy", *options, "--suppress-progress", attended=not yes)
    if watched.interrupted:
        output.say(f"interrupted; run `gateway destroy {environment}` again")
        output.answer({"environment": environment, "interrupted": True})
        return ExitCode.INTERRUPTED
    if watched.exit_code != 0:
        output.problems([_failed(environment, watched.ending)], environment=environment)
        return ExitCode.FAILED
    left = apps_left(stack) if stack.local else []
    if left:
        raise ProblemError([_left(environment, left)])
    gone = sum(watched.events.changes.values())
    what = f"destroyed {gone} resources" if gone else "nothing was left to destroy"
    if stack.local:
        what += "; the sandbox has no app of it any more; the empty stack stays"
    return _done(environment, what, output, began, destroyed=gone)


def nothing_deployed(environment: str) -> bool:
    """Tell whether a local environment's stack is missing or empty: that needs no sandbox."""
    state = local_state(os.environ)
    return is_local(project_root(Path.cwd()), environment) and not has_resources(state, environment)


def apps_left(stack: Stack) -> list[str]:
    """Return those of the environment's apps that Fly still has."""
    settings = plain_settings(stack.root, stack.environment)
    postgres, redis = settings.postgres, settings.redis
    names = [settings.fly.app]
    if postgres is None or postgres.kind == "single":  # an existing one is somebody else's
        names.append(settings.postgres_app)
    if redis is None or redis.kind == "app":
        names.append(settings.redis_app)
    with FlyApi.from_environment(stack.environ) as api:
        return [name for name in names if api.apps.find(name) is not None]


def _done(
    environment: str, what: str, output: Output, began: float, *, destroyed: int = 0
) -> ExitCode:
    seconds = time.monotonic() - began
    output.show(f"{environment}: {what} ({seconds:.1f} s)")
    output.answer(
        {"environment": environment, "destroyed": destroyed, "seconds": round(seconds, 2)}
    )
    return ExitCode.OK


def _failed(environment: str, ending: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "destroy.engine",
        "",
        f"pulumi destroy {ending}; its own words stand above",
        f"correct what they name, then: gateway destroy {environment}",
    )


def _left(environment: str, apps: list[str]) -> Problem:
    return Problem(
        f"environment {environment}",
        "destroy.left",
        ", ".join(apps),
        "the stack is empty, and Fly still has these apps: the stack did not make them",
        "gateway sandbox status shows what is in them; gateway sandbox reset removes all of it",
    )
