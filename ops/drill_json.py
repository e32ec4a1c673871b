"""The card of a drill as fields, with every run, its attempts and its answer."""

from collections.abc import Sequence
from typing import Any

from gateway.drill.card import Result, Row
from gateway.drill.speed import Edge, Times


def as_json(
    name: str, card: Sequence[Row], times: Sequence[Times], edges: Sequence[Edge]
) -> dict[str, Any]:
    """Return one gateway's card; times are in seconds."""
    return {
        "name": name,
        "faults": [_row(row) for row in card],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "bound_s": round(edge.bound_s, 3),
                "at_once": edge.at_once,
                "cold_s": [round(took, 4) for took in edge.cold],
                "warm_s": [round(took, 4) for took in edge.warm],
                "held": edge.held,
            }
            for edge in edges
        ],
        "times": [
            {
                "kind": one.kind,
                "count": one.count,
                "p50_s": round(one.p50, 4),
                "p99_s": round(one.p99, 4),
                "bound": one.bound,
                "held": one.held,
            }
            for one in times
        ],
    }


def _row(row: Row) -> dict[str, Any]:
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
        "promised_s": _finite(row.promised_s),
        "promised_tries": row.promised_calls,
        "kept": row.kept,
        "runs": [_run(one) for one in row.runs],
    }


def _run(one: Result) -> dict[str, Any]:
    answer, promise = one.seen.answer, one.promise
    promised = None
    if promise is not None:
        promised = {
            "worst_s": _finite(promise.span.worst),
            "tries": promise.calls,
            "time_out_s": _finite(promise.time_out_s),
        }
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
        "took_s": round(one.took_s, 3),
        "headers": {"model_group": answer.group, "attempted_fallbacks": answer.fallbacks},
        "promise": promised,
        "kept": one.kept,
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


def _finite(value: float | None) -> float | None:
    """Return a number that JSON has; what is infinite, or nothing, is null."""
    return None if value is None or value == float("inf") else round(value, 3)
