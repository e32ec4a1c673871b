"""What a deployment by flyctl left, seen in the machines and not in its exit code."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fly.canonical import canonical
from fly.release import SECRETS_KEY, Phase, Release, Slot, in_group, phase_of, placed
from fly.replies import Machine

CANARY_KEY = "fly_canary"
GREEN_KEY = "fly_flyctl_bluegreen_launch_id"
REACHABLE = frozenset({"", "ok", "unknown"})  # values of host_status


class Leftover(StrEnum):
    """Why a machine is one that the release does not want.

    CANARY: it tried a release out for flyctl, whose deployment then failed.
    UNREGISTERED: made by a bluegreen deployment that ended before it gave it traffic.
    UNPROVEN: on a release that was never proven, not the one that is wanted.
    SURPLUS: on the wanted release, but one more than the settings say.
    BEFORE: on the release before.
    """

    CANARY = "a canary of a deployment that failed"
    UNREGISTERED = "a machine without traffic that a bluegreen deployment left"
    UNPROVEN = "on a release that was never proven"
    SURPLUS = "one more than the settings say"
    BEFORE = "on the release before"


@dataclass(frozen=True, slots=True)
class Judgement:
    """An app's machines after a deployment, against the release that they should be of.

    `current` run it, by slot; `missing` slots have nobody; `leftovers` are the rest of the process
    group, each with what it is.
    """

    current: Mapping[str, Machine] = field(default_factory=dict)
    missing: tuple[Slot, ...] = ()
    leftovers: tuple[tuple[Machine, Leftover], ...] = ()

    @property
    def carried_out(self) -> bool:
        """True when all that flyctl updates is updated.

        Places that nobody has are then only a matter of numbers, which flyctl leaves to others.
        """
        return bool(self.current or self.of(Leftover.SURPLUS)) and not (
            self.missing and self.of(Leftover.BEFORE, Leftover.UNPROVEN)
        )

    @property
    def proven(self) -> bool:
        """True when the machines are exactly what is wanted, and a proof has passed on each."""
        return (
            bool(self.current)
            and not self.missing
            and not self.leftovers
            and all(phase_of(m) is Phase.SERVING for m in self.current.values())
        )

    @property
    def all(self) -> tuple[Machine, ...]:
        """Every machine of the process group."""
        return (*self.current.values(), *(machine for machine, _ in self.leftovers))

    def of(self, *kinds: Leftover) -> tuple[Machine, ...]:
        """Return the left-over machines of these kinds."""
        return tuple(machine for machine, kind in self.leftovers if kind in kinds)


def judge(machines: Iterable[Machine], release: Release) -> Judgement:
    """Say what each machine of the process group is to a release that is wanted."""
    version = str(release.secrets_version)

    def runs(machine: Machine) -> bool:
        return machine.metadata.get(SECRETS_KEY) == version and _has(machine, release)

    return _judged(machines, release, runs)


def holding(machines: Iterable[Machine], release: Release) -> Judgement:
    """Say the same of a release to go back to: whose secrets are not there to be compared."""
    return _judged(machines, release, lambda machine: _has(machine, release))


def _judged(
    machines: Iterable[Machine], release: Release, runs: Callable[[Machine], bool]
) -> Judgement:
    # Proven machines get the places first, then those with traffic.
    ours = sorted(in_group(machines), key=lambda m: (phase_of(m) is not Phase.SERVING, _waits(m)))
    equal = {machine.id for machine in ours if runs(machine)}
    current, missing = placed(release, (machine for machine in ours if machine.id in equal))
    taken = {machine.id for machine in current.values()}
    rest = [machine for machine in ours if machine.id not in taken]
    return Judgement(
        current,
        missing,
        tuple((m, _kind(m, surplus=m.id in equal)) for m in rest),
    )


def removable(machines: Iterable[Machine]) -> tuple[Machine, ...]:
    """Return what an interrupted deployment left and nobody can miss: it never had to serve.

    Also where it is on the release that is wanted: flyctl would make as many again for it.
    """
    return tuple(m for m in machines if m.metadata.get(CANARY_KEY) or _waits(m))


def reached(machine: Machine) -> bool:
    """Tell whether Fly reaches the machine's host; without, flyctl makes another beside it."""
    return machine.host_status in REACHABLE


def told(app: str, leftovers: Iterable[tuple[Machine, str]]) -> str:
    """Name machines that are left, each with the command that removes it."""
    lines = []
    for machine, kind in leftovers:
        lost = "" if reached(machine) else f", its host {machine.host_status}"
        lines.append(
            f"  left: machine {machine.id} ({machine.region}, {machine.state}{lost}), {kind}:"
            f" fly machine destroy --force {machine.id} -a {app}"
        )
    return "\n".join(lines)


def _kind(machine: Machine, *, surplus: bool) -> Leftover:
    if machine.metadata.get(CANARY_KEY):
        return Leftover.CANARY
    if surplus:
        return Leftover.SURPLUS
    if _waits(machine):
        return Leftover.UNREGISTERED
    return Leftover.UNPROVEN if phase_of(machine) is Phase.NEW else Leftover.BEFORE


def _has(machine: Machine, release: Release) -> bool:
    tries = machine.metadata.get(CANARY_KEY)
    return not tries and canonical(machine.config) == release.config


def _waits(machine: Machine) -> bool:
    """Tell whether a bluegreen deployment made the machine and never gave it traffic."""
    proven = phase_of(machine) in {Phase.SERVING, Phase.RETIRED, Phase.REPLACED}
    return GREEN_KEY in machine.metadata and machine.cordoned is True and not proven
