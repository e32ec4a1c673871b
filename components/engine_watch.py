"""How a provider's process notices that the Pulumi engine it works for was killed."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

INTERVAL_S = 0.5
ORPHANED = 3  # exit code; nobody is left to read it

Ancestors = Callable[[], tuple[int, int]]


class EngineGoneError(Exception):
    """The Pulumi engine that asked for this operation has died; nothing more is changed."""


class EngineWatch:
    """Knows the engine by the parent of this process and that one's parent.

    The engine starts a shell that starts the provider's process, so its death shows one step
    further up. A provider that outlived its engine would go on changing what the next run changes,
    and then wait for ever for calls that nobody makes.
    """

    def __init__(self, ancestors: Ancestors) -> None:
        self._ancestors = ancestors
        self._engine = ancestors()

    def guard(self) -> None:
        """Raise `EngineGoneError` when the engine is gone; called before each change."""
        if self._ancestors() != self._engine:
            raise EngineGoneError("the Pulumi engine is gone: this operation stops here")

    def start(self, leave: Callable[[int], None]) -> None:
        """Watch from a thread of its own and call `leave` once the engine is gone.

        Leaving in the middle of a call is no worse than being killed there, which every operation
        survives.
        """
        threading.Thread(target=self._watch, args=(leave,), daemon=True).start()

    def _watch(self, leave: Callable[[int], None]) -> None:
        never = threading.Event()
        while self._ancestors() == self._engine:
            never.wait(INTERVAL_S)
        leave(ORPHANED)


def ancestors() -> tuple[int, int]:
    """Return the process ids of the parent and of its parent; 0 where that cannot be read."""
    parent = os.getppid()
    try:
        stat = Path(f"/proc/{parent}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return parent, 0
    # The second field, the name, stands in brackets and may hold anything.
    return parent, int(stat.rpartition(")")[2].split()[1])
