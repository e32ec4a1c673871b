"""One look at an environment in all layers; the part of `ops.drift` that loads the program."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from components.actual import Reality, look_at
from components.desired import desired
from components.recorded import last_applied, read_export, stack_outputs
from fly.api import FlyApi
from fly.shared import SharedLook
from gateway.render import PATH_IN_MACHINE as YAML_IN_MACHINE
from gateway.running_view import RunningView
from ops.drift_compare import Comparison
from ops.drift_files import look_at_disks
from ops.drift_findings import Finding, Layer, Part, Report, ordered
from ops.drift_litellm import asked, compared
from stacks.problem import ProblemError
from stacks.settings import Settings

VERSION_IN_TAG = re.compile(r":v?(\d+\.\d+\.\d+)(?:$|@)")


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
    told = stack_outputs(export).get("release")
    release = told if isinstance(told, Mapping) else {}
    look = SharedLook(api)
    files = [litellm_file(each.kind, last_applied(each)) for each in recorded]
    applied = next(filter(None, files), "")
    view = None if outputs is None else pool.submit(_ask, outputs, applied)
    under_way = pool.submit(look_at, recorded, look, pool)
    wanted = desired(settings, recorded)
    reality = under_way.result()
    parts, prefix = [], settings.proof.probe_prefix
    if Layer.FILES in layers:
        where = (settings.environment, reality.running)
        parts.append(look_at_disks(*where, look, pool, probe_prefix=prefix))
    if view is not None:
        said = unless_asleep(view.result(), reality)
        now = next(filter(None, (litellm_file(each.kind, each.inputs) for each in wanted)), "")
        image = str(release.get("image", ""))
        parts.append(
            said if isinstance(said, Part) else _compared(said, applied, now, settings, image)
        )
    comparison = Comparison(settings.environment, recorded, reality, wanted, prefix)
    found: Sequence[Finding] = [
        *comparison.findings(),
        *(finding for part in parts for finding in part.findings),
    ]
    return Report(
        environment=settings.environment,
        looked_at="",
        bundle=str(release.get("bundle", "")),
        findings=ordered(finding for finding in found if finding.layer in layers),
        problems=(*reality.problems, *(p for part in parts for p in part.problems)),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _compared(view: RunningView, applied: str, wanted: str, settings: Settings, image: str) -> Part:
    """Judge the running gateway by the release that it was started with, not by today's pin."""
    tagged = VERSION_IN_TAG.search(image)
    version = tagged[1] if tagged else settings.image.version
    return compared(view, applied, wanted, settings, version=version)


def unless_asleep(said: RunningView | Part, reality: Reality) -> RunningView | Part:
    """Excuse a gateway that does not answer while none of its machines is started."""
    awake = any(each.slot and each.machine.state == "started" for each in reality.running)
    if awake or not isinstance(said, Part) or not said.problems:
        return said
    return Part(notes=("no machine of the gateway is started: LiteLLM itself was not asked",))


def litellm_file(kind: str, inputs: Mapping[str, Any]) -> str:
    """Return the file that a release gives to LiteLLM; "" for what is no release."""
    machines = inputs.get("machines") if kind == "Release" else None
    for config in (machines or {}).values():
        text = (config.get("files") or {}).get(YAML_IN_MACHINE)
        if isinstance(text, str):
            return text
    return ""


def _ask(outputs: Future[dict[str, Any]], applied: str) -> RunningView | Part:
    if not applied:
        return Part(notes=("the state knows no release whose settings LiteLLM could have",))
    try:
        return asked(outputs.result(), applied)
    except ProblemError as error:
        return Part(problems=error.problems)
