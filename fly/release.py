"""What a release wants of an app's machines, and which of the machines there are already are it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fly.canonical import canonical
from fly.replies import Machine
from fly.sendable import sendable

GROUP = "app"  # the one process group that fly.toml declares
RELEASE_KEY = "gateway_release"
PHASE_KEY = "gateway_phase"
SECRETS_KEY = "gateway_secrets_version"
NOTED_KEY = "gateway_fly_release"  # the Fly release that our other notes were written about
FLY_RELEASE_KEY = "fly_release_id"  # flyctl's own
NO_FLY_RELEASE = "none"
GONE = frozenset({"destroyed", "destroying"})


class Phase(StrEnum):
    """How far a machine has come, kept in its metadata so that any later run can tell.

    NEW: created or updated by a release that was not proven yet.
    SERVING: proven, and meant to have traffic.
    RETIRED: served before and lost its traffic to a release that is being proven.
    REPLACED: the release that took its traffic is proven; it only waits to be destroyed.
    """

    NEW = "new"
    SERVING = "serving"
    RETIRED = "retired"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Slot:
    """One wanted machine: `iad-1` is the first of region `iad`."""

    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Release:
    """Everything the machines of one release have in common.

    `config` is the machine configuration in canonical form, without our own metadata;
    `secrets_version` is the app's secrets version the machines must have been started with;
    `digest` names the release in metadata and messages. `holder` describes our leases: a lease of
    the same holder is taken over, so it must name one machine's Pulumi engine, whose stack lock
    allows one run at a time.
    """

    app: str
    config: Mapping[str, Any]
    counts: Mapping[str, int]
    secrets_version: int
    digest: str
    primary_region: str
    strategy: str = "bluegreen"
    wait_timeout_s: float = 300
    holder: str = "gateway"

    def slots(self) -> tuple[Slot, ...]:
        """Return the wanted machines, region by region in the order given."""
        return tuple(
            Slot(f"{region}-{number}", region)
            for region, count in self.counts.items()
            for number in range(1, count + 1)
        )

    def stamped(self, phase: Phase) -> dict[str, Any]:
        """Return the configuration to send, with our metadata on it."""
        return self.stamp(self.config, phase)

    def stamp(
        self, config: Mapping[str, Any], phase: Phase, *, digest: str | None = None
    ) -> dict[str, Any]:
        """Return any canonical configuration as it is sent for this app's process group.

        `digest` names the release that the configuration is of, where it is another one.
        """
        metadata = {
            **config.get("metadata", {}),
            RELEASE_KEY: self.digest if digest is None else digest,
            PHASE_KEY: phase.value,
            SECRETS_KEY: str(self.secrets_version),
        }
        derived = {"FLY_PROCESS_GROUP": GROUP, "PRIMARY_REGION": self.primary_region}
        return sendable({**config, "metadata": metadata}, env=derived)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an app's machines stand to a release.

    `current` already are what the release wants, by slot name; `missing` slots have no machine;
    `others` are machines of the process group that the release does not want.
    """

    current: Mapping[str, Machine] = field(default_factory=dict)
    missing: tuple[Slot, ...] = ()
    others: tuple[Machine, ...] = ()

    @property
    def complete(self) -> bool:
        """True when no machine is missing and none is left over."""
        return not self.missing and not self.others

    @property
    def unproven(self) -> tuple[Machine, ...]:
        """The current machines that no proof has passed on yet."""
        return tuple(m for m in self.current.values() if phase_of(m) is not Phase.SERVING)

    @property
    def all(self) -> tuple[Machine, ...]:
        """Every machine of the process group."""
        return (*self.current.values(), *self.others)


def phase_of(machine: Machine) -> Phase | None:
    """Return the phase in the machine's metadata; None on a machine that we did not make.

    flyctl keeps our notes when it updates or replaces a machine. A machine that it deployed since
    they were written is one that nobody proved, whatever they say.
    """
    value = machine.metadata.get(PHASE_KEY)
    if NOTED_KEY in machine.metadata and machine.metadata[NOTED_KEY] != fly_release(machine):
        return Phase.NEW
    return Phase(value) if value in set(Phase) else None


def fly_release(machine: Machine) -> str:
    """Return the id of the Fly release that flyctl deployed the machine with."""
    return machine.metadata.get(FLY_RELEASE_KEY) or NO_FLY_RELEASE


def in_group(machines: Iterable[Machine]) -> tuple[Machine, ...]:
    """Return the living machines of the process group, oldest first."""
    ours = [
        machine
        for machine in machines
        if machine.state not in GONE and machine.metadata.get("fly_process_group") == GROUP
    ]
    return tuple(sorted(ours, key=lambda m: (m.created_at, m.id)))


def standing(machines: Iterable[Machine], release: Release) -> Standing:
    """Compare what there is with what the release wants.

    A machine counts as current when its canonical configuration and its secrets version are the
    release's, whatever its metadata claims: an edit by hand makes it an `other`. Proven machines
    fill slots before unproven ones.
    """
    wanted = release.config
    living = sorted(in_group(machines), key=lambda m: phase_of(m) is not Phase.SERVING)
    equal = [m for m in living if _runs(m, wanted, release.secrets_version)]
    current, missing = placed(release, equal)
    taken = {machine.id for machine in current.values()}
    others = tuple(machine for machine in in_group(living) if machine.id not in taken)
    return Standing(current, missing, others)


def placed(
    release: Release, machines: Iterable[Machine]
) -> tuple[dict[str, Machine], tuple[Slot, ...]]:
    """Return which machine has which of the release's slots, by name, and the slots without one.

    Machines are taken in the order given.
    """
    free = list(machines)
    current: dict[str, Machine] = {}
    missing: list[Slot] = []
    for slot in release.slots():
        match = next((machine for machine in free if machine.region == slot.region), None)
        if match is None:
            missing.append(slot)
        else:
            free.remove(match)
            current[slot.name] = match
    return current, tuple(missing)


def observed(machines: Iterable[Machine]) -> dict[str, dict[str, Any]]:
    """Return what drift compares: canonical configurations by slot name.

    A machine that is not `serving` says so under `phase`: an interrupted release is drift.
    """
    slots: dict[str, dict[str, Any]] = {}
    for slot, machine in slotted(machines).items():
        config = canonical(machine.config)
        phase = phase_of(machine)
        if phase is not Phase.SERVING:
            config["phase"] = phase.value if phase else "not made by this project"
        slots[slot] = config
    return slots


def slotted(machines: Iterable[Machine]) -> dict[str, Machine]:
    """Return the living machines of the process group by slot, numbered by age in each region."""
    counters: dict[str, int] = {}
    slots: dict[str, Machine] = {}
    for machine in in_group(machines):
        region = machine.region
        counters[region] = counters.get(region, 0) + 1
        slots[f"{region}-{counters[region]}"] = machine
    return slots


def observed_secrets_version(machines: Iterable[Machine]) -> int:
    """Return the oldest secrets version any machine of the group was started with; 0 for none."""
    versions = [int(m.metadata.get(SECRETS_KEY, "0")) for m in in_group(machines)]
    return min(versions, default=0)


def _runs(machine: Machine, wanted: Mapping[str, Any], secrets_version: int) -> bool:
    started_with = machine.metadata.get(SECRETS_KEY)
    return started_with == str(secrets_version) and canonical(machine.config) == wanted
