"""That one promotion or rollback of an environment runs at a time in a checkout."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from stacks.problem import Problem, ProblemError

LOCKS = Path(".gateway", "promotion")  # in a checkout, out of version control


@contextmanager
def only_one(root: Path, environment: str, what: str) -> Iterator[None]:
    """Hold the environment's lock; `ProblemError` names who holds it.

    The operating system takes it back from a process that was killed. Two checkouts do not see
    each other: there a conflict in version control is the second one's refusal.
    """
    file = root / LOCKS / f"{environment}.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProblemError([_held(environment, os.pread(handle, 1000, 0))]) from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"what": what, "pid": os.getpid(), "at": now}).encode(), 0)
        yield
    finally:
        os.close(handle)


def _held(environment: str, said: bytes) -> Problem:
    try:
        known = json.loads(said)
        holder = f"{known['what']}, process {known['pid']}, since {known['at']}"
    except (ValueError, LookupError, TypeError):
        holder = "another process"
    return Problem(
        f"environment {environment}",
        "promotion.locked",
        "",
        f"{holder}; nothing was changed",
        "wait for it to end, then run the command again",
    )
