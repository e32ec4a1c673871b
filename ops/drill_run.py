"""How a drill is run: each fault is put in, met by a request, looked up in the log, and healed."""

import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.drill.assignment import Breakers, Group, Run, counts
from gateway.drill.card import Result, result
from gateway.drill.catalogue import BY_ID
from gateway.drill.promise import Promises
from gateway.drill.scoring import Score, score
from gateway.drill.seen import Answer, Form, Outcome, Seen, attempts_of
from gateway.drill.speed import Edge, edge_bound_s
from ops.drill_ask import Asker

TOGETHER = 24  # runs that wait for time-outs and sleeps do so side by side
APART_S = 0.5  # but no two begin together: their time-outs would end together, and be late
SLOW_S = 1.0  # what takes longer is not worth the gateway's whole attention
LOOK_S = 0.05
SPARE_S = 1.0  # beyond LiteLLM's own memory of a failure
BACK_S = 45.0  # how long a primary that is well again may stay away before the run ends
COLD_AND_WARM = 6  # requests per group, at most, until its breaker was seen open
WARM = 2
AGAIN_S = 5.0  # until groups that rest are asked once more
MARK = "drill-"
FIVE_HUNDRED = BY_ID["G01"]


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
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: "queue.Queue[tuple[Run, Result | BaseException]]" = field(default_factory=queue.Queue)

    def run(self, runs: Sequence[Run]) -> list[Result]:
        """Run all faults and return them in the order given.

        A run that met an open breaker, or none of whose targets answered a healthy request
        afterwards, is looked at once more when all breakers have closed; the second look holds.
        """
        found = self._run(runs)
        again = [run for run in runs if _disturbed(found[id(run)])]
        if again:
            wait_s = self._window_s({run.group.name for run in again})
            self.say(f"drill: {len(again)} runs met an open breaker; again in {wait_s:.0f} s")
            self.sleep(wait_s)
            found |= self._run(again)
        return [found[id(run)] for run in runs]

    def close(self) -> None:
        """Take back whatever is still broken, and let nothing be broken any more."""
        with self._lock:
            self._closed = True
            left = tuple(self._broken)
        for marker in left:
            self.sandbox.heal_for(marker)

    def _run(self, runs: Sequence[Run]) -> dict[int, Result]:
        """Run quick faults alone and slow ones side by side; results by the run's id."""
        breakers = self._breakers(runs)
        found: dict[int, Result] = {}
        waiting, side_by_side = sorted(runs, key=self._order), 0
        while waiting or side_by_side:
            chosen = next((run for run in waiting if self._may(run, breakers, side_by_side)), None)
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
        return found

    def rescues(self, groups: Sequence[Group], *, after: Sequence[Run] = ()) -> list[Edge]:
        """Return how long each group's first target takes to rescue it from a 500.

        Begins when the failures of the runs in `after` are forgotten. Whether a primary was asked
        is read from the providers' log. Leaves breakers open, so a group comes before those that
        rescue it, or waits until they are back.
        """
        if after:
            wait_s = self._window_s({run.group.name for run in after})
            self.say(f"drill: rescues are timed in {wait_s:.0f} s, when all breakers have closed")
            self.sleep(wait_s)
        found, waiting, opened = [], list(groups), dict[str, float]()
        while waiting:
            group = _next_rescued(waiting, opened)
            waiting.remove(group)
            since = opened.get(group.targets[0], -math.inf)
            self.sleep(max(0.0, since + self._window_s({group.name}) - self.clock()))
            marker = new_marker()
            try:
                self._break(marker, group.deployment, {"kind": "status", "status": 500})
                found.append(self._edge(group, marker))
            finally:
                self._heal(marker)
            opened[group.name] = self.clock()
        return found

    def healthy(self, groups: Sequence[Group]) -> list[str]:
        """Ask every group in every form without any fault; return those that did not answer.

        Groups that rest, after a drill before this one for example, are waited for.
        """
        ill, began = self._ill(groups), self.clock()
        while ill and self.clock() - began < self._window_s({group.name for group in groups}):
            self.say(f"drill: {', '.join(group.name for group in ill)}: no answer yet; a rest?")
            self.sleep(AGAIN_S)
            ill = self._ill(ill)
        return [group.name for group in ill]

    def _ill(self, groups: Sequence[Group]) -> list[Group]:
        def well(group: Group) -> bool:
            answers = [self.asker.ask(group.name, form, new_marker()) for form in Form]
            return all(answer.by == group.deployment for answer in answers)

        return [group for group in groups if not well(group)]

    def _edge(self, group: Group, marker: str) -> Edge:
        promise = self.promises.of(FIVE_HUNDRED, group.name, Form.WHOLE)
        assert promise is not None  # noqa: S101 - about a 500 all settings say something
        at_once = promise.calls == 1
        bound_s = edge_bound_s(at_once=at_once, promised_s=promise.span.worst)
        times: dict[bool, list[float]] = {True: [], False: []}
        tried = 0
        for _ in range(COLD_AND_WARM):
            answer = self.asker.ask(group.name, Form.WHOLE, marker)
            log = attempts_of(self.sandbox.attempts(marker))
            now = sum(one.deployment == group.deployment for one in log)
            if answer.outcome is Outcome.ANSWER and answer.by != group.deployment:
                times[now > tried].append(answer.took_s)
            tried = now
            if len(times[False]) == WARM:
                break
        cold, warm = tuple(times[True]), tuple(times[False])
        return Edge(group.name, group.targets[0], bound_s, at_once, cold, warm)

    def _breakers(self, runs: Sequence[Run]) -> Breakers:
        names = {run.group.name for run in runs}
        room = min((self.promises.failures_until_rest(name) for name in names), default=1)
        return Breakers(int(min(room, 1000)), self._window_s(names), self.clock)

    def _window_s(self, names: Collection[str]) -> float:
        """Return how long a failure of these groups is remembered, at most."""
        return max((self.promises.rest_s(name) for name in names), default=0) + SPARE_S

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
            took = ended.took_s
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
                    self._break(marker, f"{provider}/*", fault.target_step)
            self._break(marker, run.group.deployment, fault.step)
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

    def _break(self, marker: str, deployment: str, step: Any) -> None:
        with self._lock:
            if self._closed:
                raise InterruptedError("the drill has ended")
            self._broken.add(marker)
            self.sandbox.break_for(marker, deployment, step)

    def _heal(self, marker: str) -> None:
        self.sandbox.heal_for(marker)
        with self._lock:
            self._broken.discard(marker)


def _next_rescued(waiting: Sequence[Group], opened: Mapping[str, float]) -> Group:
    """Choose a group whose target is well and that nobody else needs yet, if there is one."""
    needed = {group.targets[0] for group in waiting}

    def worse(group: Group) -> tuple[bool, bool, float]:
        target = group.targets[0]
        return (target in opened, group.name in needed, opened.get(target, 0.0))

    return min(waiting, key=worse)


def _disturbed(one: Result) -> bool:
    """Tell whether failures of other runs may be what was seen."""
    dead = not one.seen.alive and not one.run.fault.target_step
    return one.scored.score is Score.UNMET or dead


def _failed(ended: Result) -> bool:
    """Tell whether LiteLLM took the request to the primary for a failure."""
    answer = ended.seen.answer
    well = answer.outcome is Outcome.CUT_SHORT or answer.by == ended.seen.primary
    return not well or len(ended.seen.answers) > 1


def new_marker() -> str:
    """Return a word that no request before carried."""
    return f"{MARK}{uuid.uuid4().hex[:12]}"
