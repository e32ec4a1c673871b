"""When a machine's process is started again after it ended, and how long after."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_RETRIES = 10  # Fly's default policy: on-failure, ten times
_SHELL_SIGNAL_BASE = 128  # exit codes above it name the signal that ended the process
# A server that stops on SIGTERM may end by that very signal (uvicorn raises it again).
_CLEAN = frozenset({0, -signal.SIGTERM})


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the n-th restart in a row: doubling from `first_s` up to `most_s`.

    A process that ran for `steady_s` starts the count again.
    """

    first_s: float = 0.25
    most_s: float = 5.0
    steady_s: float = 60.0

    def delay_s(self, restarts: int) -> float:
        """Return the delay when `restarts` were made before."""
        return min(self.first_s * 2.0 ** min(restarts, 30), self.most_s)


def restarts_again(config: Mapping[str, Any], code: int | None, restarts: int) -> bool:
    """Tell whether the policy starts a process again that ended by itself with `code`.

    `code` is None when it is unknown (a process taken over from an earlier sandbox): a failure.
    """
    restart = config.get("restart") or {}
    policy = str(restart.get("policy") or "on-failure")
    if policy == "no":
        return False
    if policy == "always":
        return True
    retries = restart.get("max_retries") or DEFAULT_RETRIES
    return code not in _CLEAN and restarts < int(retries)


def exit_detail(code: int | None) -> dict[str, int]:
    """Return the exit code as Fly reports it, with the signal when one ended the process.

    An unknown code reads -1.
    """
    if code is None:
        return {"exit_code": -1}
    if code < 0:
        return {"exit_code": _SHELL_SIGNAL_BASE - code, "signal": -code}
    return {"exit_code": code}
