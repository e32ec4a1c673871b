"""How a release that flyctl deploys is judged by what Fly says, proven, or undone."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from fly.errors import FlyError
from fly.flyctl_deployment import Deployment, Outcome
from fly.flyctl_judgement import Judgement, Leftover, holding, judge, reached, told
from fly.flyctl_notes import noted_exit
from fly.flyctl_run import Progress
from fly.gates import (
    Gates,
    GateVerdict,
    ReleaseUndoneError,
    RolloutStoppedError,
    act_on,
    prove_unchanged,
)
from fly.health import UnhealthyMachineError
from fly.machine_config import MachineRequest
from fly.machine_steps import MachineSteps
from fly.release import PHASE_KEY, Phase, Release, Slot, phase_of
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

SECOND_CHANCE_S = 60  # for machines that flyctl already waited for, in vain

Deploy = Callable[[Deployment], Outcome]


class FlyctlRelease:
    """Judges what flyctl deployed, proves it, and goes back to `previous` when it must.

    `deploy` runs flyctl; it is asked when no deployment of this release stands to be judged, as
    after a change by hand, and with `previous` to undo. `run` may be called again after an
    interruption at any point.
    """

    def __init__(
        self,
        api: "FlyApi",
        wanted: Deployment,
        gates: Gates,
        deploy: Deploy,
        *,
        previous: Deployment | None = None,
        progress: Progress = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._release = wanted.release
        self._gates = gates
        self._deploy = deploy
        self._previous = previous
        self._progress = progress
        self._clock = clock
        self._sleep = sleep
        self._ended: int | None = None

    def run(self) -> tuple[Machine, ...]:
        """Bring the release to an end and return its machines, every one of them serving.

        Raises `ReleaseUndoneError` when it was not proven and something else serves, or nothing;
        `RolloutStoppedError` when it stands half-way, naming what is left; what the API raises.
        """
        found = self._judged()
        if found.proven:
            self._progress(f"all {len(found.current)} machines already run {self._name}")
            prove_unchanged(self._gates, self._name)
            return tuple(found.current.values())
        self._ended = noted_exit(found.all, self._release)
        if not found.carried_out and self._ended is None:
            self._ended = self._deploy(self._wanted).exit_code
        try:
            with self._held(self._patient()) as steps:
                self._settle(steps)
        except (UnhealthyMachineError, ReleaseUndoneError) as error:
            self._undo(str(error))
        return tuple(self._judged().current.values())

    @property
    def _name(self) -> str:
        return f"release {self._release.digest[:12]}"

    @property
    def _how_it_ended(self) -> str:
        return "" if self._ended is None else f" (flyctl deploy had ended with {self._ended})"

    def _judged(self) -> Judgement:
        return judge(self._api.machines.list(self._release.app), self._release)

    def _patient(self) -> Release:
        """Return the release with the time that its machines still get to become healthy."""
        if not self._ended:
            return self._release
        left = min(SECOND_CHANCE_S, self._release.wait_timeout_s)
        return replace(self._release, wait_timeout_s=left)

    @contextmanager
    def _held(self, release: Release) -> Iterator[MachineSteps]:
        """Hold every machine's lease, once whoever holds it now is done.

        A host that Fly does not reach gives none.
        """
        steps = MachineSteps(
            self._api, release, self._progress, clock=self._clock, sleep=self._sleep
        )
        with steps.leased(*(m for m in holding(steps.machines(), release).all if reached(m))):
            yield steps

    def _settle(self, steps: MachineSteps) -> None:
        """Judge, complete and prove; then remove what the release does not want."""
        found = self._judged()
        if not found.carried_out:
            raise ReleaseUndoneError(self._not_carried_out(found))
        self._need_addresses()
        current = self._completed(found)
        for machine in current:
            steps.healthy(machine)
        self._need_one_image()
        where = f"machine {current[0].id} ({current[0].region})"
        self._ask(self._gates.inside(current[0]), where)
        self._move_traffic(steps, current, found)
        self._ask(self._gates.outside(), "the public address")
        # From here on the release is proven: what fails now is finished by the next run.
        steps.mark(found.of(Leftover.BEFORE), Phase.REPLACED)
        steps.mark(current, Phase.SERVING)
        self._remove(steps, found.leftovers, f"{self._name} is proven and serves")

    def _not_carried_out(self, found: Judgement) -> str:
        wanted = len(self._release.slots())
        return (
            f"{len(found.current)} of {wanted} machines have {self._name}"
            f"{self._how_it_ended}; {len(found.of(Leftover.BEFORE))} have the release before"
        )

    def _need_addresses(self) -> None:
        if not self._api.ips.list(self._release.app):
            raise RolloutStoppedError(
                f"app {self._release.app} has no address, so nobody reaches it; {self._name} is on"
                " its machines, unproven, and nothing was undone\n"
                f"  run `fly ips list -a {self._release.app}`; the next `pulumi up` allocates what"
                " is missing and goes on"
            )

    def _need_one_image(self) -> None:
        """Refuse machines on one tag and two images: flyctl compares names, not digests."""
        current = self._judged().current
        images = {m.image.digest: slot for slot, m in current.items() if m.image.digest}
        if len(images) > 1:
            told = ", ".join(f"{slot} runs {digest[:19]}" for digest, slot in images.items())
            raise ReleaseUndoneError(
                f"the tag of {self._wanted.image} moved meanwhile: {told}\n  name the image by"
                " its digest"
            )

    def _completed(self, found: Judgement) -> list[Machine]:
        """Return the release's machines, with one more where a place has none.

        flyctl makes one machine in all on a first deployment, and counts by region are told by no
        fly.toml. A copy of a machine of the release has flyctl's notes too: it is of that Fly
        release for whoever looks.
        """
        current = list(found.current.values())
        models = [*current, *found.of(Leftover.SURPLUS)]
        current += [self._copy(models[0], slot) for slot in found.missing]
        return current

    def _copy(self, model: Machine, slot: Slot) -> Machine:
        self._progress(f"creating {slot.name} after machine {model.id} ({model.region})")
        metadata = {**model.metadata, PHASE_KEY: Phase.NEW.value}
        request = MachineRequest(
            config={**model.config, "metadata": metadata},
            region=slot.region,
            skip_service_registration=True,
            min_secrets_version=self._release.secrets_version or None,
        )
        return self._api.machines.create(
            self._release.app, request.body(), launch_id=uuid.uuid4().hex
        )

    def _move_traffic(self, steps: MachineSteps, current: list[Machine], found: Judgement) -> None:
        """Let the release's machines alone answer, for what the proof asks from outside."""
        steps.uncordon(current)
        for machine, kind in found.leftovers:
            phase = Phase.RETIRED if kind is Leftover.BEFORE else Phase.NEW
            if kind is Leftover.SURPLUS and phase_of(machine) is Phase.SERVING:
                continue  # proven, and the same: it may answer until it goes
            with nullcontext() if reached(machine) else suppress(FlyError):
                steps.withdraw([machine], phase)

    def _undo(self, reason: str) -> NoReturn:
        self._progress(f"{self._name} does not stay: undoing it")
        if self._previous is None:
            self._undo_the_first(reason)
        before = self._previous.release
        try:
            if not holding(self._api.machines.list(before.app), before).carried_out:
                self._go_back(self._previous)
            with self._held(before) as steps:
                kept = self._served_again(steps, before)
                found = holding(steps.machines(), before)
                self._remove(steps, found.leftovers, f"{reason}\n  {self._name} was undone")
        except (UnhealthyMachineError, FlyError) as error:
            msg = self._stuck(f"{reason}\n  undoing it did not succeed either: {error}")
            raise RolloutStoppedError(msg) from error
        raise ReleaseUndoneError(
            f"{reason}\n  {self._name} was undone: {len(kept)} machines serve release"
            f" {before.digest[:12]} as before"
        )

    def _go_back(self, previous: Deployment) -> None:
        """Deploy the release before again; where flyctl does not, restore machine by machine."""
        name = f"release {previous.release.digest[:12]}"
        why = "it was not deployed by flyctl"
        if previous.toml:
            self._progress(f"flyctl deploys {name} again")
            try:
                self._deploy(previous)
            except Exception as error:  # noqa: BLE001 - whatever it is, there is another way
                why = str(error).splitlines()[0]
            else:
                return
        self._progress(f"restoring {name} over Fly's API: {why}")
        with self._held(previous.release) as steps:
            for machine in holding(steps.machines(), previous.release).of(Leftover.UNPROVEN):
                steps.restore(machine, previous.release.config, withdraw=False)

    def _served_again(self, steps: MachineSteps, before: Release) -> list[Machine]:
        """Give the machines of the release before their traffic, and the places that lack one."""
        found = holding(steps.machines(), before)
        if not found.carried_out:
            missing = ", ".join(slot.name for slot in found.missing)
            raise UnhealthyMachineError(f"no machine of release {before.digest[:12]} at {missing}")
        kept = self._completed(found)
        for machine in kept:
            steps.healthy(machine)
        steps.serve(kept)
        return kept

    def _undo_the_first(self, reason: str) -> NoReturn:
        """Remove the machines of a release before which there was none."""
        with self._held(self._release) as steps:
            found = self._judged()
            left = [(machine, Leftover.UNPROVEN) for machine in found.all]
            self._remove(steps, left, f"{reason}\n  {self._name} was undone")
        raise ReleaseUndoneError(
            f"{reason}\n  {self._name} was undone: its {len(left)} machines are destroyed, none"
            " serve; the app keeps its addresses and secrets, and `fly releases` its failed release"
        )

    def _remove(
        self, steps: MachineSteps, leftovers: Iterable[tuple[Machine, Leftover]], stands: str
    ) -> None:
        """Destroy machines; what cannot be destroyed is named, with the command that does it."""
        stuck: list[tuple[Machine, Leftover]] = []
        why = ""
        for machine, kind in leftovers:
            self._progress(f"removing machine {machine.id} ({machine.region}): {kind}")
            try:
                steps.destroy([machine])
            except FlyError as error:
                stuck.append((machine, kind))
                why = f"{error.what}"
        if stuck:
            raise RolloutStoppedError(
                f"{stands}, but {len(stuck)} machines could not be removed: {why}\n"
                f"{told(self._release.app, stuck)}\n"
                "  the next `pulumi up` tries it again"
            )

    def _stuck(self, reason: str) -> str:
        """Say what there is, where neither release could be brought to serve whole."""
        found = self._judged()
        rows = [(m, f"has {self._name}, unproven") for m in found.current.values()]
        rows += [(machine, str(kind)) for machine, kind in found.leftovers]
        return (
            f"{reason}\n{told(self._release.app, rows)}\n"
            "  correct the cause, then run `pulumi up`: it goes on from here; no machine has to be"
            " removed by hand for that"
        )

    def _ask(self, verdict: GateVerdict, where: str) -> None:
        self._progress(f"proof at {where}: {verdict.status} ({verdict.summary})")
        serving = f"{self._name} is on its machines, and has the traffic that flyctl gave it"
        act_on(verdict, where, name=self._name, serving=serving)
