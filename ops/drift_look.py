"""One look at an environment in all layers; the part of `ops.drift` that loads the program."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from components.actual import look_at
from components.desired import desired
from components.recorded import read_export, stack_outputs
from fly.api import FlyApi
from fly.shared import SharedLook
from ops.drift_compare import Comparison
from ops.drift_files import look_at_disks
from ops.drift_findings import Finding, Part, Report, ordered
from stacks.settings import Settings


def looked(
    settings: Settings,
    export: Mapping[str, Any],
    api: FlyApi,
    pool: Executor,
    *,
    looked_at: str,
    view: Future[Part] | None = None,
) -> Report:
    """Compare state, Fly and settings; `view` is the running gateway's part, under way.

    The program runs in this thread while the others wait for Fly.
    """
    recorded = read_export(export)
    look = SharedLook(api)
    under_way = pool.submit(look_at, recorded, look, pool)
    wanted = desired(settings, recorded)
    reality = under_way.result()
    disks = look_at_disks(settings.environment, reality.running, look, pool)
    findings: Sequence[Finding] = Comparison(
        settings.environment, recorded, reality, wanted
    ).findings()
    seen = Part() if view is None else view.result()
    release = stack_outputs(export).get("release")
    return Report(
        environment=settings.environment,
        looked_at=looked_at,
        bundle=str(release.get("bundle", "")) if isinstance(release, Mapping) else "",
        findings=ordered([*findings, *disks.findings, *seen.findings]),
        problems=(*reality.problems, *disks.problems, *seen.problems),
        notes=(*disks.notes, *seen.notes),
    )
