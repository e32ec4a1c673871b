"""`gateway adopt`: a gateway that runs already goes into the stack's state, as it is.

One `pulumi up` does it, with an order in its environment by which every provider takes over what
is there: Pulumi's own engine writes the state, and `pulumi import`, which dynamic resources do not
survive, is not needed.
"""

import json
from dataclasses import replace
from typing import Any

from components.adoption import VARIABLE, Seen
from components.desired import desired
from components.recorded import Recorded, read_export
from components.suppressing import suppressions_in
from components.validate import load_checked
from fly.api import FlyApi
from ops.adopt_plan import Plan, plan
from ops.adopt_text import show_plan
from ops.agreeing import agreed
from ops.deploy import SHOWN_ERRORS, prepare
from ops.deployed import EDGE_COLUMNS, Deployed
from ops.engine_events import first_lines
from ops.engine_run import Watched
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.settings import plain_settings
from ops.stack import Stack, open_stack
from stacks.config_file import read_config_file
from stacks.problem import Problem, ProblemError
from stacks.settings import Settings

UP = ("up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress")


def adopt(environment: str, app: str, *, dry_run: bool, yes: bool, output: Output) -> ExitCode:
    """Show what would be taken over, ask unless `yes`, and take it over.

    Raises `ProblemError` with all that is in the way; then nothing was touched. Ends with FINDING
    when machines that are what the settings say did not prove their fallbacks.
    """
    stack = open_stack(environment, say=output.say)
    if stack.exists():
        prepare(stack, output)
    found = _planned(stack, app)
    show_plan(environment, found, output)
    if dry_run or not (yes or agreed("take this over?", output)):
        output.say("nothing was changed")
        output.answer({"environment": environment, "adopted": False, **found.as_json()})
        return ExitCode.OK
    prepare(stack, output)
    environ = {**stack.environ, VARIABLE: found.order.as_text()}
    watched = replace(stack.engine, environ=environ).watch(*UP, attended=False)
    if watched.exit_code != 0:
        return _not_adopted(environment, app, watched, output)
    return _done(stack, found, Deployed(stack.outputs(secrets=False)), output)


def _planned(stack: Stack, name: str) -> Plan:
    """Look at settings, state and Fly, and return the plan; `ProblemError` holds all problems."""
    settings, problems = _settings(stack)
    recorded = _recorded(stack)
    if any(each.kind == "Release" for each in recorded):
        problems.append(_managed(stack.environment))
    with FlyApi.from_environment(stack.environ) as api:
        seen = Seen.of(api, name)
    if seen is None:
        raise ProblemError([*problems, _no_app(name)])
    found = plan(settings, desired(settings, ()), seen)
    if problems or found.problems:
        raise ProblemError({*problems, *found.problems})
    return found


def _settings(stack: Stack) -> tuple[Settings, list[Problem]]:
    """Return the settings, and what would keep the program from running, missing values included.

    Raises `ProblemError` where they have not even the right shape.
    """
    try:
        loaded = load_checked(
            stack.environment,
            read_config_file(stack.root, stack.environment),
            stack.environ,
            suppressions=suppressions_in([stack.root]),
            root=stack.root,
            deploying=True,
        )
    except ProblemError as error:
        wrong = list(error.problems)
    else:
        return loaded.settings, []
    try:
        return plain_settings(stack.root, stack.environment), wrong
    except ProblemError as error:
        raise ProblemError({*wrong, *error.problems}) from None


def _recorded(stack: Stack) -> tuple[Recorded, ...]:
    if not stack.exists():
        return ()
    return read_export(json.loads(stack.engine.read("stack", "export")))


def _done(stack: Stack, found: Plan, deployed: Deployed, output: Output) -> ExitCode:
    release, environment = deployed.release, stack.environment
    verdict = str(release["verdict"])
    document: dict[str, Any] = {
        "environment": environment,
        "adopted": True,
        **found.as_json(),
        **deployed.as_json(),
    }
    output.show("")
    if deployed.edges:
        output.table(EDGE_COLUMNS, (edge.row for edge in deployed.edges))
        output.show("")
    output.show(
        f"{environment}: app {found.order.app} is under management; nothing was restarted"
        f" ({len(found.slots)} machines, {len(found.order.secrets)} secrets,"
        f" {len(found.order.addresses)} addresses)"
    )
    output.answer(document)
    if found.changes:
        output.show(f"its machines are not what the settings say: gateway deploy {environment}")
        return ExitCode.OK
    if verdict != "passed":
        output.show(
            f"its fallbacks are not proven ({verdict}; {release['evidence_file']} holds what was"
            f" seen): correct the cause, then gateway deploy {environment} rolls it out, proven"
        )
        return ExitCode.FINDING
    output.show(f"proof: passed at {release['proven_at']}, {release['evidence_file']}")
    return ExitCode.OK


def _not_adopted(environment: str, app: str, watched: Watched, output: Output) -> ExitCode:
    again = f"gateway adopt {environment} --app {app}"
    if watched.interrupted:
        output.say(f"interrupted; run `{again}` again: it goes on from there")
        output.answer({"environment": environment, "adopted": False, "interrupted": True})
        return ExitCode.INTERRUPTED
    problem = Problem(
        f"environment {environment}",
        "adopt.up",
        "",
        f"pulumi up {watched.ending}; its own words stand above; no machine was restarted",
        f"correct what they name, then: {again}",
    )
    lines = first_lines(watched.events.errors, SHOWN_ERRORS)
    output.problems([problem], environment=environment, errors=lines)
    return ExitCode.FAILED


def _managed(environment: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "adopt.managed",
        "",
        "its stack has a release already: what it manages is not taken over a second time",
        f"gateway status {environment} shows it, gateway drift {environment} what moved",
    )


def _no_app(name: str) -> Problem:
    return Problem(
        "--app",
        "adopt.no_app",
        name,
        "Fly shows no app of this name to this token",
        "fly apps list names those that there are; FLY_API_TOKEN must be of their organisation",
    )
