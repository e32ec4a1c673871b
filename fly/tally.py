"""How a step over machines is told: line by line for a few, as counts for many."""

import threading
from collections import Counter
from collections.abc import Callable

FEW = 8  # machines that are told one by one
EVERY_S = 5.0  # between two lines of counts


class Tally:
    """Tells how far one step over `total` machines is; threads may share one."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float], total: int) -> None:
        self._say = say
        self._clock = clock
        self._total = total
        self._done: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._began = self._told = clock()

    def one(self, text: str) -> None:
        """Tell what is done to one machine, where there are few."""
        if self._total <= FEW:
            self._say(text)

    def done(self, what: str) -> None:
        """Count one machine that is `created`, `healthy`, ...; tell the counts now and then.

        The counts come in the order in which they were reached first.
        """
        if self._total <= FEW:
            return
        with self._lock:
            self._done[what] += 1
            now = self._clock()
            last = self._done[what] == self._total
            if not last and now - self._told < EVERY_S:
                return
            self._told = now
            counts = ", ".join(f"{name} {n}" for name, n in self._done.items())
            self._say(f"{counts} of {self._total}; {now - self._began:.0f} s")
