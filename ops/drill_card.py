"""How the card of a drill is shown: tables, the reasons, the times, and the rule of the scores."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.drill.card import Result, Row, rows, seconds, speeds, tally, times_faster
from gateway.drill.scoring import RULE, Score
from gateway.drill.speed import TIMES_FASTER, Edge, Times
from ops.drill_json import as_json
from ops.output import Output

WIDTH = 100
ALONE = ("id", "provider does", "score", ">took", ">tries", ">promise", "kept")
BESIDE = (
    *("id", "provider does", "ours", ">took", ">tries", ">promise"),
    *("published", ">took", ">tries", ">promise"),
)
EDGES = ("rescue from a 500", ">primary asked", ">at rest", ">bound", "held")
YES_NO = {True: "yes", False: "NO", None: "-"}
TRIES = (
    "took: the slowest run. tries: at the primary, seen/promised. promise: the longest that the"
    " settings' own arithmetic gives (`gateway explain`); ! after it: not kept. *: known of this"
    " LiteLLM, no setting mends it"
)


@dataclass(frozen=True, slots=True)
class Drilled:
    """One gateway's runs, and its rescues edge by edge."""

    name: str
    results: tuple[Result, ...]
    edges: tuple[Edge, ...] = ()

    @property
    def card(self) -> tuple[Row, ...]:
        """The card."""
        return rows(self.results)

    @property
    def times(self) -> tuple[Times, ...]:
        """How fast it rescued."""
        return speeds(self.results, self.edges)


def show(
    found: Drilled, other: Drilled | None, *, limit_s: float, took_s: float, output: Output
) -> None:
    """Show one card, or two side by side, and answer with all of it."""
    card = found.card
    if other is None:
        output.table(
            ALONE, [(*_named(row, limit_s), _promise(row), YES_NO[row.kept]) for row in card]
        )
    else:
        beside = {row.fault.id: row for row in other.card}
        output.table(BESIDE, [_beside(row, beside[row.fault.id], limit_s) for row in card])
    _say(TRIES, output)
    output.show("")
    for line in reasons(card):
        _say(line, output)
    if found.edges:
        output.show("")
        output.table(EDGES, [_edge(edge) for edge in found.edges])
    output.show("")
    for name, value in _facts(found, other, limit_s, took_s):
        _say(f"{name:<18}  {value}", output, indent=20)
    output.answer(_document(found, other, limit_s, took_s))


def reasons(card: Sequence[Row]) -> Iterator[str]:
    """Say why a run is not a pass, once for each reason."""
    for row in card:
        said: dict[tuple[str, str], list[str]] = {}
        for one in row.runs:
            known = [f"known of this LiteLLM: {one.limit.what}"] if one.limit else []
            for reason in known or one.scored.reasons:
                where = f"{one.run.group.name}, {one.run.form.value}"
                said.setdefault((one.scored.score.value, reason), []).append(where)
        for (score, reason), found in said.items():
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            yield f"{row.fault.id} {score}: {reason} ({found[0]}{more})"


def _named(row: Row, limit_s: float) -> tuple[str, ...]:
    return (row.fault.id, row.fault.title, *_scored(row, limit_s))


def _beside(ours: Row, theirs: Row, limit_s: float) -> tuple[str, ...]:
    mine = (*_named(ours, limit_s), _promise(ours, mark=True))
    return (*mine, *_scored(theirs, limit_s), _promise(theirs, mark=True))


def _scored(row: Row, limit_s: float) -> tuple[str, ...]:
    took = f"> {limit_s:g} s" if row.took is None else seconds(row.took)
    known = "*" if row.score is Score.FAIL and row.excused else ""
    promised = "-" if row.promised_calls is None else row.promised_calls
    return (f"{row.score.value}{known}", took, f"{row.calls}/{promised}")


def _promise(row: Row, *, mark: bool = False) -> str:
    if row.promised_s is None:
        return "-"
    return seconds(row.promised_s) + ("!" if mark and row.kept is False else "")


def _edge(edge: Edge) -> tuple[str, ...]:
    def worst(found: Sequence[float]) -> str:
        return f"{max(found) * 1000:.0f} ms" if found else "-"

    name = f"{edge.source} -> {edge.target}"
    bound = f"{edge.bound_s * 1000:.0f} ms"
    return (name, worst(edge.cold), worst(edge.warm), bound, YES_NO[edge.held])


def _facts(
    found: Drilled, other: Drilled | None, limit_s: float, took_s: float
) -> Iterator[tuple[str, str]]:
    yield found.name, tally(found.card)
    if other is not None:
        yield other.name, tally(other.card)
        at_once, later = _faster(found, other)
        if at_once is not None:
            promised = f"(promised: {TIMES_FASTER} x)"
            yield "faster", f"{at_once:.0f} x where the target is asked at once {promised}"
        if later is not None:
            yield "", f"{later:.0f} x where the model has no chain of its own and is tried again"
    for one in found.times:
        measured = f"p50 {one.p50 * 1000:.0f} ms, p99 {one.p99 * 1000:.0f} ms, n = {one.count}"
        yield one.kind, f"{measured} ({one.bound}: {'held' if one.held else 'NOT HELD'})"
    yield "waited", f"{limit_s:g} s at most for each answer; longer counts as a hang"
    yield "scores", RULE
    yield "time", f"{took_s:.0f} s; every fault is taken back, breakers close by themselves"


def _faster(found: Drilled, other: Drilled) -> tuple[float | None, float | None]:
    """Return how many times faster we are where the target is asked at once, and elsewhere."""
    return (
        times_faster(found.results, other.results, at_once=True),
        times_faster(found.results, other.results, at_once=False),
    )


def _document(
    found: Drilled, other: Drilled | None, limit_s: float, took_s: float
) -> dict[str, Any]:
    at_once, later = (None, None) if other is None else _faster(found, other)
    return {
        "limit_s": limit_s,
        "seconds": round(took_s, 1),
        "rule": RULE,
        "here": as_json(found.name, found.card, found.times, found.edges),
        "published": None
        if other is None
        else as_json(other.name, other.card, other.times, other.edges),
        "times_faster": {"at_once": at_once, "tried_again": later},
    }


def _say(text: str, output: Output, *, indent: int = 4) -> None:
    output.show(textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False))
