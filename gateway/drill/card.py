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
from gateway.drill.speed import ANSWERED_AT_ONCE, Times, fast, hangs

OWN_WORK_S = 0.2  # what LiteLLM's own work may add to an arithmetic of sleeps and time-outs


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
        """Whether the promise was kept, in attempts and in time; None where there was none."""
        if self.promise is None or self.scored.score is Score.NOT_DRILLED:
            return None
        in_time = self.seen.answer.took_s <= self.promise.span.worst + OWN_WORK_S
        return in_time and len(self.seen.on_primary) == self.promise.calls


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
    def promised(self) -> str:
        """Say what the settings promise: a time and the attempts at the primary."""
        found = [one.promise for one in self.runs if one.promise is not None]
        if not found:
            return "-"
        longest = max(found, key=lambda promise: promise.span.worst)
        calls = max(promise.calls for promise in found)
        return f"{seconds(longest.span.worst)}, {calls} x"

    @property
    def kept(self) -> bool | None:
        """Whether every run kept its promise; None where none had one."""
        known = [one.kept for one in self.runs if one.kept is not None]
        return all(known) if known else None


def result(run: Run, promise: Promise | None, seen: Seen, scored: Scored, version: str) -> Result:
    """Return a run's result, with the known limit of the version that explains a failure."""
    limit = None
    if scored.score is Score.FAIL and seen.answer.outcome is Outcome.CUT_SHORT:
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
        took=None if hung else max(one.seen.answer.took_s for one in found),
        calls=max(len(one.seen.on_primary) for one in found),
        excused=bool(failed) and all(one.limit is not None for one in failed),
    )


def tally(card: Sequence[Row]) -> str:
    """Return how many faults have each score."""
    counted = {score: sum(row.score is score for row in card) for score in Score}
    return ", ".join(f"{count} {score.value}" for score, count in counted.items() if count)


def speeds(
    results: Sequence[Result], *, warm: Sequence[float] = (), cold: Sequence[float] = ()
) -> tuple[Times, ...]:
    """Return rescue times by kind: from answers, from silence, and with the breaker open.

    Rescues without a second attempt at the primary count: retries have times of their own.
    """
    at_once = [
        one.seen.answer.took_s
        for one in results
        if one.run.fault.meets in ANSWERED_AT_ONCE and one.seen.rescued and _tried_once(one)
    ]
    beyond = [
        one.seen.answer.took_s - one.promise.time_out_s
        for one in results
        if one.promise is not None and one.promise.time_out_s is not None and one.seen.rescued
    ]
    found = (
        fast("5xx or 429, primary asked", [*at_once, *cold]),
        fast("5xx, breaker open", warm),
        hangs("silence, beyond the time-out", beyond),
    )
    return tuple(times for times in found if times is not None)


def times_faster(ours: Sequence[Result], theirs: Sequence[Result]) -> float | None:
    """Return the median ratio of rescues of the same fault on the same group; None without any.

    A persistent 5xx or 429 without a Retry-After counts: one that is slept out has no bound.
    """
    other = {_key(one): one for one in theirs}
    ratios = [
        other[_key(one)].seen.answer.took_s / one.seen.answer.took_s
        for one in ours
        if _key(one) in other and _comparable(one) and other[_key(one)].seen.rescued
    ]
    return median(ratios) if ratios else None


def seconds(value: float) -> str:
    """Return a duration for a reader."""
    return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"  # noqa: PLR2004 - two digits


def _comparable(one: Result) -> bool:
    fault = one.run.fault
    special = fault.first_only or fault.retry_after_s is not None or fault.lasts_s is not None
    return fault.meets in ANSWERED_AT_ONCE and not special and one.seen.rescued


def _tried_once(one: Result) -> bool:
    return len(one.seen.on_primary) == 1


def _key(one: Result) -> tuple[str, str, str]:
    return (one.run.fault.id, one.run.form.value, one.run.group.name)
