"""How a release replaces the one before: create, prove, move traffic, prove again, or undo."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from fly.canonical import canonical
from fly.gates import (
    Gates,
    GateStatus,
    GateVerdict,
    ReleaseUndoneError,
    act_on,
    prove_unchanged,
)
from fly.health import UnhealthyMachineError
from fly.machine_steps import MachineSteps, Progress
from fly.release import Phase, Release, Slot, Standing, phase_of, standing
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

PROVING = 8  # machines proven at a time: each asks the model providers, whose limits are not Fly's


class Rollout:
    """Brings an app's machines to a release, proven, or leaves the release before it serving.

    `previous` is the configuration that in-place strategies go back to when no machine still has
    it; None on a first release. `run` may be called again after an interruption at any point: it
    looks at the machines there are, undoes a half-moved traffic, and goes on.
    """

    def __init__(
        self,
        api: "FlyApi",
        release: Release,
        gates: Gates,
        *,
        previous: Mapping[str, Any] | None = None,
        progress: Progress = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._release = release
        self._gates = gates
        self._previous = previous
        self._progress = progress
        self._steps = MachineSteps(api, release, progress, clock=clock, sleep=sleep)
        self._proving = threading.BoundedSemaphore(PROVING)

    def run(self) -> tuple[Machine, ...]:
        """Carry the release out and return its machines, every one of them serving.

        Raises `ReleaseUndoneError` when a gate said no or a machine never became healthy,
        `RolloutStoppedError` when a checker broke, and what the API raises.
        """
        with self._steps.leased(*self._standing().all):
            found = self._standing()
            if self._finish_a_proven_release(found) or self._restore_half_moved_traffic(found):
                found = self._standing()
            if found.complete and not found.unproven:
                self._progress(f"all {len(found.current)} machines already run {self._name}")
                prove_unchanged(self._gates, self._name)
            elif self._release.strategy == "bluegreen" or self._is_first(found):
                self._bluegreen(found)
            else:
                self._in_place(found)
            return tuple(self._standing().current.values())

    @property
    def _name(self) -> str:
        return f"release {self._release.digest[:12]}"

    def _is_first(self, found: Standing) -> bool:
        return not found.others and self._previous is None

    def _standing(self) -> Standing:
        return standing(self._steps.machines(), self._release)

    def _finish_a_proven_release(self, found: Standing) -> bool:
        """Carry out what an earlier run had left to do when it died after its last gate."""
        machines = found.all
        replaced = [m for m in machines if phase_of(m) is Phase.REPLACED]
        if not replaced:
            return False
        self._progress("an earlier rollout was interrupted after its proof: finishing it")
        self._steps.mark([m for m in machines if phase_of(m) is Phase.NEW], Phase.SERVING)
        self._steps.destroy([m for m in machines if phase_of(m) is Phase.RETIRED])
        self._steps.destroy(replaced)
        return True

    def _restore_half_moved_traffic(self, found: Standing) -> bool:
        """Give traffic back to the proven machines when an earlier run died while moving it."""
        machines = found.all
        unproven = [m for m in machines if phase_of(m) is Phase.NEW]
        proven = [m for m in machines if phase_of(m) in {Phase.SERVING, Phase.RETIRED}]
        if not (proven and unproven):
            return False
        self._progress("an earlier rollout was interrupted: traffic goes to the proven machines")
        self._steps.serve([m for m in proven if phase_of(m) is Phase.RETIRED])
        self._steps.withdraw(unproven, Phase.NEW)
        return True

    def _bluegreen(self, found: Standing) -> None:
        others = found.others
        abandoned = [m for m in others if phase_of(m) is Phase.NEW]
        blues = tuple(m for m in others if phase_of(m) is not Phase.NEW)
        if abandoned:
            self._progress(f"{len(abandoned)} machines of an abandoned release: destroying them")
            self._steps.destroy(abandoned)
        greens = list(found.unproven)
        waiting = _waiting(blues)
        wanted: list[Machine | Slot] = [*greens, *found.missing]
        try:
            self._steps.each(wanted, lambda one: self._bring_up(one, greens, waiting))
        except (UnhealthyMachineError, ReleaseUndoneError) as error:
            self._undo_greens(greens, str(error), blues)
        self._move_traffic(greens, blues)
        # From here on the release is proven: a run that dies now is finished, not undone.
        self._steps.mark(blues, Phase.REPLACED)
        self._steps.mark(greens, Phase.SERVING)
        self._steps.destroy(blues)

    def _bring_up(self, wanted: Machine | Slot, greens: list[Machine], waiting: str) -> None:
        """Create one machine if there is none yet, wait until it is healthy, prove it inside.

        Machines are at different points of this at the same time: the first proofs say no while
        most of a large release does not exist yet.
        """
        if isinstance(wanted, Slot):
            green = self._steps.create(wanted)
            greens.append(green)
        else:
            green = wanted
        self._steps.healthy(green)
        with self._proving:
            self._steps.check()
            verdict = self._gates.inside(green)
        self._ask(verdict, f"machine {green.id} ({green.region})", waiting, one_of_many=True)
        self._steps.tally.done("proven")

    def _move_traffic(self, greens: list[Machine], blues: tuple[Machine, ...]) -> None:
        self._progress(f"moving traffic to {len(greens)} machines of {self._name}")
        self._steps.uncordon(greens)
        self._steps.withdraw(blues, Phase.RETIRED)
        try:
            serving = f"the {len(greens)} new machines, proven inside, have the traffic"
            if blues:
                serving += f"; the {len(blues)} of the release before run on without it"
            self._ask(self._gates.outside(), "the public address", serving)
        except ReleaseUndoneError as error:
            self._progress("not proven from outside: moving traffic back")
            self._steps.serve(blues)
            self._undo_greens(greens, str(error), blues)

    def _undo_greens(self, greens: list[Machine], reason: str, blues: tuple[Machine, ...]) -> None:
        self._steps.destroy(self._created(greens))
        kept = f"the {len(blues)} machines of the release before serve" if blues else "none serve"
        message = f"{reason}\n  {self._name} was undone, its machines are destroyed; {kept}"
        raise ReleaseUndoneError(message)

    def _created(self, greens: list[Machine]) -> list[Machine]:
        """Return the greens and any machine whose creation was answered by an error only."""
        known = {green.id for green in greens}
        left = [m for m in self._standing().unproven if m.id not in known]
        return [*greens, *left]

    def _in_place(self, found: Standing) -> None:
        """Update machine by machine (rolling) or all at once (immediate)."""
        resumed = list(found.unproven)
        updated = [(m, self._previous) for m in resumed] if self._previous is not None else []
        created = resumed if self._previous is None else []
        matched, absent, spare = _matched(found)
        try:
            if self._release.strategy == "rolling":
                for machine in matched:
                    self._update_gently(machine, updated)
            else:
                self._steps.each(matched, lambda machine: self._update(machine, updated))
            self._steps.each(absent, lambda slot: created.append(self._steps.create(slot)))
            machines = [*created, *(machine for machine, _ in updated)]
            self._steps.each(machines, self._steps.healthy)
            self._steps.uncordon(machines)
            serving = f"all machines run {self._name} and have the traffic"
            self._ask(self._gates.outside(), "the public address", serving)
        except (UnhealthyMachineError, ReleaseUndoneError) as error:
            self._undo_updates(updated, created, str(error))
        self._steps.mark([*created, *(machine for machine, _ in updated)], Phase.SERVING)
        self._steps.destroy(spare)

    def _update(self, machine: Machine, updated: "Updated", *, withdraw: bool = False) -> None:
        """Give one machine the release, and remember first what it would be restored to."""
        updated.append((machine, self._before(machine)))
        self._steps.update(machine, withdraw=withdraw)

    def _update_gently(self, machine: Machine, updated: "Updated") -> None:
        """Take one machine's traffic, give it the release, and the traffic back."""
        self._update(machine, updated, withdraw=True)
        self._steps.healthy(machine)
        if len(updated) == 1:
            serving = f"machine {machine.id} has no traffic, the others serve as before"
            self._ask(self._gates.inside(machine), f"machine {machine.id}", serving)
        self._steps.uncordon([machine])

    def _before(self, machine: Machine) -> Mapping[str, Any]:
        """Return what to restore: the machine's own proven configuration, else the one before."""
        if phase_of(machine) is Phase.NEW and self._previous is not None:
            return self._previous
        return canonical(machine.config)

    def _undo_updates(
        self,
        updated: "Updated",
        created: list[Machine],
        reason: str,
    ) -> None:
        self._progress(f"not proven: restoring {len(updated)} machines")
        # One machine alone has nobody to take its traffic meanwhile.
        one_by_one = self._release.strategy == "rolling" and len(self._standing().all) > 1
        if self._release.strategy == "rolling":
            for machine, before in updated:
                self._steps.restore(machine, before, withdraw=one_by_one)
        else:
            self._steps.each(updated, lambda one: self._steps.restore(*one, withdraw=False))
        self._steps.destroy([m for m in created if phase_of(m) is not Phase.SERVING])
        raise ReleaseUndoneError(
            f"{reason}\n  {self._name} was undone: {len(updated)} machines are back on the "
            "configuration before"
        )

    def _ask(
        self, verdict: GateVerdict, where: str, serving: str, *, one_of_many: bool = False
    ) -> None:
        """Act on a verdict; `serving` says who has traffic where a checker that broke leaves it."""
        counted = one_of_many and verdict.status is GateStatus.PASSED
        say = self._steps.tally.one if counted else self._progress
        say(f"proof at {where}: {verdict.status} ({verdict.summary})")
        act_on(verdict, where, name=self._name, serving=serving)


Updated = list[tuple[Machine, Mapping[str, Any]]]


def _matched(found: Standing) -> tuple[list[Machine], list[Slot], list[Machine]]:
    """Return the machines to update, the slots that have none, and the machines left over."""
    spare, matched, absent = list(found.others), [], []
    for slot in found.missing:
        match = next((machine for machine in spare if machine.region == slot.region), None)
        if match is None:
            absent.append(slot)
        else:
            spare.remove(match)
            matched.append(match)
    return matched, absent, spare


def _waiting(blues: Collection[Machine]) -> str:
    """Say who serves while the new machines are proven inside."""
    waiting = "the new machines have no traffic"
    return f"{waiting}, the {len(blues)} of the release before serve" if blues else waiting
