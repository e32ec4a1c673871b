"""What we write into the metadata of machines that flyctl deploys, so that nobody trusts old notes.

flyctl keeps metadata that it does not know: a machine that it just gave another configuration goes
on saying what was true before. Metadata can be written without restarting anything.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fly.noting import note
from fly.release import (
    NOTED_KEY,
    PHASE_KEY,
    RELEASE_KEY,
    SECRETS_KEY,
    Phase,
    Release,
    fly_release,
    phase_of,
)
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

EXIT_KEY = "gateway_flyctl_exit"  # the exit code of the flyctl that deployed the machine last


def note_before(api: "FlyApi", app: str, machines: Iterable[Machine]) -> None:
    """Tie our notes to the Fly release that each machine is of now.

    Whatever flyctl deploys afterwards differs from what is noted, also when this process dies.
    """
    for machine in machines:
        phase = phase_of(machine)
        # The phase first: what makes it believed comes when it is true.
        wanted = {} if phase is None else {PHASE_KEY: phase.value}
        note(api, app, machine, {**wanted, NOTED_KEY: fly_release(machine)})


def note_after(
    api: "FlyApi", release: Release, machines: Iterable[Machine], *, exit_code: int
) -> tuple[Machine, ...]:
    """Note on every machine that flyctl deployed since `note_before` what it is: new, unproven.

    Returns those machines. They were started after the release's secrets had been set.
    """
    deployed = tuple(m for m in machines if m.metadata.get(NOTED_KEY) != fly_release(m))
    for machine in deployed:
        wanted = {
            PHASE_KEY: Phase.NEW.value,
            RELEASE_KEY: release.digest,
            SECRETS_KEY: str(release.secrets_version),
            EXIT_KEY: str(exit_code),
            NOTED_KEY: fly_release(machine),  # last: before it, the machine counts as new anyway
        }
        note(api, release.app, machine, wanted)
    return deployed


def noted_exit(machines: Iterable[Machine], release: Release) -> int | None:
    """Return how the flyctl ended that deployed this release, while it waits to be judged."""
    for machine in machines:
        ours = machine.metadata.get(RELEASE_KEY) == release.digest
        if ours and phase_of(machine) is Phase.NEW and EXIT_KEY in machine.metadata:
            return int(machine.metadata[EXIT_KEY])
    return None
