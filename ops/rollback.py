"""`gateway rollback`: an earlier promotion is deployed again, by the same path as any release."""

import os
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from components.history import Entry, Event, history_root, record
from components.suppressing import suppressions_in
from components.validate import load_checked
from ops.deploy import roll_out
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.project import project_root
from ops.promotion_case import history_of, pointed_at
from ops.promotion_lock import only_one
from ops.promotion_store import point_at, readable
from ops.recorded_release import Recorded, recorded_release
from ops.rollback_choice import chosen, stays
from ops.settings import promotion_settings
from ops.stack import Stack, open_stack
from stacks.config_file import read_config_file
from stacks.load import Loaded, RawConfig
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError
from stacks.promotion import DIGITS, Promoted


class _Kept(Output):
    """An output that keeps the answer of what it is given to, for an answer around it."""

    def __init__(self, around: Output) -> None:
        super().__init__(as_json=around.as_json, stdout=around.stdout, stderr=around.stderr)
        self.kept: dict[str, Any] = {}

    def answer(self, document: dict[str, Any]) -> None:
        """Keep the document."""
        self.kept = document


@dataclass(frozen=True, slots=True)
class _Plan:
    """From where to where, and what does not go along."""

    target: Promoted
    named: Promoted | None
    now: Recorded
    warnings: tuple[str, ...]


def rollback(environment: str, *, to: str, yes: bool, output: Output) -> ExitCode:
    """Deploy an earlier promotion; asks unless `yes`, or the environment is local.

    Ends like a deploy. A release that was not proven leaves everything as it was, the promotion
    that the environment's file names included.
    """
    root = project_root(Path.cwd())
    with only_one(root, environment, f"gateway rollback {environment}"):
        if promotion_settings(root, environment) is None:
            raise ProblemError([_without_promotions(environment)])
        stack = open_stack(environment, say=output.say)
        plan = _planned(stack, to)
        _show(environment, plan, output)
        if not (yes or stack.local or _agreed(environment)):
            output.say("nothing was changed")
            return ExitCode.OK
        return _carried_out(stack, plan, output)


def _planned(stack: Stack, to: str) -> _Plan:
    """Choose, and refuse what could not be deployed before anything is changed."""
    root, environment = stack.root, stack.environment
    raw = read_config_file(root, environment)
    known, history = readable(root, environment), history_of(stack)
    named, now = pointed_at(root, environment, raw), recorded_release(stack)
    target = chosen(environment, known, named=named, serving=now.bundle, history=history, to=to)
    loaded = _loadable(stack, raw, target)
    today = datetime.now(UTC).date()
    return _Plan(target, named, now, stays(target, loaded.settings, now, history, today=today))


def _loadable(stack: Stack, raw: RawConfig, target: Promoted) -> Loaded:
    """Return the settings that the program would deploy with this promotion."""
    promotion = {**raw.values["promotion"], "file": target.file}
    values = {**raw.values, "promotion": promotion}
    return load_checked(
        stack.environment,
        replace(raw, values=values),
        stack.environ,
        suppressions=suppressions_in([stack.root]),
        root=stack.root,
        deploying=True,
    )


def _show(environment: str, plan: _Plan, output: Output) -> None:
    now = plan.now.bundle[:DIGITS] or "nothing"
    output.show(f"{environment} serves {now}; back to {plan.target.file}")
    output.show(f"  image {plan.target.image}")
    for warning in plan.warnings:
        output.show(f"warning: {warning}")


def _carried_out(stack: Stack, plan: _Plan, output: Output) -> ExitCode:
    environment, began = stack.environment, time.monotonic()
    before = plan.named.file if plan.named else None
    point_at(stack.root, environment, plan.target.file)
    quiet = _Kept(output)
    code = roll_out(stack, yes=True, output=quiet)
    if code is ExitCode.FINDING:
        point_at(stack.root, environment, before)
        output.say(
            f"{configuration_file(environment)} names {before or 'no promotion'} again:"
            " what served before serves on"
        )
    elif code is not ExitCode.OK:
        output.say(
            f"{configuration_file(environment)} names {plan.target.file}; to go on:"
            f" gateway rollback {environment} --to {plan.target.number:04d}"
        )
    seconds = time.monotonic() - began
    _record(stack, plan, code, seconds, output)
    if code is ExitCode.OK:
        output.show(f"{environment} is back on {plan.target.file} ({seconds:.1f} s)")
    output.answer(
        {
            **quiet.kept,
            "environment": environment,
            "promotion": plan.target.file,
            "from": plan.now.bundle,
            "warnings": list(plan.warnings),
            "rolled_back": code is ExitCode.OK,
            "rollback_s": round(seconds, 1),
        }
    )
    return code


def _record(stack: Stack, plan: _Plan, code: ExitCode, seconds: float, output: Output) -> None:
    verdicts = {ExitCode.OK: "passed", ExitCode.FINDING: "undone"}
    entry = Entry(
        Event.ROLLBACK,
        stack.environment,
        plan.target.bundle,
        verdict=verdicts.get(code, "unfinished"),
        duration_s=seconds,
        image=plan.target.image,
        more={"promotion": plan.target.file, "from": plan.now.bundle},
    )
    record(stack.root / history_root(os.environ), stack.root, entry, output.say)


def _agreed(environment: str) -> bool:
    if not sys.stdin.isatty():
        raise ProblemError([_nobody_to_ask(environment)])
    return click.confirm("roll back now?", err=True)


def _nobody_to_ask(environment: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "rollback.ask",
        "",
        "there is no terminal to ask on; nothing was changed",
        f"gateway rollback {environment} --yes",
    )


def _without_promotions(environment: str) -> Problem:
    return Problem(
        f"{configuration_file(environment)}: gateway:promotion",
        "rollback.none",
        "",
        f"{environment} takes no promotions: what it deploys is the definition in version control",
        f"take the earlier definition back with Git, then: gateway deploy {environment}",
    )
