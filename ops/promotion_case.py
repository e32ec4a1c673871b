"""How what the gates of a promotion look at is gathered: stacks, evidence, drift, preview."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.bundle import make_bundle
from components.history import Event, History, history_file, history_root, read
from gateway.secret_names import provider_keys
from ops.deployed import Deployed
from ops.drift import EVERY_LAYER, look
from ops.drift_findings import Layer
from ops.drift_ignore import read_entries
from ops.drift_text import where
from ops.engine_preview import Step, preview
from ops.evidence import folder_of
from ops.promotion_candidate import Candidate, make_candidate
from ops.promotion_evidence import newest_proof
from ops.promotion_gates import Case, Look
from ops.promotion_lock import LOCKS
from ops.recorded_release import Recorded, recorded_release
from ops.settings import checked_settings
from ops.stack import Stack
from stacks.config_file import PROJECT
from stacks.configuration import Document
from stacks.edit_yaml import edited_yaml
from stacks.load import RawConfig
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError
from stacks.promotion import Promoted, file_name, read_promotion, sealed, text_of
from stacks.rule import Put
from stacks.settings import Definition, Promotion, Settings

DriftOf = Callable[[Stack, Settings, frozenset[Layer]], Look]
"""Whether anything of an environment, in these layers, is not as it was applied."""
OVERWRITTEN = EVERY_LAYER - {Layer.LITELLM}
"""What a deployment brings back; what LiteLLM keeps in its database stays as it is."""
UNKNOWN = f"sha256:{'0' * 64}"  # of an image whose digest Fly did not report, as its gate says


@dataclass(frozen=True, slots=True)
class Gathered:
    """A candidate, what the target runs now, and what the gates have to look at."""

    candidate: Candidate
    now: Recorded
    case: Case
    previous: Promoted | None


def drift_of(stack: Stack, settings: Settings, layers: frozenset[Layer]) -> Look:
    """Return what `gateway drift` tells of an environment; what is ignored there is so here."""
    report = look(stack, settings, entries=read_entries(stack.root), layers=layers)
    if not report.complete:
        return Look(error=_first_line(report.problems[0]))
    return Look(tuple(f"{where(finding)}: {finding.verdict}" for finding in report.drift))


def gather(
    source: Stack,
    target: Stack,
    promotion: Promotion,
    *,
    previous: Promoted | None,
    load_test: Mapping[str, Any] | None,
    drift: DriftOf,
    say: Callable[[str], None],
) -> Gathered:
    """Look at everything once; `ProblemError` when there is nothing that could be promoted."""
    root, moment = source.root, datetime.now(UTC)
    settings = checked_settings(root, source.environment).settings
    deployed = Deployed(source.need_outputs(secrets=False))
    digest = str(deployed.release.get("image_digest") or "")
    candidate = make_candidate(
        root, settings, target.environment, image_digest=digest or UNKNOWN, today=moment.date()
    )
    say(f"looking at {source.environment}: has anything moved?")
    with ThreadPoolExecutor() as pool:  # each waits for an engine of its own
        drifted = pool.submit(_looked, lambda: drift(source, settings, EVERY_LAYER))
        here, there = (pool.submit(recorded_release, stack) for stack in (source, target))
        behind = pool.submit(_behind, candidate, target, there, drift)
        steps, error = _previewed(candidate, target, say)
    case = Case(
        source=source.environment,
        target=target.environment,
        promotion=promotion,
        definition=candidate.definition,
        image=candidate.image if digest else candidate.image.partition("@")[0],
        wanted=make_bundle(settings).digest,
        running=deployed.release,
        proven=newest_proof(root, folder_of(root, source.environment), deployed.digest),
        drift=drifted.result(),
        problems=candidate.problems,
        steps=steps,
        preview_error=error,
        behind=behind.result(),
        overlay_moved=_overlay_moved(candidate, previous),
        shared_secrets=shared_secrets(candidate.definition, here.result(), there.result()),
        now=moment,
        running_since=running_since(history_of(source), deployed.digest),
        load_test=load_test,
    )
    return Gathered(candidate, there.result(), case, previous)


def history_of(stack: Stack) -> History:
    """Return an environment's history."""
    return read(history_file(stack.root / history_root(stack.environ), stack.environment))


def running_since(history: History, bundle: str) -> datetime | None:
    """Return when the bundle began to serve, without another one since; None if nobody knows."""
    since: datetime | None = None
    for entry in history.entries:
        if entry.event not in {Event.DEPLOY, Event.ADOPTION}:
            continue
        if entry.bundle != bundle:
            since = None
        elif since is None:
            since = _moment(entry.at)
    return since


def shared_secrets(definition: Definition, one: Recorded, other: Recorded) -> tuple[str, ...]:
    """Return the provider keys that have one value in both."""
    keys = provider_keys(definition) & one.key_digests.keys() & other.key_digests.keys()
    return tuple(sorted(key for key in keys if one.key_digests[key] == other.key_digests[key]))


def pointed_at(root: Path, environment: str, raw: RawConfig) -> Promoted | None:
    """Return the promotion that the environment's file names; None for none, or a broken one."""
    given = raw.values.get("promotion")
    file = given.get("file") if isinstance(given, Mapping) else None
    try:
        return read_promotion(root, file, environment) if isinstance(file, str) else None
    except ProblemError:
        return None


def _looked(look: Callable[[], Look]) -> Look:
    try:
        return look()
    except ProblemError as error:
        return Look(error=_first_line(error.problems[0]))


def _behind(candidate: Candidate, target: Stack, now: Future[Recorded], drift: DriftOf) -> Look:
    """Look whether the target is as it was applied; one that holds nothing yet is."""
    settings = candidate.settings
    if settings is None or not now.result().resources:
        return Look()
    return _looked(lambda: drift(target, settings, OVERWRITTEN))


def _first_line(problem: Problem) -> str:
    return next(iter(str(problem.expected).splitlines()), problem.id)


def _previewed(
    candidate: Candidate, target: Stack, say: Callable[[str], None]
) -> tuple[tuple[Step, ...] | None, str]:
    if candidate.problems or not target.exists():
        return None, ""
    say(f"previewing {target.environment} with this bundle")
    try:
        with _staged(candidate, target) as config:
            return preview(target.engine, "--config-file", str(config)), ""
    except ProblemError as error:
        return None, error.problems[0].expected


@contextmanager
def _staged(candidate: Candidate, target: Stack) -> Iterator[Path]:
    """Yield a configuration under which the program deploys the candidate, for a preview only.

    The caller holds the target's lock: what is found there is of a run that was killed.
    """
    folder = target.root / LOCKS / f"{target.environment}.staged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        document = candidate.document() | {
            "schema": 1,
            "number": 0,
            "gates": [],
            "program": {"revision": ""},
        }
        file = folder / file_name(0, candidate.bundle.digest)
        file.write_text(text_of(sealed(document)), encoding="utf-8")
        name = configuration_file(target.environment)
        text = (target.root / name).read_text(encoding="utf-8")
        key = (Document.LITELLM, "config", f"{PROJECT}:promotion", "file")
        config = folder / name
        staged = file.relative_to(target.root).as_posix()
        config.write_text(edited_yaml(text, [Put(key, staged)]), encoding="utf-8")
        yield config
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _overlay_moved(candidate: Candidate, previous: Promoted | None) -> bool:
    if previous is None:
        return True
    before = previous.document["overlays"].get(candidate.target)
    return bool(before != json.loads(json.dumps(candidate.overlays[candidate.target])))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
