"""What stands between a release and its traffic: verdicts, and who is asked for them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fly.replies import Machine

MOST_EXEC_S = 60  # Fly ends a command that runs longer
EXEC_MARGIN_S = 8  # of it, beyond the proof's own total: interpreter start and the reply


class GateStatus(StrEnum):
    """What a gate says. Only a release that PASSED keeps its traffic.

    FAILED: the release does not do what it must; it is undone.
    INCONCLUSIVE: nothing was proven either way; it is undone as well.
    ERRORED: the checker broke; nothing is undone, the rollout stops where it stands.
    """

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """One answer of a gate; `summary` is a sentence with what was seen, never a secret."""

    status: GateStatus
    summary: str


class Gates(Protocol):
    """The two questions a rollout asks about a release."""

    def inside(self, machine: Machine) -> GateVerdict:
        """Prove the release inside one new machine, before it has traffic."""
        ...

    def outside(self) -> GateVerdict:
        """Prove the release through its public address, after traffic moved."""
        ...


class ReleaseUndoneError(Exception):
    """A release was not proven and was undone; the text says why and what serves now."""


class RolloutStoppedError(Exception):
    """A rollout stopped where it stands because a checker broke; the next run goes on."""


def act_on(verdict: GateVerdict, where: str, *, name: str, serving: str) -> None:
    """Return when a gate passed, else raise what its verdict asks for.

    `name` is the release, `serving` says who has traffic where a checker that broke leaves it.
    """
    if verdict.status is GateStatus.PASSED:
        return
    if verdict.status is GateStatus.ERRORED:
        raise RolloutStoppedError(
            f"the proof at {where} could not be carried out: {verdict.summary}\n"
            f"  nothing was undone: {serving}\n"
            f"  mend what kept it from asking; the next `pulumi up` goes on with {name}"
        )
    raise ReleaseUndoneError(f"the proof at {where} {verdict.status}: {verdict.summary}")


def prove_unchanged(gates: Gates, name: str) -> None:
    """Ask from outside about a release whose machines stay as they are, whatever is answered."""
    verdict = gates.outside()
    if verdict.status is GateStatus.PASSED:
        return
    stopped = verdict.status is GateStatus.ERRORED
    error = RolloutStoppedError if stopped else ReleaseUndoneError
    raise error(f"{verdict.summary}\n  no machine was changed; {name} still serves")
