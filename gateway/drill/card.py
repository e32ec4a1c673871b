"""The card of a drill: one row per fault, with its score, its times and what was promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from gateway.drill.assignment import Run
from gateway.drill.fault import Fault
from gateway.drill.known_limits import KnownLimit, known_limit
from gateway.drill.promise import Promise
from gateway.drill.scoring import Score, Scored, worst
from gateway.drill.seen import Outcome, Seen
from gateway.drill.speed import ANSWERED_AT_ONCE, OWN_WORK_S, Edge, Times, fast, hangs

MINUTES_FROM_S = 600
HOURS_FROM_S = 6000


@dataclass(frozen=True, slots=True)
class Result:
    """One run, what was promised, what was seen, and how it is scored.

    `limit` is set when the run failed in a way that is known of this version of LiteLLM.
    """

    run: Run
    promise: Promise | None
    seen: Seen
    scored: Scored
    limit: KnownLimit | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept, in attempts and in time.

        None where there was none, or where the drill broke off before its time was over.
        """
        if self.promise is None or self.scored.score is Score.UNMET:
            return None
        in_time = self.took_s <= self.promise.span.worst + OWN_WORK_S
        if in_time and self.seen.answer.outcome is Outcome.HANG:
            return None
        return in_time and len(self.seen.on_primary) == self.promise.calls

    @property
    def took_s(self) -> float:
        """Return what the run's slowest answer took."""
        return max(answer.took_s for answer in self.seen.answers)

    @property
    def at_once(self) -> bool:
        """Whether the settings promise that the target is asked after the first failure."""
        return self.promise is not None and self.promise.calls == 1


@dataclass(frozen=True, slots=True)
class Row:
    """One fault on the card; times in seconds and attempts at the primary are its runs' worst.

    `took` is None where a run hung: nobody knows how long. `excused` says that all that failed is
    known of this version of LiteLLM: no setting mends it.
    """

    fault: Fault
    score: Score
    runs: tuple[Result, ...]
    took: float | None
    calls: int
    excused: bool

    @property
    def promised_s(self) -> float | None:
        """The longest time that the settings promise for it; None without a promise."""
        found = [one.promise.span.worst for one in self.runs if one.promise is not None]
        return max(found, default=None)

    @property
    def promised_calls(self) -> int | None:
        """The most attempts at a primary that they promise."""
        return max((one.promise.calls for one in self.runs if one.promise), default=None)

    @property
    def kept(self) -> bool | None:
        """Whether every run kept its promise; None where none had one."""
        known = [one.kept for one in self.runs if one.kept is not None]
        return all(known) if known else None


def result(run: Run, promise: Promise | None, seen: Seen, scored: Scored, version: str) -> Result:
    """Return a run's result, with the known limit of the version that explains a failure."""
    limit = None
    only_cut = seen.answer.outcome is Outcome.CUT_SHORT and len(scored.required) == 1
    if scored.score is Score.FAIL and only_cut:
        limit = known_limit(version, run.fault.id, run.form, run.group.provider)
    return Result(run, promise, seen, scored, limit)


def rows(results: Iterable[Result]) -> tuple[Row, ...]:
    """Return the card, in the order in which faults first appear."""
    by_fault: dict[str, list[Result]] = {}
    for one in results:
        by_fault.setdefault(one.run.fault.id, []).append(one)
    return tuple(_row(tuple(found)) for found in by_fault.values())


def _row(found: tuple[Result, ...]) -> Row:
    hung = any(one.seen.answer.outcome is Outcome.HANG for one in found)
    failed = [one for one in found if one.scored.score is Score.FAIL]
    return Row(
        fault=found[0].run.fault,
        score=worst(one.scored.score for one in found),
        runs=found,
        took=None if hung else max(one.took_s for one in found),
        calls=max(len(one.seen.on_primary) for one in found),
        excused=bool(failed) and all(one.limit is not None for one in failed),
    )


def tally(card: Sequence[Row]) -> str:
    """Return how many faults have each score."""
    counted = {score: sum(row.score is score for row in card) for score in Score}
    return ", ".join(f"{count} {score.value}" for score, count in counted.items() if count)


def speeds(results: Sequence[Result], edges: Sequence[Edge] = ()) -> tuple[Times, ...]:
    """Return rescue times by kind: from answers, with the breaker open, and from silence.

    The first and the last are of groups whose target is asked at once, with or without success in
    that: an attempt that was not promised shows in its time.
    """
    answered = [
        one.seen.answer.took_s
        for one in results
        if one.run.fault.meets in ANSWERED_AT_ONCE and one.at_once and one.seen.rescued
    ]
    beyond = [
        one.seen.answer.took_s - one.promise.time_out_s
        for one in results
        if one.promise and one.promise.time_out_s is not None and one.at_once and one.seen.rescued
    ]
    cold = [took for edge in edges if edge.at_once for took in edge.cold]
    found = (
        fast("5xx or 429", [*answered, *cold]),
        fast("breaker open", [took for edge in edges for took in edge.warm]),
        hangs("after the time-out", beyond),
    )
    return tuple(times for times in found if times is not None)


def times_faster(
    ours: Sequence[Result], theirs: Sequence[Result], *, at_once: bool
) -> float | None:
    """Return the median ratio of rescues of the same fault on the same group; None without any.

    A persistent 5xx or 429 without a Retry-After counts: one that is slept out has no bound.
    `at_once` chooses groups whose target we ask after the first failure, or the others.
    """
    other = {_key(one): one for one in theirs}
    ratios = [
        other[_key(one)].seen.answer.took_s / one.seen.answer.took_s
        for one in ours
        if one.at_once is at_once
        and _key(one) in other
        and _comparable(one)
        and other[_key(one)].seen.rescued
    ]
    return median(ratios) if ratios else None


def seconds(value: float) -> str:
    """Return a duration for a reader, in six characters at most."""
    if value >= HOURS_FROM_S:
        return "never" if value == float("inf") else f"{value / 3600:.1f} h"
    if value >= MINUTES_FROM_S:
        return f"{value / 60:.0f} min"
    return f"{value:.2f} s" if value < 9.995 else f"{value:.{1 if value < 99.95 else 0}f} s"  # noqa: PLR2004 - digits


def _comparable(one: Result) -> bool:
    fault = one.run.fault
    special = fault.first_only or fault.retry_after_s is not None or fault.lasts_s is not None
    return fault.meets in ANSWERED_AT_ONCE and not special and one.seen.rescued


def _key(one: Result) -> tuple[str, str, str]:
    return (one.run.fault.id, one.run.form.value, one.run.group.name)
