"""What must hold before a bundle is promoted: each gate, what it saw, and who waived it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway.models import facts_of
from ops.engine_preview import Step
from ops.promotion_evidence import Proven
from stacks.problem import Problem
from stacks.settings import Definition, Promotion

BUNDLE, PROOF, DRIFT, CHECK = "bundle", "proof", "drift", "check"
PREVIEW, POLICY, SOAK, LOAD = "preview", "policy", "soak", "load"
NAMES = (BUNDLE, PROOF, DRIFT, CHECK, PREVIEW, POLICY, SOAK, LOAD)
WAIVABLE = (PROOF, DRIFT, PREVIEW, POLICY, SOAK, LOAD)
"""Not the others: without them there is no bundle to speak of, or Pulumi's program refuses it."""

_BUNDLE_TYPES = (
    "fly:Release",
    "gateway:index:Gateway",
    "pulumi:pulumi:Stack",
    "command:local:Command",  # the verification of the image's signature
)
_LOSES = frozenset({"delete", "replace", "create-replacement", "delete-replaced"})
_OUTSIDE = ("guest", "mounts", "region", "restart")  # of a machine: no part of the bundle
DIGITS = 12


class Result(StrEnum):
    """How a gate ended. ERRORED: nobody could look, which is no answer."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    ERRORED = "errored"


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who let a gate be, why, and until which day."""

    gate: str
    by: str
    why: str
    until: date


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer; `seen` says in a sentence what was seen, `details` all of it."""

    gate: str
    result: Result
    seen: str
    details: tuple[str, ...] = ()
    next_step: str = ""
    waiver: Waiver | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the gate as fields."""
        waiver = self.waiver
        return {
            "gate": self.gate,
            "result": self.result.value,
            "seen": self.seen,
            "details": list(self.details),
            "next_step": self.next_step,
            "waiver": None
            if waiver is None
            else {"by": waiver.by, "why": waiver.why, "until": waiver.until.isoformat()},
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found, or why there was none."""

    found: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """All that the gates look at, gathered beforehand."""

    source: str
    target: str
    promotion: Promotion
    definition: Definition
    image: str
    wanted: str
    """The digest of the bundle that the source's settings make today."""
    running: Mapping[str, Any]
    """The source's release, as its stack's outputs have it."""
    proven: Proven
    drift: Look
    problems: tuple[Problem, ...]
    steps: tuple[Step, ...] | None
    """What the target's preview says; None where it has no stack yet."""
    preview_error: str
    behind: Look
    """What of the target is not as it was applied: a deployment would overwrite it unasked."""
    overlay_moved: bool
    """Whether the target's own values are others than at its last promotion, or it had none."""
    shared_secrets: tuple[str, ...]
    now: datetime
    running_since: datetime | None = None
    load_test: Mapping[str, Any] | None = None


def gates(case: Case, waivers: Sequence[Waiver] = ()) -> tuple[Gate, ...]:
    """Return every gate's answer, with the waivers of those that failed."""
    by_name = {waiver.gate: waiver for waiver in waivers}
    return tuple(_waived(gate, by_name.get(gate.gate)) for gate in _asked(case))


def _asked(case: Case) -> Iterator[Gate]:
    yield _bundle(case)
    yield _proof(case)
    yield _drift(case)
    yield _check(case)
    yield _preview(case)
    yield _policy(case)
    if case.promotion.soak_h is not None:
        yield _soak(case, case.promotion.soak_h)
    if case.promotion.load_test or case.load_test is not None:
        yield _load(case)


def _waived(gate: Gate, waiver: Waiver | None) -> Gate:
    if waiver is None or gate.result is not Result.FAILED or gate.gate not in WAIVABLE:
        return gate
    return replace(gate, result=Result.WAIVED, waiver=waiver)


def _ended(name: str, wrong: Iterable[str], passed: str, next_step: str) -> Gate:
    details = tuple(wrong)
    if not details:
        return Gate(name, Result.PASSED, passed)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return Gate(name, Result.FAILED, f"{details[0]}{more}", details, next_step)


def _bundle(case: Case) -> Gate:
    running = str(case.running.get("bundle") or "")
    verdict = str(case.running.get("verdict") or "none")
    wrong = []
    if running != case.wanted:
        wrong.append(
            f"{case.source} runs {running[:DIGITS] or 'nothing'}; its settings make"
            f" {case.wanted[:DIGITS]}"
        )
    if verdict != "passed":
        wrong.append(f"the release of {case.source} ended with the verdict {verdict}")
    if not case.running.get("image_digest"):
        wrong.append(f"Fly reported no image digest for the machines of {case.source}")
    passed = f"{case.source} runs exactly this bundle, {running[:DIGITS]}"
    return _ended(BUNDLE, wrong, passed, f"gateway deploy {case.source}")


def _proof(case: Case) -> Gate:
    proven, step = case.proven, f"gateway prove {case.source}"
    if not proven.file:
        return _ended(PROOF, [proven.why], "", step)
    wrong = []
    age = case.now - proven.moment
    hours = case.promotion.proof_age_h
    if age > timedelta(hours=hours):
        wrong.append(f"the newest proof is {age // timedelta(hours=1)} h old, more than {hours} h")
    pinned = case.image.rpartition("@")[2]
    if proven.image_digest != pinned:
        wrong.append(f"it proved the image {proven.image_digest or 'of no digest'}, not {pinned}")
    edges = f"{proven.proven} of {proven.edges} fallbacks"
    passed = f"{edges}, {max(age, timedelta()) // timedelta(minutes=1)} min ago: {proven.file}"
    return _ended(PROOF, wrong, passed, step)


def _drift(case: Case) -> Gate:
    if case.drift.error:
        return Gate(DRIFT, Result.ERRORED, case.drift.error, (), f"gateway drift {case.source}")
    passed = f"nothing of {case.source} moved"
    return _ended(DRIFT, case.drift.found, passed, f"gateway deploy {case.source}")


def _check(case: Case) -> Gate:
    told = [f"{problem.id} {problem.place}: {problem.expected}" for problem in case.problems]
    steps = "; ".join(dict.fromkeys(problem.next_step for problem in case.problems))
    return _ended(CHECK, told, f"no error in the settings of {case.target}", steps)


def _preview(case: Case) -> Gate:
    step = f"pulumi preview -s {case.target} --diff"
    if case.preview_error:
        return Gate(PREVIEW, Result.ERRORED, case.preview_error, (), step)
    if case.behind.error:
        return Gate(PREVIEW, Result.ERRORED, case.behind.error, (), f"gateway drift {case.target}")
    if case.steps is None:
        return Gate(PREVIEW, Result.PASSED, f"{case.target} has no stack yet: all would be made")
    if case.behind.found:
        step = f"gateway drift {case.target} says how to heal it, or to adopt it"
    wrong = [f"{found}, and would be overwritten" for found in case.behind.found]
    wrong += _unexplained(case, case.steps)
    told = f"{len(case.steps)} resources would change" if case.steps else "nothing would change"
    return _ended(PREVIEW, wrong, f"{told}, all of it explained", step)


def _unexplained(case: Case, steps: Sequence[Step]) -> Iterator[str]:
    """Yield what neither the bundle nor the environment's own values explain."""
    fresh = all(step.op == "create" for step in steps)
    for step in steps:
        if step.op in _LOSES:
            yield f"{step.described}: a promotion takes nothing away"
        elif case.overlay_moved or fresh:
            continue
        elif not step.type.endswith(_BUNDLE_TYPES):
            yield f"{step.described}: no part of the bundle, and the settings here are as before"
        else:
            outside = [path for path in step.paths if _outside(path)]
            if outside:
                yield f"{step.op} {step.name}: {', '.join(outside)}: no part of the bundle"


def _outside(path: str) -> bool:
    """Tell whether a property of the release is none of the bundle's: `machines.iad-1.guest`."""
    first, _, rest = path.replace('["', ".").replace('"]', "").partition(".")
    if first != "machines":
        return False
    inner = rest.partition(".")[2]
    return not inner or inner.partition(".")[0].partition("[")[0] in _OUTSIDE


def _policy(case: Case) -> Gate:
    wrong = [] if "@sha256:" in case.image else [f"{case.image} is not pinned by a digest"]
    wrong += [
        f"{name} is the same in {case.source} and {case.target}: a leak or a limit of one is both's"
        for name in case.shared_secrets
    ]
    last = case.now.date() + timedelta(days=case.promotion.retirement_days)
    for model in case.definition.models:
        facts = facts_of(model.model or model.name, model.provider)
        if facts is not None and facts.retires is not None and facts.retires <= last:
            wrong.append(f"{model.name} is retired {facts.retires} ({facts.retires_source})")
    passed = f"image pinned, no key shared, no model retired by {last}"
    return _ended(POLICY, wrong, passed, f"change it for {case.source}, deploy, promote again")


def _soak(case: Case, hours: int) -> Gate:
    since = case.running_since
    if since is None:
        wrong = [f"the history of {case.source} has no deploy of this bundle"]
        return _ended(SOAK, wrong, "", f"gateway history {case.source}")
    ran = case.now - since
    told = f"{case.source} has run it for {ran // timedelta(hours=1)} h"
    wrong = [f"{told}, less than {hours} h"] if ran < timedelta(hours=hours) else []
    return _ended(SOAK, wrong, told, "promote again later")


def _load(case: Case) -> Gate:
    step = f"gateway promote {case.source} {case.target} --load-test FILE"
    test = case.load_test
    if test is None:
        return _ended(LOAD, ["no load test was given"], "", step)
    wrong = []
    tested = str(test.get("bundle") or "none")
    if tested != case.running.get("bundle"):
        wrong.append(f"the load test was of the bundle {tested[:DIGITS]}")
    if test.get("verdict") != "passed":
        wrong.append(f"the load test ended with the verdict {test.get('verdict')}")
    return _ended(LOAD, wrong, "the load test of this bundle passed", step)
