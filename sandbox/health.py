"""The checks of one running machine: their latest results, kept up to date by tasks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.checks import CRITICAL, PASSING, Check, Result, Script, checks_of, evaluate

Sleep = Callable[[float], Awaitable[None]]
Evaluate = Callable[[Check, str], Awaitable[Result]]

_NOT_YET = Result(CRITICAL, "the machine has not been checked yet")
_NOT_RUNNING = "the machine is not running"


class Health:
    """Evaluates every check of a machine from `start` to `stop`, each at its own pace.

    `scripts` is shared by all machines and looked up at each evaluation, so that a script
    outlives restarts of the machine.
    """

    def __init__(
        self,
        machine_id: str,
        config: Mapping[str, Any],
        address: str,
        *,
        scripts: Mapping[str, Script],
        evaluate: Evaluate = evaluate,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._id = machine_id
        self._address = address
        self._checks = checks_of(config)
        self._scripts = scripts
        self._evaluate = evaluate
        self._sleep = sleep
        self._clock = clock
        self._started = clock()
        self._results = dict.fromkeys((check.name for check in self._checks), _NOT_YET)
        self._changed = dict.fromkeys(self._results, self._started)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to evaluate."""
        self._started = self._clock()
        self._tasks = [asyncio.create_task(self._watch(check)) for check in self._checks]

    async def stop(self) -> None:
        """End all evaluations; a second call does nothing."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def routable(self) -> bool:
        """True when every check that gates traffic passes."""
        return all(
            self._results[check.name].status == PASSING for check in self._checks if check.gates
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return the results as Fly lists them."""
        return [
            _row(check.name, self._results[check.name], _moment(self._changed[check.name]))
            for check in self._checks
            if not check.hidden
        ]

    async def _watch(self, check: Check) -> None:
        eager = True
        while True:
            result = await self._result(check)
            if result != self._results[check.name]:
                self._changed[check.name] = self._clock()
            self._results[check.name] = result
            eager = eager and result.status != PASSING
            scripted = self._id in self._scripts
            await self._sleep(check.delay_s(eager=eager or scripted))

    async def _result(self, check: Check) -> Result:
        script = self._scripts.get(self._id)
        dictated = script.next(check.name) if script else None
        if dictated is not None:
            return Result(dictated, "dictated by the sandbox's check script")
        result = await self._evaluate(check, self._address)
        if result.status != PASSING and self._clock() - self._started < check.grace_s:
            return Result(result.status, f"{result.output} (within the grace period)")
        return result


def rows_at_rest(config: Mapping[str, Any], since: str) -> list[dict[str, Any]]:
    """Return the rows of a machine whose process does not run: all critical, `since` a time."""
    result = Result(CRITICAL, _NOT_RUNNING)
    return [_row(check.name, result, since) for check in checks_of(config) if not check.hidden]


def _row(name: str, result: Result, updated_at: str) -> dict[str, Any]:
    return {
        "name": name,
        "status": result.status,
        "output": result.output,
        "updated_at": updated_at,
    }


def _moment(clock_s: float) -> str:
    moment = datetime.fromtimestamp(clock_s, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
