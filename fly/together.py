"""How one thing is done to many machines at once, and how one error ends all of it."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

TICK_S = 1.0  # between two calls of what the waiting thread does meanwhile


class EndedEarlyError(Exception):
    """What another thread met has ended this one's work too; that error is the one that is told."""


class Together:
    """Runs one action for many items in threads, at most `at_once` of them.

    `each` is for one thread at a time. An action calls `check` between its steps, so that it ends
    soon after another one failed.
    """

    def __init__(self, at_once: int, *, tick_s: float = TICK_S) -> None:
        self._at_once = at_once
        self._tick_s = tick_s
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []

    def each(
        self,
        items: Iterable[Item],
        act: Callable[[Item], Result],
        *,
        tick: Callable[[], object] = lambda: None,
    ) -> list[Result]:
        """Return the results in the order of the items, once every action has ended.

        After an error no further action begins, and the first error is raised when those under
        way have ended; one that is no `Exception`, which says that the process is to end, before
        any other. `tick` is called by the waiting thread about once a second, and what it raises
        stops everything as well. One item is done by the calling thread itself.
        """
        rows = list(items)
        if len(rows) <= 1:
            return [act(row) for row in rows]
        with ThreadPoolExecutor(min(self._at_once, len(rows)), "rollout") as pool:
            futures = [pool.submit(self._guarded, act, row) for row in rows]
            try:
                self._wait(futures, tick)
            except BaseException as error:  # noqa: BLE001 - it is raised once all have ended
                self._failed(error)
                pool.shutdown(cancel_futures=True)
        errors, self._errors = self._errors, []
        self._stopping.clear()
        if errors:
            raise next((e for e in errors if not isinstance(e, Exception)), errors[0])
        return [future.result() for future in futures]

    def check(self) -> None:
        """Raise `EndedEarlyError` when another action has failed."""
        if self._stopping.is_set():
            raise EndedEarlyError

    def _guarded(self, act: Callable[[Item], Result], row: Item) -> Result:
        self.check()
        try:
            return act(row)
        except EndedEarlyError:
            raise
        except BaseException as error:
            self._failed(error)
            raise

    def _failed(self, error: BaseException) -> None:
        self._errors.append(error)
        self._stopping.set()

    def _wait(self, futures: list[Future[Result]], tick: Callable[[], object]) -> None:
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=self._tick_s)
            if not self._stopping.is_set():
                tick()
