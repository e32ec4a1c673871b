"""One look at an environment in all layers; the part of `ops.drift` that loads the program."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from components.actual import look_at
from components.desired import desired
from components.recorded import Recorded, last_applied, read_export, stack_outputs
from fly.api import FlyApi
from fly.shared import SharedLook
from gateway.render import PATH_IN_MACHINE as YAML_IN_MACHINE
from ops.drift_compare import Comparison
from ops.drift_files import look_at_disks
from ops.drift_findings import Finding, Layer, Part, Report, ordered
from ops.drift_litellm import running
from stacks.problem import ProblemError
from stacks.settings import Settings


def looked(
    settings: Settings,
    export: Mapping[str, Any],
    api: FlyApi,
    pool: Executor,
    *,
    outputs: Future[dict[str, Any]] | None,
    layers: frozenset[Layer],
) -> Report:
    """Compare state, Fly, settings and the running gateway, in these layers.

    `outputs` are the stack's with the master key, under way; None when LiteLLM is not asked. The
    program runs in this thread while the others wait for answers.
    """
    recorded = read_export(export)
    look = SharedLook(api)
    asked = None if outputs is None else pool.submit(_litellm, outputs, recorded, settings)
    under_way = pool.submit(look_at, recorded, look, pool)
    wanted = desired(settings, recorded)
    reality = under_way.result()
    parts = []
    if Layer.FILES in layers:
        parts.append(look_at_disks(settings.environment, reality.running, look, pool))
    if asked is not None:
        parts.append(asked.result())
    comparison = Comparison(settings.environment, recorded, reality, wanted)
    found: Sequence[Finding] = [
        *comparison.findings(),
        *(finding for part in parts for finding in part.findings),
    ]
    release = stack_outputs(export).get("release")
    return Report(
        environment=settings.environment,
        looked_at="",
        bundle=str(release.get("bundle", "")) if isinstance(release, Mapping) else "",
        findings=ordered(finding for finding in found if finding.layer in layers),
        problems=(*reality.problems, *(p for part in parts for p in part.problems)),
        notes=tuple(note for part in parts for note in part.notes),
    )


def applied_yaml(recorded: Sequence[Recorded]) -> str | None:
    """Return LiteLLM's file as it was last applied; None when no machine got one."""
    for each in recorded:
        machines = last_applied(each).get("machines") if each.kind == "Release" else None
        for config in (machines or {}).values():
            text = (config.get("files") or {}).get(YAML_IN_MACHINE)
            if isinstance(text, str):
                return text
    return None


def _litellm(
    outputs: Future[dict[str, Any]], recorded: Sequence[Recorded], settings: Settings
) -> Part:
    rendered = applied_yaml(recorded)
    if rendered is None:
        return Part(notes=("the state knows no release whose settings LiteLLM could have",))
    try:
        return running(outputs.result(), rendered, settings)
    except ProblemError as error:
        return Part(problems=error.problems)
