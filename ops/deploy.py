"""`gateway deploy`: one `pulumi up`, and what came of it in words that can be acted on."""

import time
from dataclasses import dataclass
from typing import Any

from ops.deployed import EDGE_COLUMNS, Deployed
from ops.engine_events import RELEASE, first_lines, summary
from ops.engine_run import Watched
from ops.exit_codes import ExitCode
from ops.flyctl_ready import need_deployer
from ops.image_verify import problem_before_up
from ops.output import Output
from ops.stack import Stack, open_stack
from ops.stale_lock import describe, is_stale, locks
from ops.torn_checkpoint import mend_checkpoint
from stacks.config_file import PROJECT
from stacks.problem import Problem, ProblemError

SHOWN_ERRORS = 12  # lines


@dataclass(frozen=True, slots=True)
class Took:
    """How many seconds a deployment spent where."""

    total: float
    engine: float
    parts: dict[str, float]
    litellm_boot: float | None

    def described(self) -> str:
        """Say it in one line."""
        told = [f"pulumi up {self.engine:.1f} s"]
        for part, seconds in self.parts.items():
            told.append(f"{part} {seconds:.1f} s")
            if part == RELEASE and self.litellm_boot is not None:
                told.append(f"in it LiteLLM's start {self.litellm_boot:.1f} s")
        return f"{self.total:.1f} s ({', '.join(told)})"

    def as_json(self) -> dict[str, Any]:
        """Return the seconds as fields."""
        return {
            "total": round(self.total, 2),
            "pulumi_up": round(self.engine, 2),
            "parts": self.parts,
            "litellm_start": self.litellm_boot,
        }


def deploy(environment: str, *, yes: bool, output: Output) -> ExitCode:
    """Deploy an environment and show what serves; see `ExitCode` for how it can end.

    A local environment is deployed without asking; on Fly Pulumi shows what it would do and
    asks, unless `yes`.
    """
    return roll_out(open_stack(environment, say=output.say), yes=yes, output=output)


def roll_out(stack: Stack, *, yes: bool, output: Output) -> ExitCode:
    """Deploy what a stack's settings say now, as `deploy` does."""
    began = time.monotonic()
    need_deployer(stack)
    prepare(stack, output)
    unsigned = problem_before_up(stack.root, stack.environment, stack.sandbox, output=output)
    if unsigned is not None:
        raise ProblemError([unsigned])
    unattended = yes or stack.local
    options = ("--yes", "--skip-preview") if unattended else ()
    watched = stack.engine.watch(
        "up", *options, "--suppress-outputs", "--suppress-progress", attended=not unattended
    )
    if watched.exit_code != 0:
        return not_deployed(stack, watched, output)
    deployed = Deployed(stack.outputs(secrets=stack.local))
    took = Took(
        total=time.monotonic() - began,
        engine=watched.seconds,
        parts=watched.events.durations(),
        litellm_boot=watched.events.boot_s,
    )
    show(stack, deployed, watched, took, output)
    return ExitCode.OK


def prepare(stack: Stack, output: Output) -> None:
    """Make a stack fit for the engine: there, whole, and locked by nobody who is gone."""
    # Before anything reads it; a stack of a backend that is not ours is left alone.
    if stack.local and mend_checkpoint(stack.state.backend, PROJECT, stack.environment):
        output.say("a killed run left half a state: going on from the last whole one")
    if not stack.exists():
        stack.make()
        output.say(f"made the stack {stack.environment} in {stack.state.backend}")
    clear_stale_locks(stack, output)


def clear_stale_locks(stack: Stack, output: Output) -> None:
    """Remove the lock that a killed engine left on a local stack, and say so.

    Raises `ProblemError` when another engine is at work, or may be.
    """
    if not stack.local:
        return
    held = locks(stack.state.backend, PROJECT, stack.environment)
    others = [lock for lock in held if not is_stale(lock)]
    if others:
        raise ProblemError([_locked(stack.environment, ", ".join(map(describe, others)))])
    if held:
        stack.engine.read("cancel", "--yes")
        killed = ", ".join(describe(lock) for lock in held)
        output.say(f"removed the lock of an earlier run that was killed ({killed}); going on")


def not_deployed(stack: Stack, watched: Watched, output: Output) -> ExitCode:
    """Say why nothing new serves, and return the exit code for it."""
    environment = stack.environment
    if watched.interrupted:
        output.say(f"interrupted; run `gateway deploy {environment}` again: it goes on from there")
        output.answer({"environment": environment, "interrupted": True})
        return ExitCode.INTERRUPTED
    lines = first_lines(watched.events.errors, SHOWN_ERRORS)
    if watched.events.not_proven:
        problem = Problem(
            f"environment {environment}",
            "deploy.proof",
            "",
            "the new release did not prove its fallbacks and was undone; what served before"
            f" serves on; {watched.events.evidence_file or 'the text above'} holds what was seen",
            f"gateway sandbox status shows whether a model is told to fail;"
            f" then: gateway deploy {environment}"
            if stack.local
            else f"read the evidence, correct the cause, then: gateway deploy {environment}",
        )
    elif watched.events.proof_broke:
        problem = Problem(
            f"environment {environment}",
            "deploy.proof_errored",
            "",
            "a gate could not be asked, so nothing was undone and nothing goes on; the text above"
            f" says who serves; {watched.events.evidence_file or 'it'} holds what was seen",
            f"mend what kept it from asking, then: gateway deploy {environment}",
        )
    else:
        problem = Problem(
            f"environment {environment}",
            "deploy.up",
            "",
            f"pulumi up {watched.ending}; its own words stand above",
            f"correct what they name, then: gateway deploy {environment}",
        )
    output.problems([problem], environment=environment, errors=lines)
    return ExitCode.FINDING if watched.events.not_proven else ExitCode.FAILED


def show(stack: Stack, deployed: Deployed, watched: Watched, took: Took, output: Output) -> None:
    """Show the gateway, its proof, its stores, the time it took and how to ask it."""
    events, release = watched.events, deployed.release
    document = {
        "environment": stack.environment,
        "changed": events.changed,
        "changes": events.changes,
        "seconds": took.as_json(),
        **deployed.as_json(),
    }
    if stack.local:
        document["key"] = deployed.key
    output.show("")
    output.table(EDGE_COLUMNS, (edge.row for edge in deployed.edges))
    output.show("")
    output.facts(
        (
            ("gateway", deployed.url),
            ("release", f"{deployed.digest} ({release['image']})"),
            ("proof", f"{release['verdict']} at {release['proven_at']}"),
            ("evidence", str(release["evidence_file"])),
            ("database", deployed.database),
            ("address", deployed.database_url),
            ("redis", deployed.redis),
            ("time", took.described()),
        )
    )
    output.show("")
    if not output.as_json:  # the document has the key already
        for line in how_to_ask(stack, deployed):
            output.show(line)
        output.show("")
    if events.changed:
        output.show(f"{stack.environment}: {summary(events.changes)}")
    else:
        output.show(f"{stack.environment}: nothing changed ({took.total:.1f} s)")
    output.answer(document)


def key_command(environment: str) -> str:
    """Return the command that shows the master key of an environment on Fly."""
    return f"pulumi stack output master_key --show-secrets --stack {environment}"


def how_to_ask(stack: Stack, deployed: Deployed) -> tuple[str, ...]:
    """Return lines that can be pasted into a shell: the key and one request.

    The request asks past the cache, so that the same line shows a rescue when it is pasted again.
    """
    key = deployed.key if stack.local else f'"$({key_command(stack.environment)})"'
    sources = [edge.source for edge in deployed.edges if edge.source != "*"]
    model = max(sources, default="MODEL")  # any model will do; one whose rescue was just proven
    messages = '"messages": [{"role": "user", "content": "hello"}], "cache": {"no-cache": true}'
    body = f'{{"model": "{model}", {messages}}}'
    return (
        f"export GATEWAY_KEY={key}",
        f'curl -i {deployed.url}/v1/chat/completions -H "Authorization: Bearer $GATEWAY_KEY"'
        f" -H 'Content-Type: application/json' -d '{body}'",
    )


def _locked(environment: str, holders: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "deploy.locked",
        "",
        f"another run is at work on it: {holders}; nothing was changed",
        "wait for it to end, then run the command again",
    )
