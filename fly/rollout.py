"""How a release replaces the one before: create, prove, move traffic, prove again, or undo."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from fly.canonical import canonical
from fly.gates import Gates, GateStatus, GateVerdict, ReleaseUndoneError, RolloutStoppedError
from fly.health import UnhealthyMachineError
from fly.machine_steps import MachineSteps
from fly.release import Phase, Release, Standing, phase_of, standing
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

Progress = Callable[[str], None]


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

    def run(self) -> tuple[Machine, ...]:
        """Carry the release out and return its machines, every one of them serving.

        Raises `ReleaseUndoneError` when a gate said no or a machine never became healthy,
        `RolloutStoppedError` when a checker broke, and what the API raises.
        """
        with ExitStack() as leases:
            self._hold(leases)
            self._finish_a_proven_release()
            self._restore_half_moved_traffic()
            found = self._standing()
            if found.complete and not found.unproven:
                self._progress(f"all {len(found.current)} machines already run {self._name}")
                self._prove_unchanged()
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

    def _hold(self, leases: ExitStack) -> None:
        for machine in self._standing().all:
            leases.enter_context(self._steps.leased(machine))

    def _finish_a_proven_release(self) -> None:
        """Carry out what an earlier run had left to do when it died after its last gate."""
        machines = self._standing().all
        replaced = [m for m in machines if phase_of(m) is Phase.REPLACED]
        if not replaced:
            return
        self._progress("an earlier rollout was interrupted after its proof: finishing it")
        self._steps.mark([m for m in machines if phase_of(m) is Phase.NEW], Phase.SERVING)
        self._steps.destroy([m for m in machines if phase_of(m) is Phase.RETIRED])
        self._steps.destroy(replaced)

    def _restore_half_moved_traffic(self) -> None:
        """Give traffic back to the proven machines when an earlier run died while moving it."""
        machines = self._standing().all
        unproven = [m for m in machines if phase_of(m) is Phase.NEW]
        proven = [m for m in machines if phase_of(m) in {Phase.SERVING, Phase.RETIRED}]
        if not (proven and unproven):
            return
        self._progress("an earlier rollout was interrupted: traffic goes to the proven machines")
        self._steps.serve([m for m in proven if phase_of(m) is Phase.RETIRED])
        self._steps.withdraw(unproven, Phase.NEW)

    def _prove_unchanged(self) -> None:
        verdict = self._gates.outside()
        if verdict.status is GateStatus.PASSED:
            return
        stopped = verdict.status is GateStatus.ERRORED
        error = RolloutStoppedError if stopped else ReleaseUndoneError
        raise error(f"{verdict.summary}\n  no machine was changed; {self._name} still serves")

    def _bluegreen(self, found: Standing) -> None:
        others = found.others
        abandoned = [m for m in others if phase_of(m) is Phase.NEW]
        blues = tuple(m for m in others if phase_of(m) is not Phase.NEW)
        if abandoned:
            self._progress(f"{len(abandoned)} machines of an abandoned release: destroying them")
            self._steps.destroy(abandoned)
        greens = list(found.unproven)
        try:
            greens += [self._steps.create(slot) for slot in found.missing]
            for green in greens:
                self._steps.healthy(green)
            for green in greens:
                where = f"machine {green.id} ({green.region})"
                self._ask(self._gates.inside(green), where, _waiting(greens, blues))
        except (UnhealthyMachineError, ReleaseUndoneError) as error:
            self._undo_greens(greens, str(error), blues)
        self._move_traffic(greens, blues)
        # From here on the release is proven: a run that dies now is finished, not undone.
        self._steps.mark(blues, Phase.REPLACED)
        self._steps.mark(greens, Phase.SERVING)
        self._steps.destroy(blues)

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
        one_by_one = self._release.strategy == "rolling"
        spare = list(found.others)
        resumed = list(found.unproven)
        updated = [(m, self._previous) for m in resumed] if self._previous is not None else []
        created = resumed if self._previous is None else []
        try:
            for slot in found.missing:
                match = next((m for m in spare if m.region == slot.region), None)
                if match is None:
                    created.append(self._steps.create(slot))
                    continue
                spare.remove(match)
                before = self._before(match)
                updated.append((match, before))
                self._steps.update(match, withdraw=one_by_one)
                if one_by_one:
                    self._steps.healthy(match)
                    if len(updated) == 1:
                        serving = f"machine {match.id} has no traffic, the others serve as before"
                        self._ask(self._gates.inside(match), f"machine {match.id}", serving)
                    self._steps.uncordon([match])
            for machine in created:
                self._steps.healthy(machine)
            for machine, _ in updated:
                self._steps.healthy(machine)
            self._steps.uncordon([*created, *(machine for machine, _ in updated)])
            serving = f"all machines run {self._name} and have the traffic"
            self._ask(self._gates.outside(), "the public address", serving)
        except (UnhealthyMachineError, ReleaseUndoneError) as error:
            self._undo_updates(updated, created, str(error))
        self._steps.mark([*created, *(machine for machine, _ in updated)], Phase.SERVING)
        self._steps.destroy(spare)

    def _before(self, machine: Machine) -> Mapping[str, Any]:
        """Return what to restore: the machine's own proven configuration, else the one before."""
        if phase_of(machine) is Phase.NEW and self._previous is not None:
            return self._previous
        return canonical(machine.config)

    def _undo_updates(
        self,
        updated: list[tuple[Machine, Mapping[str, Any]]],
        created: list[Machine],
        reason: str,
    ) -> None:
        self._progress(f"not proven: restoring {len(updated)} machines")
        # One machine alone has nobody to take its traffic meanwhile.
        one_by_one = self._release.strategy == "rolling" and len(self._standing().all) > 1
        for machine, before in updated:
            self._steps.restore(machine, before, withdraw=one_by_one)
        self._steps.destroy([m for m in created if phase_of(m) is not Phase.SERVING])
        raise ReleaseUndoneError(
            f"{reason}\n  {self._name} was undone: {len(updated)} machines are back on the "
            "configuration before"
        )

    def _ask(self, verdict: GateVerdict, where: str, serving: str) -> None:
        """Act on a verdict; `serving` says who has traffic where a checker that broke leaves it."""
        self._progress(f"proof at {where}: {verdict.status} ({verdict.summary})")
        if verdict.status is GateStatus.PASSED:
            return
        if verdict.status is GateStatus.ERRORED:
            raise RolloutStoppedError(
                f"the proof at {where} could not be carried out: {verdict.summary}\n"
                f"  nothing was undone: {serving}\n"
                f"  mend what kept it from asking; the next `pulumi up` goes on with {self._name}"
            )
        raise ReleaseUndoneError(f"the proof at {where} {verdict.status}: {verdict.summary}")


def _waiting(greens: list[Machine], blues: tuple[Machine, ...]) -> str:
    """Say who serves while the new machines are proven inside."""
    waiting = f"the {len(greens)} new machines have no traffic"
    return f"{waiting}, the {len(blues)} of the release before serve" if blues else waiting
