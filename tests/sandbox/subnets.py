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
    """Return a network such as `127.100`; it stays this process's own until the process ends.

    One in which somebody listens is passed over: a run that was killed may have left machines.
    """
    folder = Path(tempfile.gettempdir()) / f"litellm-fly-gateway-subnets-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    taken = _listened_to()
    for number in range(FIRST, LAST + 1):
        if number in taken:
            continue
        held = os.open(folder / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
        else:
            return f"127.{number}"  # the file stays open, and with it the lock held
    raise RuntimeError(f"all networks from 127.{FIRST} to 127.{LAST} are in use")


def _listened_to() -> set[int]:
    """Return the second number of each 127.x.y.z that a TCP socket of this machine is bound to."""
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    # The kernel writes an address as one little-endian number: 127.101.1.10 is 0A01657F.
    local = (row.split()[1].partition(":")[0] for row in rows)
    return {int(address[4:6], 16) for address in local if address.endswith("7F")}
