"""How the card of a drill is shown: a table, the reasons, the times, and the rule of the scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.drill.card import Result, Row, rows, seconds, speeds, tally, times_faster
from gateway.drill.scoring import RULE, Score
from gateway.drill.speed import TIMES_FASTER, Times
from ops.output import Output

ALONE = ("fault", "provider does", "score", ">took", ">tries", ">promised", "kept")
BESIDE = ("fault", "provider does", "score", ">took", ">tries", "published", ">took", ">tries")
KEPT = {True: "yes", False: "NO", None: "-"}


@dataclass(frozen=True, slots=True)
class Drilled:
    """One gateway's runs, and its rescues with the primary asked (`cold`) and at rest (`warm`)."""

    name: str
    results: tuple[Result, ...]
    cold: tuple[float, ...] = ()
    warm: tuple[float, ...] = ()

    @property
    def card(self) -> tuple[Row, ...]:
        """The card."""
        return rows(self.results)

    @property
    def times(self) -> tuple[Times, ...]:
        """How fast it rescued."""
        return speeds(self.results, warm=self.warm, cold=self.cold)


def show(
    found: Drilled, other: Drilled | None, *, limit_s: float, took_s: float, output: Output
) -> None:
    """Show one card, or two side by side, and answer with all of it."""
    card = found.card
    if other is None:
        output.table(ALONE, [(*_named(row), row.promised, KEPT[row.kept]) for row in card])
    else:
        beside = {row.fault.id: row for row in other.card}
        output.table(BESIDE, [(*_named(row), *_scored(beside[row.fault.id])) for row in card])
    output.show("")
    for line in reasons(card):
        output.show(line)
    output.show("")
    output.facts(tuple(_facts(found, other, limit_s, took_s)))
    output.answer(
        {
            "limit_s": limit_s,
            "seconds": round(took_s, 1),
            "rule": RULE,
            "here": as_json(found),
            "published": None if other is None else as_json(other),
            "times_faster": None if other is None else times_faster(found.results, other.results),
        }
    )


def reasons(card: Sequence[Row]) -> Iterator[str]:
    """Say why a fault is not a pass, once for each reason."""
    for row in card:
        said: dict[str, list[str]] = {}
        for one in row.runs:
            known = [f"known of this LiteLLM: {one.limit.what}"] if one.limit else []
            for reason in known or one.scored.reasons:
                said.setdefault(reason, []).append(f"{one.run.group.name}, {one.run.form.value}")
        for reason, where in said.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            yield f"{row.fault.id} {row.score.value}: {reason} ({where[0]}{more})"


def as_json(found: Drilled) -> dict[str, Any]:
    """Return a card with all its runs as fields."""
    return {
        "name": found.name,
        "faults": [_row_json(row) for row in found.card],
        "times": [
            {
                "kind": one.kind,
                "count": one.count,
                "p50_s": round(one.p50, 4),
                "p99_s": round(one.p99, 4),
                "bound": one.bound,
                "held": one.held,
            }
            for one in found.times
        ],
    }


def _named(row: Row) -> tuple[str, ...]:
    return (row.fault.id, row.fault.title, *_scored(row))


def _scored(row: Row) -> tuple[str, ...]:
    took = "hangs" if row.took is None else seconds(row.took)
    known = " (known)" if row.score is Score.FAIL and row.excused else ""
    return (f"{row.score.value}{known}", took, str(row.calls))


def _facts(
    found: Drilled, other: Drilled | None, limit_s: float, took_s: float
) -> Iterator[tuple[str, str]]:
    yield found.name, tally(found.card)
    if other is not None:
        yield other.name, tally(other.card)
        ratio = times_faster(found.results, other.results)
        if ratio is not None:
            yield "faster", f"{ratio:.0f} x, the same faults (promised: {TIMES_FASTER} x)"
    for one in found.times:
        measured = f"p50 {one.p50 * 1000:.0f} ms, p99 {one.p99 * 1000:.0f} ms, n = {one.count}"
        yield one.kind, f"{measured} ({one.bound}: {'held' if one.held else 'NOT HELD'})"
    yield "waited", f"{limit_s:g} s at most for each answer; longer counts as a hang"
    yield "scores", RULE
    yield "time", f"{took_s:.0f} s; all models are well again, breakers close by themselves"


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.fault.id,
        "title": row.fault.title,
        "does": row.fault.does,
        "correct": row.fault.correct,
        "source": row.fault.source,
        "score": row.score.value,
        "known_limit": row.excused,
        "took_s": None if row.took is None else round(row.took, 3),
        "tries": row.calls,
        "promised": row.promised,
        "kept": row.kept,
        "runs": [_run_json(one) for one in row.runs],
    }


def _run_json(one: Result) -> dict[str, Any]:
    answer, promise = one.seen.answer, one.promise
    promised = None
    if promise is not None:
        promised = {"worst_s": round(promise.span.worst, 3), "tries": promise.calls}
    return {
        "group": one.run.group.name,
        "form": one.run.form.value,
        "score": one.scored.score.value,
        "reasons": list(one.scored.reasons),
        "known_limit": one.limit.what if one.limit else None,
        "outcome": answer.outcome.value,
        "status": answer.status,
        "answered_by": answer.by or None,
        "error": answer.error or None,
        "took_s": round(answer.took_s, 3),
        "headers": {"model_group": answer.group, "attempted_fallbacks": answer.fallbacks},
        "promise": promised,
        "attempts": [
            {
                "after_s": round(attempt.at_s - one.seen.attempts[0].at_s, 3),
                "deployment": attempt.deployment,
                "given": attempt.given,
            }
            for attempt in one.seen.attempts
        ],
        "requests": len(one.seen.answers),
    }
