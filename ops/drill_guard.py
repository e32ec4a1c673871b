"""What a drill needs around it: nobody else's faults, no second drill, and an end in good order."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ops.drill_run import MARK
from ops.local_state import LocalState
from ops.output import Output
from ops.sandbox_client import SandboxClient
from stacks.problem import Problem, ProblemError


@contextmanager
def guarded(client: SandboxClient, state: LocalState, output: Output) -> Iterator[None]:
    """Let one drill at a time run, on providers that are well; SIGTERM ends it like Ctrl-C.

    What a killed drill left is taken back. Faults of a user's own are left as they are, and are
    refused: their models answer through fallbacks, and every score would be theirs.
    """
    with _only_one(state):
        faults = client.providers()["faults"]
        left = {str(one["only"]) for one in faults if str(one["only"]).startswith(MARK)}
        for marker in left:
            client.heal_for(marker)
        if left:
            output.say(
                f"drill: took back the faults of {len(left)} runs of a drill that was killed"
            )
        standing = sorted(
            f"{one['provider']}/{one['model']}"
            for one in faults
            if not one["only"] and not one["recovered"]
        )
        if standing:
            raise ProblemError([_told_to_fail(standing)])
        with _polite_end():
            try:
                yield
            except KeyboardInterrupt:
                output.say("drill: every fault is taken back; groups that failed rest for a while")
                raise


@contextmanager
def _only_one(state: LocalState) -> Iterator[None]:
    state.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(state.home / "drill.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProblemError([_busy()]) from None
        yield
    finally:
        os.close(held)  # and with it goes the lock, as with the process


@contextmanager
def _polite_end() -> Iterator[None]:
    def interrupted(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt("SIGTERM")

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told_to_fail(models: list[str]) -> Problem:
    return Problem(
        "gateway drill",
        "drill.broken",
        ", ".join(models),
        "these models are told to fail already (`gateway sandbox break`): what a drill saw would be"
        " their fault too; nothing was drilled, and they fail as before",
        "gateway sandbox heal, then the same again",
    )


def _busy() -> Problem:
    return Problem(
        "gateway drill",
        "drill.busy",
        "",
        "another drill is under way on this gateway, and each would count the other's failures;"
        " nothing was drilled",
        "wait for it to end, then the same again",
    )
