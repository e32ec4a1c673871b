"""How what was recorded, what is there and what is wanted become findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from components.actual import Actual, Reality, Unmanaged, comparable
from components.declared import CHANGED
from components.desired import Desired
from components.recorded import Recorded, last_applied
from components.three_ways import Move, moves
from fly.differences import MISSING, Step, property_path
from gateway.proof_archive import PATH_IN_MACHINE as PROOF_IN_MACHINE
from ops.drift_files import file_changes
from ops.drift_findings import Finding, Handle, Layer, Moved, Verdict
from ops.drift_settings import store_of
from ops.drift_values import is_file, value_text

_NEVER_REMOVED = {
    "volume": (
        "fly volumes destroy {id} -a {app}",
        "a volume may hold data: --heal never destroys one",
    ),
    "certificate": (
        "fly certs remove {id} -a {app}",
        "users may come by this name: --heal never removes one; keep it in `fly.hostnames`",
    ),
}
EVERY_MACHINE = "*"  # in a path: the same on every machine of the release
_THERE = "there"
_DECLARED = "declared"
_HOLD_DATA = frozenset(
    {"Volume", "Database", "ExistingDatabase", "ManagedCluster", "ManagedDatabase"}
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The three sides of one environment, and what remedies need to name it."""

    environment: str
    recorded: Sequence[Recorded]
    reality: Reality
    desired: Sequence[Desired]
    probe_prefix: str = "proof"
    """The settings' own: what moved of the proof's groups is told in one sentence."""
    _seen: dict[str, Actual] = field(init=False, repr=False)
    _wanted: dict[str, Desired] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index both sides by name."""
        object.__setattr__(self, "_seen", {each.name: each for each in self.reality.resources})
        object.__setattr__(self, "_wanted", {each.name: each for each in self.desired})

    def findings(self) -> tuple[Finding, ...]:
        """Return everything that moved, unmanaged things included."""
        known = {each.name for each in self.recorded}
        found = [finding for each in self.recorded for finding in self._of(each)]
        found += [self._to_be_made(each) for each in self.desired if each.name not in known]
        found += [self._unmanaged(each) for each in self.reality.unmanaged]
        found += self._other_images()
        return tuple(found)

    @property
    def _deploy(self) -> str:
        return f"gateway deploy {self.environment}"

    def _of(self, recorded: Recorded) -> Iterator[Finding]:
        applied = last_applied(recorded)
        seen = self._seen.get(recorded.name)
        wanted = self._wanted.get(recorded.name)
        if seen is not None and seen.inputs is None:
            if wanted is not None:
                yield self._gone(recorded)
            return
        actual = applied if seen is None else seen.inputs or {}
        if wanted is None:
            yield self._to_go(recorded)
        desired = applied if wanted is None else wanted.inputs
        sides = comparable(recorded.kind, applied, actual, desired)
        yield from self._moved(recorded, moves(*sides))

    def _moved(self, recorded: Recorded, found: Iterable[Move]) -> Iterator[Finding]:
        findings = [self._finding(recorded, _of_whole_file(move)) for move in found]
        slots = recorded.inputs.get("machines")
        count = len(slots) if isinstance(slots, Mapping) else 0
        yield from together(findings, count)

    def _finding(self, recorded: Recorded, move: Move) -> Finding:
        digests = recorded.outputs.get("digests")
        verdict = _verdict(recorded.kind, move)
        declared = not (move.recorded is MISSING and move.desired is MISSING)
        told = [
            value_text(move.steps, value, declared=declared)
            for value in (move.recorded, move.actual, move.desired)
        ]
        if recorded.kind == "Secrets" and move.steps[:1] == ("names",):
            name = str(move.steps[-1])
            held = digests.get(name) if isinstance(digests, Mapping) else None
            told = _secret_told(move, held)
        return Finding(
            layer=_layer(recorded.kind, move.steps),
            resource=recorded.name,
            path=move.path,
            verdict=verdict,
            moved=_moved(move),
            recorded=told[0],
            actual=told[1],
            desired=told[2],
            remedy=self._remedy(recorded, move),
            details=_details(move, self.probe_prefix),
            machine=self._machine_of(recorded, move.steps),
            handle=Handle(
                app=str(recorded.inputs.get("app", "")),
                id=recorded.id,
                resource_kind=recorded.kind,
                steps=move.steps,
                value=move.actual,
            ),
        )

    def _machine_of(self, recorded: Recorded, steps: Sequence[Step]) -> str:
        """Return the id of the machine in a slot, or of a data app's one machine."""
        slot = str(steps[1]) if len(steps) > 1 and steps[0] == "machines" else ""
        for running in self.reality.running:
            if running.resource == recorded.name and running.slot == slot:
                return running.machine.id
        return ""

    def _remedy(self, recorded: Recorded, move: Move) -> str:
        if recorded.kind == "ManagedCluster":
            return self._of_cluster(recorded, move)
        if recorded.kind != "Volume" or move.steps != ("size_gb",):
            return self._deploy
        if move.desired is not MISSING and move.desired > move.actual:
            app = recorded.inputs.get("app")
            return f"fly volumes extend {recorded.id} --size {move.desired} -a {app}"
        # A volume never shrinks, so the settings have to follow.
        setting = f"gateway:{store_of(recorded.name)}.machine.volume_gb"
        return f"pulumi config set -s {self.environment} --path {setting} --type int {move.actual}"

    def _of_cluster(self, recorded: Recorded, move: Move) -> str:
        """Return what is to be done: Fly's API changes no cluster, people do."""
        key = str(move.steps[0]) if move.steps else ""
        if key == "pool_mode" or move.actual is MISSING:
            return self._deploy
        if not move.reality:
            return f"# in Fly's dashboard, cluster {recorded.id}: {key} = {move.desired}"
        kind = "--type int " if isinstance(move.actual, int) else ""
        setting = f"gateway:postgres.managed.{key}"
        return f"pulumi config set -s {self.environment} --path {setting} {kind}{move.actual}"

    def _gone(self, recorded: Recorded) -> Finding:
        layer = Layer.SECRETS if recorded.kind == "Secrets" else Layer.INFRASTRUCTURE
        data = ("it is made anew and EMPTY; restore its data from a snapshot first",)
        return Finding(
            layer=layer,
            resource=recorded.name,
            path="",
            verdict=Verdict.MISSING,
            moved=Moved.REALITY,
            recorded=recorded.id,
            actual=None,
            desired=_DECLARED,
            remedy=self._deploy,
            details=data if recorded.kind in _HOLD_DATA else (),
            handle=Handle(resource_kind=recorded.kind),
        )

    def _to_go(self, recorded: Recorded) -> Finding:
        return self._pending(recorded.name, recorded.kind, _THERE, None)

    def _to_be_made(self, desired: Desired) -> Finding:
        return self._pending(desired.name, desired.kind, None, _DECLARED)

    def _pending(self, name: str, kind: str, there: str | None, wanted: str | None) -> Finding:
        return Finding(
            layer=Layer.SECRETS if kind.endswith(("Secret", "Secrets")) else Layer.INFRASTRUCTURE,
            resource=name,
            path="",
            verdict=Verdict.PENDING,
            moved=Moved.PROGRAM,
            recorded=there,
            actual=there,
            desired=wanted,
            remedy=self._deploy,
            handle=Handle(resource_kind=kind),
        )

    def _unmanaged(self, found: Unmanaged) -> Finding:
        plural = {"address": "addresses"}.get(found.kind, f"{found.kind}s")
        heal = f"gateway drift {self.environment} --heal"
        kept = _NEVER_REMOVED.get(found.kind)
        return Finding(
            layer=Layer.SECRETS if found.kind == "secret" else Layer.INFRASTRUCTURE,
            resource=f"app {found.app}",
            path=property_path((plural, found.id)),
            verdict=Verdict.UNMANAGED,
            moved=Moved.REALITY,
            recorded=None,
            actual=found.told,
            desired=None,
            remedy=heal if kept is None else kept[0].format(id=found.id, app=found.app),
            details=() if kept is None else (kept[1],),
            handle=Handle(kind=found.kind, app=found.app, id=found.id),
        )

    def _other_images(self) -> Iterator[Finding]:
        """Yield machines with the applied tag and another image: it was pushed anew."""
        digests = {each.name: str(each.outputs.get("image_digest") or "") for each in self.recorded}
        configs = {each.name: each.inputs.get("machines") for each in self.recorded}
        for running in self.reality.running:
            applied, actual = digests[running.resource], running.machine.image.digest
            slots = configs[running.resource]
            if not applied or not actual or applied == actual or not isinstance(slots, Mapping):
                continue
            if running.machine.config.get("image") != slots.get(running.slot, {}).get("image"):
                continue  # another reference: told as such already
            yield Finding(
                layer=Layer.INFRASTRUCTURE,
                resource=running.resource,
                path=property_path(("machines", running.slot, "image_ref", "digest")),
                verdict=Verdict.DRIFTED,
                moved=Moved.REALITY,
                recorded=applied,
                actual=actual,
                desired=applied,
                remedy=f"pulumi config set -s {self.environment} --path gateway:image.digest"
                f" {applied}",
                details=("the tag names another image now; a digest names one for ever",),
                machine=running.machine.id,
                handle=Handle(app=running.app, id=running.machine.id),
            )


def together(findings: Sequence[Finding], machines: int) -> Iterator[Finding]:
    """Tell once what is the same on every one of several machines of a release."""
    if machines < 2:  # noqa: PLR2004 - one machine is no repetition
        yield from findings
        return

    def alike(finding: Finding) -> tuple[Any, ...]:
        rest = property_path(finding.handle.steps[2:])
        told = (finding.recorded, finding.actual, finding.desired)
        return (rest, finding.verdict, finding.moved, *(str(value) for value in told))

    in_machines = [f for f in findings if f.handle.steps[:1] == ("machines",) and _inside(f)]
    yield from (finding for finding in findings if finding not in in_machines)
    for _, group in groupby(sorted(in_machines, key=alike), key=alike):
        same = list(group)
        if len(same) != machines:
            yield from same
            continue
        steps = ("machines", EVERY_MACHINE, *same[0].handle.steps[2:])
        path = f"machines.{EVERY_MACHINE}{_below(steps[2:])}"
        yield replace(same[0], path=path, machine="")


def _of_whole_file(move: Move) -> Move:
    """Tell a file that is no text as one thing, as the others are."""
    if len(move.steps) < 3 or move.steps[-3] != "files" or move.steps[-1] != "base64":  # noqa: PLR2004
        return move
    sides = (
        value if value is MISSING else {"base64": value}
        for value in (move.recorded, move.actual, move.desired)
    )
    return Move(move.steps[:-1], *sides)


def _below(steps: Sequence[Step]) -> str:
    spelled = property_path(steps)
    return spelled if spelled.startswith("[") else f".{spelled}"


def _inside(finding: Finding) -> bool:
    return len(finding.handle.steps) > 2  # noqa: PLR2004 - machines, slot, and what in it


def _layer(kind: str, steps: Sequence[Step]) -> Layer:
    if "files" in steps:
        return Layer.FILES
    if kind in {"Secrets", "GeneratedSecret"} or steps[:1] == ("secrets_version",):
        return Layer.SECRETS
    return Layer.INFRASTRUCTURE


def _verdict(kind: str, move: Move) -> Verdict:
    if not move.reality:
        return Verdict.PENDING
    slot = kind == "Release" and len(move.steps) == 2 and move.steps[0] == "machines"  # noqa: PLR2004
    name = kind == "Secrets" and move.steps[:1] == ("names",)
    file = is_file(move.steps)
    if move.actual is MISSING and (slot or name or file):
        return Verdict.MISSING
    if slot and move.recorded is MISSING:
        return Verdict.UNMANAGED
    return Verdict.DRIFTED


def _moved(move: Move) -> Moved:
    if move.reality and move.program:
        return Moved.BOTH
    return Moved.REALITY if move.reality else Moved.PROGRAM


def _secret_told(move: Move, held: Any) -> list[str | None]:
    """Tell a secret by its digests; `actual` is what the provider says of one that moved."""
    recorded = None if move.recorded is MISSING else f"digest {held}" if held else "set"
    desired = None if move.desired is MISSING else "the value that Pulumi holds"
    if move.actual is MISSING:
        actual = None
    else:
        actual = str(move.actual).removeprefix(CHANGED) if move.reality else recorded
    return [recorded, actual, desired]


def _details(move: Move, probe_prefix: str) -> tuple[str, ...]:
    if move.steps == ("secrets_version",) and move.reality:
        return ("machines that were started with an older version do not have the new values",)
    if not is_file(move.steps) or move.steps[-1] == PROOF_IN_MACHINE:
        return ()
    before, after = (move.recorded, move.actual) if move.reality else (move.recorded, move.desired)
    return file_changes(str(move.steps[-1]), before, after, probe_prefix)
