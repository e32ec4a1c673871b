"""Which loopback networks no other test on this machine uses, in this process or another."""

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path

FIRST, LAST = 100, 239  # single tests have addresses of their own below


@cache
def own_subnet() -> str:
    """Return the one network of this process's programs that run one at a time."""
    return free_subnet()


def free_subnet() -> str:
    """Return a network such as `127.100`; it stays this process's own until the process ends."""
    folder = Path(tempfile.gettempdir()) / f"litellm-fly-gateway-subnets-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for number in range(FIRST, LAST + 1):
        held = os.open(folder / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
        else:
            return f"127.{number}"  # the file stays open, and with it the lock held
    raise RuntimeError(f"all networks from 127.{FIRST} to 127.{LAST} are in use")
