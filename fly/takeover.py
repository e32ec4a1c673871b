"""How machines that something else made become a release: proven as they are, and only marked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fly.canonical import canonical
from fly.gates import Gates, GateStatus
from fly.noting import note
from fly.release import (
    PHASE_KEY,
    RELEASE_KEY,
    SECRETS_KEY,
    Phase,
    Release,
    in_group,
    phase_of,
    standing,
)
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

OURS = frozenset({None, Phase.SERVING})  # the phases of a machine that stands still


@dataclass(frozen=True, slots=True)
class Taken:
    """The machines that were taken over; `applied` is what the first of them runs.

    `proven` says that they are the release and that its proof passed; others are as they were,
    down to their metadata.
    """

    machines: tuple[Machine, ...]
    proven: bool
    applied: Mapping[str, Any]


def are_the_release(machines: Iterable[Machine], release: Release) -> bool:
    """Tell whether the group's machines are exactly what the release wants.

    A machine that no release of ours started says nothing about its secrets: it counts as started
    with the release's. One that a rollout left half way is not what it wants.
    """
    group = in_group(machines)
    version = str(release.secrets_version)
    counted = [_with(machine, {SECRETS_KEY: version}) for machine in group]
    still = all(phase_of(machine) in OURS for machine in group)
    return bool(group) and still and standing(counted, release).complete


def take_over(
    api: "FlyApi", release: Release, gates: Gates, *, progress: Callable[[str], None]
) -> Taken:
    """Take the machines over as they are; no configuration is sent and nothing restarts.

    Machines that are the release are proven through the public address and then marked as its
    own. Others, and those of which the proof does not say that it passed, are left alone: the next
    rollout takes them for the release before.
    """
    group = in_group(api.machines.list(release.app))
    first = canonical(group[0].config) if group else {}
    if not are_the_release(group, release):
        progress(f"{len(group)} machines are not what the settings say: taken over as they are")
        return Taken(group, proven=False, applied=first)
    verdict = gates.outside()
    progress(f"proof at the public address: {verdict.status} ({verdict.summary})")
    if verdict.status is not GateStatus.PASSED:
        return Taken(group, proven=False, applied=first)
    for machine in group:
        _mark(api, release, machine)
    return Taken(group, proven=True, applied=dict(release.config))


def _mark(api: "FlyApi", release: Release, machine: Machine) -> None:
    """Write our metadata; what makes a machine count as the release's comes last."""
    marks = {
        RELEASE_KEY: release.digest,
        PHASE_KEY: Phase.SERVING.value,
        SECRETS_KEY: str(release.secrets_version),
    }
    note(api, release.app, machine, marks)


def _with(machine: Machine, metadata: Mapping[str, str]) -> Machine:
    """Return the machine with this metadata where it has none of the name."""
    config = {**machine.config, "metadata": {**metadata, **machine.metadata}}
    return replace(machine, config=config)
