"""How a drill is run: each fault is put in, met by a request, looked up in the log, and healed."""

import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.drill.assignment import Breakers, Group, Run, counts
from gateway.drill.card import Result, result
from gateway.drill.promise import Promises
from gateway.drill.scoring import score
from gateway.drill.seen import Answer, Form, Outcome, Seen, attempts_of
from ops.drill_ask import Asker

TOGETHER = 24  # runs that wait for time-outs and sleeps do so side by side
APART_S = 0.5  # but no two begin together: their time-outs would end together, and be late
SLOW_S = 1.0  # what takes longer is not worth the gateway's whole attention
LOOK_S = 0.05
SPARE_S = 1.0  # beyond LiteLLM's own memory of a failure
BACK_S = 45.0  # how long a primary that is well again may stay away before the run ends
COLD_AND_WARM = 6  # requests per group, at most, until its breaker was seen open
WARM = 2


class Sandbox(Protocol):
    """What a drill needs of the sandbox's model providers."""

    def break_for(self, marker: str, deployment: str, step: Any) -> None:
        """Let a model fail for requests with a marker."""

    def heal_for(self, marker: str) -> None:
        """Take back what was broken for a marker."""

    def attempts(self, marker: str) -> list[dict[str, Any]]:
        """Return the requests with a marker that reached a model."""


@dataclass
class Drill:
    """Runs faults against one gateway; at its end, however it ends, nothing is broken."""

    asker: Asker
    sandbox: Sandbox
    promises: Promises
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _began: float = float("-inf")
    _broken: set[str] = field(default_factory=set)
    _done: "queue.Queue[tuple[Run, Result | BaseException]]" = field(default_factory=queue.Queue)

    def run(self, runs: Sequence[Run]) -> list[Result]:
        """Run all faults, quick ones alone and slow ones side by side; in the order given."""
        breakers = self._breakers(runs)
        found: dict[int, Result] = {}
        waiting, side_by_side = sorted(runs, key=self._order), 0
        try:
            while waiting or side_by_side:
                chosen = next(
                    (run for run in waiting if self._may(run, breakers, side_by_side)), None
                )
                if chosen is not None:
                    waiting.remove(chosen)
                    breakers.begin(chosen)
                    side_by_side += 1
                    if self._slow(chosen):
                        self._began = self.clock()
                        threading.Thread(target=self._aside, args=(chosen,), daemon=True).start()
                    else:
                        self._aside(chosen)
                side_by_side -= self._collect(breakers, found, wait=chosen is None)
        finally:
            self.heal()
        return [found[id(run)] for run in runs]

    def heal(self) -> None:
        """Take back whatever is still broken."""
        for marker in tuple(self._broken):
            self.sandbox.heal_for(marker)
        self._broken.clear()

    def rescues(self, groups: Sequence[Group]) -> tuple[list[float], list[float]]:
        """Return seconds of rescues from a 500: with the primary asked, and with it at rest.

        Which of the two a request was is read from the providers' log. Leaves breakers open.
        """
        cold: list[float] = []
        warm: list[float] = []
        for group in groups:
            marker = new_marker()
            self._break(marker, group, {"kind": "status", "status": 500})
            try:
                self._rescues_of(group, marker, cold, warm)
            finally:
                self._heal(marker)
        return cold, warm

    def healthy(self, groups: Sequence[Group]) -> dict[str, list[float]]:
        """Ask every group in every form without any fault; seconds by group, () for no answer."""
        found: dict[str, list[float]] = {}
        for group in groups:
            answers = [self.asker.ask(group.name, form, new_marker()) for form in Form]
            well = all(answer.by == group.deployment for answer in answers)
            found[group.name] = [answer.took_s for answer in answers] if well else []
        return found

    def _rescues_of(self, group: Group, marker: str, cold: list[float], warm: list[float]) -> None:
        seen_open = tried = 0
        for _ in range(COLD_AND_WARM):
            answer = self.asker.ask(group.name, Form.WHOLE, marker)
            log = attempts_of(self.sandbox.attempts(marker))
            now = sum(one.deployment == group.deployment for one in log)
            if answer.outcome is Outcome.ANSWER and answer.by != group.deployment:
                (cold if now > tried else warm).append(answer.took_s)
            seen_open += now == tried
            tried = now
            if seen_open == WARM:
                return

    def _breakers(self, runs: Sequence[Run]) -> Breakers:
        names = {run.group.name for run in runs}
        room = min((self.promises.failures_until_rest(name) for name in names), default=1)
        window = max((self.promises.rest_s(name) for name in names), default=0)
        return Breakers(int(min(room, 1000)), window + SPARE_S, self.clock)

    def _may(self, run: Run, breakers: Breakers, side_by_side: int) -> bool:
        if self._slow(run):
            apart = self.clock() - self._began >= APART_S
            return apart and side_by_side < TOGETHER and breakers.free(run)
        return breakers.free(run)

    def _order(self, run: Run) -> tuple[bool, bool, bool]:
        """Begin with what takes long; end with what leaves several groups at rest."""
        return (bool(run.fault.target_step), not self._slow(run), counts(run.fault))

    def _slow(self, run: Run) -> bool:
        silent = run.fault.silence_s or run.fault.step.get("between") or run.fault.lasts_s
        return bool(silent) or self.promises.rescue_s(run.group.name) >= SLOW_S

    def _collect(self, breakers: Breakers, found: dict[int, Result], *, wait: bool) -> int:
        """Take over what has ended, and say so; without anything, look again a little later."""
        count = 0
        while True:
            try:
                wait_s = LOOK_S if wait and count == 0 else 0
                run, ended = self._done.get(block=wait_s > 0, timeout=wait_s)
            except queue.Empty:
                return count
            count += 1
            if isinstance(ended, BaseException):
                raise ended
            breakers.end(run, failed=_failed(ended))
            found[id(run)] = ended
            took = ended.seen.answer.took_s
            self.say(f"{run.label}: {ended.scored.score.value}, {took:.2f} s")

    def _aside(self, run: Run) -> None:
        try:
            self._done.put((run, self._one(run)))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._done.put((run, error))

    def _one(self, run: Run) -> Result:
        marker, fault = new_marker(), run.fault
        try:
            if fault.target_step:
                for provider in ("openai", "xai", "anthropic", "vertex_ai"):
                    self.sandbox.break_for(marker, f"{provider}/*", fault.target_step)
            self._break(marker, run.group, fault.step)
            answers, healed_at_s = self._asked(run, marker)
        finally:
            self._heal(marker)
        alive = self.asker.alive(run.group.targets[0], new_marker())
        seen = Seen(
            run.group.name,
            run.group.deployment,
            answers,
            attempts_of(self.sandbox.attempts(marker)),
            alive,
            healed_at_s,
        )
        promise = self.promises.of(fault, run.group.name, run.form)
        return result(run, promise, seen, score(fault, seen), self.promises.version)

    def _asked(self, run: Run, marker: str) -> tuple[tuple[Answer, ...], float | None]:
        began, lasts_s = self.clock(), run.fault.lasts_s
        if lasts_s is None:
            return (self.asker.ask(run.group.name, run.form, marker),), None
        healing = threading.Timer(lasts_s, self._heal, (marker,))
        healing.daemon = True
        healing.start()
        answers: list[Answer] = []
        while self.clock() - began < lasts_s + BACK_S:
            answers.append(self.asker.ask(run.group.name, run.form, marker, began=began))
            if answers[-1].at_s > lasts_s and answers[-1].by == run.group.deployment:
                break
            self.sleep(run.fault.every_s)
        healing.cancel()
        return tuple(answers), lasts_s

    def _break(self, marker: str, group: Group, step: Any) -> None:
        self._broken.add(marker)
        self.sandbox.break_for(marker, group.deployment, step)

    def _heal(self, marker: str) -> None:
        self.sandbox.heal_for(marker)
        self._broken.discard(marker)


def _failed(ended: Result) -> bool:
    """Tell whether LiteLLM took the request to the primary for a failure."""
    answer = ended.seen.answer
    well = answer.outcome is Outcome.CUT_SHORT or answer.by == ended.seen.primary
    return not well or len(ended.seen.answers) > 1


def new_marker() -> str:
    """Return a word that no request before carried."""
    return f"drill-{uuid.uuid4().hex[:12]}"
