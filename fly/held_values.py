"""Whether a machine has the values that somebody holds, without either of them being shown."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fly.api import FlyApi

EXEC_TIMEOUT_S = 20

# One digest a name. `printenv` ends a value with a newline, which `$(...)` would take away together
# with those of the value itself: the x keeps them.
_DIGESTS = """salt=$1; shift
for name in "$@"; do
  value=$(printenv "$name"; printf x); value=${value%x}; value=${value%?}
  printf '%s' "$salt$value" | sha256sum | cut -d " " -f 1
done"""


def other_values(
    api: "FlyApi", app: str, machine_id: str, held: Mapping[str, str], *, salt: str
) -> tuple[str, ...]:
    """Return the names whose value in the machine's environment is not the one held, sorted.

    `salt` is random and of this one question: what the machine answers tells nobody a value.
    Raises `FlyError` when it could not be asked, `ValueError` when it answered something else.
    """
    names = sorted(held)
    command = ("sh", "-c", _DIGESTS, "digests", salt, *names)
    answer = api.machines.exec(app, machine_id, command, timeout_s=EXEC_TIMEOUT_S)
    found = answer.stdout.split()
    if len(found) != len(names):
        raise ValueError(f"machine {machine_id} answered {len(found)} of {len(names)} digests")
    return tuple(
        name
        for name, digest in zip(names, found, strict=True)
        if not hmac.compare_digest(digest, _digest(salt, held[name]))
    )


def _digest(salt: str, value: str) -> str:
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()
