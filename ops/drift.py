"""`gateway drift`: what is not as it was applied, in every layer, since when, and what to do."""

# ruff: noqa: PLC0415 - the program and Pulumi's library load while the engine reads its state

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fly.api import FlyApi
from ops.drift_findings import Layer, Report
from ops.drift_ignore import Entry, applied, read_entries
from ops.drift_memory import dated, memory_file, remember, remembered
from ops.drift_text import markdown, show
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.settings import plain_settings
from ops.stack import Stack, not_deployed, open_stack
from stacks.problem import ProblemError

if TYPE_CHECKING:
    from stacks.settings import Settings

EVERY_LAYER = frozenset(Layer)
AT_A_TIME = 24  # looks under way; Fly's limits are per machine and app, and the client keeps them


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user asked for beside the look itself."""

    layers: frozenset[Layer] = EVERY_LAYER
    memory: Path | None = None
    pending: bool = False
    markdown: bool = False
    heal: bool = False
    adopt: bool = False
    yes: bool = False


def look(
    stack: Stack,
    settings: "Settings",
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    entries: tuple[Entry, ...] = (),
    memory: Path | None = None,
    layers: frozenset[Layer] = EVERY_LAYER,
) -> Report:
    """Look at an environment in these layers and return what was found.

    `settings` are those of today; `entries` what somebody decided to ignore; `memory` the file
    that keeps since when each finding has been seen, None to keep nothing. Changes nothing. Raises
    `ProblemError` when nothing is deployed or the engine cannot read the state; what else could
    not be looked at is in the report.
    """
    moment = now()
    if not stack.exists():
        raise ProblemError([not_deployed(stack.environment)])
    with (
        ThreadPoolExecutor(AT_A_TIME) as pool,
        FlyApi.from_environment(stack.environ) as api,
    ):
        state = pool.submit(stack.engine.read, "stack", "export")
        asks = Layer.LITELLM in layers
        outputs = pool.submit(stack.need_outputs, secrets=True) if asks else None
        from ops.drift_look import looked  # 1 s, in which the engine reads

        export = json.loads(state.result())
        if not (export.get("deployment") or {}).get("resources"):
            raise ProblemError([not_deployed(stack.environment)])
        report = looked(settings, export, api, pool, outputs=outputs, layers=layers)
    return _remembered(
        replace(report, looked_at=_iso(moment)), moment, entries, memory, layers=layers
    )


def drift(environment: str, choice: Choice, *, output: Output) -> ExitCode:
    """Show what moved; see `Report.exit_code` for how it ends."""
    stack = open_stack(environment, say=output.say)
    settings = plain_settings(stack.root, environment)
    entries = read_entries(stack.root)
    memory = choice.memory or memory_file(stack.root, environment)

    def now() -> Report:
        return look(stack, settings, entries=entries, memory=memory, layers=choice.layers)

    report = now()
    if choice.adopt:
        from ops.drift_adopt import adopt

        return adopt(stack, settings, report, yes=choice.yes, output=output)
    if choice.heal:
        from ops.drift_heal import heal

        return heal(stack, report, now, yes=choice.yes, output=output)
    if choice.markdown:
        output.show(markdown(report))
    else:
        show(report, output)
    output.answer(report.as_json())
    return report.exit_code(pending=choice.pending)


def _remembered(
    report: Report,
    moment: datetime,
    entries: tuple[Entry, ...],
    memory: Path | None,
    *,
    layers: frozenset[Layer],
) -> Report:
    before = {} if memory is None else remembered(memory)
    findings = dated(report.findings, before, _iso(moment))
    if memory is not None:
        with suppress(OSError):  # a folder that cannot be written costs the dates, not the look
            remember(memory, findings, before=before, complete=report.complete, layers=layers)
    left = applied(findings, entries, environment=report.environment, today=moment.date())
    return replace(report, findings=left.kept, ignored=left.ignored, entries=left.problems)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
