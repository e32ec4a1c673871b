"""How an explanation is told to who is on call: one screen for a model, a line for each of all."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from gateway.explain import Explanation
from gateway.explain_attempts import Attempts
from gateway.explain_breaker import Breaker, Trips
from gateway.explain_lookup import Order
from gateway.explain_precedence import Place
from gateway.explain_scenarios import Scenario
from gateway.explain_sources import Sourced
from gateway.explain_walk import Walk
from ops.check_input import Input

LABEL = 11  # columns of the first word of a line
WIDTH = 110  # columns at which a text is wrapped; tables are as wide as they are
LONG_S = 120  # seconds from which on a duration is said in minutes
MOST_HOPS = 8  # lines of a chain that are shown
MOST_REMARKS = 6
NAMES = {
    Order.GENERAL: "if it fails",
    Order.CONTEXT_WINDOW: "too long",
    Order.CONTENT_POLICY: "policy",
}


def one(found: Explanation, given: Input, *, meant: str | None) -> Iterator[str]:
    """Yield the lines about one model."""
    files = ", ".join(given.files)
    yield f"{found.model} on LiteLLM {found.version} ({files})"
    yield ""
    if not found.served.found:
        yield _row("answers", found.served.how)
        if meant is not None:
            yield _row("", f'did you mean "{meant}"?')
        return
    yield from _rows("answers", _answers(found))
    for walk in found.walks:
        if walk.exclusive or walk.order is Order.GENERAL:
            yield from _columns(NAMES[walk.order], _chain(walk, given))
    yield from _columns("tries", _tries(found.attempts, given))
    yield from _columns("gives up", _time_outs(found, given))
    if found.breaker is not None:
        yield from _rows("breaker", _breaker(found.breaker, given))
    yield from _rows("sleeps", _sleeps(found))
    yield ""
    yield from _times(found)
    yield from _rows("limits", _limits(found, given), before=True)
    yield ""
    yield "where a fallback can come from, the first asked first"
    yield from _places(found.precedence)
    yield from _rows("mind", found.remarks[:MOST_REMARKS], before=True)


def every(found: Sequence[Explanation], given: Input) -> Iterator[str]:
    """Yield a table of all groups: chain, time of a rescue, of a hang, of a dead chain."""
    version = found[0].version if found else given.configuration.version
    yield f"{len(found)} groups on LiteLLM {version} ({', '.join(given.files)})"
    yield ""
    rows = [("group", "answers 500", "hangs", "all hang", "then")]
    rows += [_summary(one) for one in found]
    yield from _table(rows, left=(0, 4))
    yield ""
    yield "worst time until an answer, without the model's own time to write it"


def duration(seconds: float) -> str:
    """Return a duration as a person says it."""
    if math.isinf(seconds):
        return "never"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    tenths = round(seconds, 1)
    if tenths < LONG_S:
        return f"{tenths:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


def _row(label: str, text: str) -> str:
    start = f"{label:<{LABEL}} "
    rest = " " * (LABEL + 3)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def _rows(label: str, texts: Iterable[str], *, before: bool = False) -> Iterator[str]:
    for at, text in enumerate(texts):
        if before and at == 0:
            yield ""
        yield _row(label if at == 0 else "", text)


def _columns(label: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that have columns of their own, which wrapping would break."""
    for at, line in enumerate(lines):
        yield f"{label if at == 0 else '':<{LABEL}} {line}".rstrip()


def _answers(found: Explanation) -> Iterator[str]:
    for one in found.deployments:
        provider = f" ({one.provider})" if one.provider else ""
        yield f"{one.model or one.group}{provider}"
    if found.served.how:
        yield found.served.how


def _chain(walk: Walk, given: Input) -> Iterator[str]:
    shown = walk.hops[:MOST_HOPS]
    wide = max((len(hop.target) for hop in shown), default=0)
    for at, hop in enumerate(shown, start=1):
        missing = "" if hop.served.found else "  (skipped)"
        yield f"{at}. {hop.target:<{wide}}  {_key(hop.path, given)}{missing}"
    if len(walk.hops) > MOST_HOPS:
        yield f"and {len(walk.hops) - MOST_HOPS} more"
    yield "then the caller gets the error" if walk.hops else "the caller gets the error"


def _tries(attempts: Sequence[Attempts], given: Input) -> Iterator[str]:
    together: dict[tuple[int, Sourced], list[str]] = {}
    for one in attempts:
        together.setdefault((one.tries, one.retries), []).append(one.error)
    rows = [(f"{tries} x", ", ".join(errors)) for (tries, _), errors in together.items()]
    wide = max(len(errors) for _, errors in rows)
    for (count, errors), (_, source) in zip(rows, together, strict=True):
        yield f"{count}  {errors:<{wide}}  {_source(source, given)}"


def _time_outs(found: Explanation, given: Input) -> Iterator[str]:
    times = found.time_outs
    if times is None:
        return
    whole = f"after {duration(times.whole.value)}"
    stream = f"streamed, after {duration(times.stream.value)} of silence"
    wide = max(len(whole), len(stream))
    yield f"{whole:<{wide}}  {_source(times.whole, given)}"
    yield f"{stream:<{wide}}  {_source(times.stream, given)}"


def _breaker(opens: Breaker, given: Input) -> Iterator[str]:
    window = duration(opens.window_s.value)
    together: dict[str, list[str]] = {}
    for trip in opens.trips:
        together.setdefault(_trip(trip, window, given), []).append(trip.error)
    for text, errors in together.items():
        yield f"{', '.join(errors)}: {text}"
    counted = "all workers together, in Redis" if opens.shared else "each worker for itself"
    source = _source(opens.window_s, given)
    yield f"rests {window} ({source}), or as long as Retry-After says; counted by {counted}"


def _trip(trip: Trips, window: str, given: Input) -> str:
    if trip.allowed is None:
        return f"never, {trip.why}"
    if trip.allowed.path is None:
        return f"at once, {trip.allowed.source}"
    number = int(trip.allowed.value) + 1
    failures = "the first failure" if number == 1 else f"{number} failures within {window}"
    return f"{failures} ({_source(trip.allowed, given)})"


def _sleeps(found: Explanation) -> Iterator[str]:
    if all(one.tries == 1 for one in found.attempts):
        yield "none: nothing is retried"
        return
    if len(found.deployments) > 1:
        yield "none as long as another deployment is healthy"
        return
    back = found.backoff
    yield (
        f"after each failed try, the last one too: {back.initial_s:g} s, doubled up to "
        f"{back.longest_s:g} s, and up to {back.jitter_s:g} s more; or Retry-After, up to 60 s"
    )


def _times(found: Explanation) -> Iterator[str]:
    head = ("until an answer", "best", "typical", "worst", "at rest", "calls", "answered by")
    rows: list[tuple[str, ...]] = [(*head, "longer than" if found.limits else "")]
    for wait in _different(found.scenarios):
        rested = duration(wait.rested.typical) if wait.rested is not None else "-"
        by = wait.answered_by or "nobody: an error"
        shown = (wait.cold.best, wait.cold.typical, wait.cold.worst)
        over = (limit.short for limit in found.limits if wait.label in limit.exceeded)
        times = (duration(seconds) for seconds in shown)
        rows.append((wait.label, *times, rested, str(wait.calls), by, ", ".join(over)))
    yield from _table(rows, left=(0, 6, 7))


def _different(scenarios: Sequence[Scenario]) -> Iterator[Scenario]:
    """Leave out a streamed request that takes as long as one that is not."""
    plain = {wait.name: wait for wait in scenarios if not wait.streamed}
    for wait in scenarios:
        like = plain.get(wait.name)
        if not wait.streamed or like is None or like.cold != wait.cold:
            yield wait


def _limits(found: Explanation, given: Input) -> Iterator[str]:
    for limit in found.limits:
        source = _source(limit.seconds, given)
        yield f"{limit.name} {duration(limit.seconds.value)} ({source}): {limit.meaning}"


def _places(places: Sequence[Place]) -> Iterator[str]:
    wide = max(len(place.name) for place in places)
    for at, place in enumerate(places, start=1):
        yield f"{at:>3}. {place.name:<{wide}}  {place.state.value:<8} {place.says}"


def _summary(found: Explanation) -> tuple[str, str, str, str, str]:
    if not found.served.found:
        return found.model, "-", "-", "-", "nothing serves this name"
    by_name: dict[str, list[Scenario]] = {}
    for wait in found.scenarios:
        by_name.setdefault(wait.name, []).append(wait)
    chain = " > ".join(hop.target for hop in found.walks[0].hops) or "the error"
    return (
        found.model,
        _longest(by_name.get("primary answers 500", ())),
        _longest(by_name.get("primary does not answer", ())),
        _longest(by_name.get("the whole chain does not answer", ())),
        chain,
    )


def _longest(waits: Iterable[Scenario]) -> str:
    worst = max((wait.cold.worst for wait in waits), default=None)
    return "-" if worst is None else duration(worst)


def _table(rows: Sequence[tuple[str, ...]], *, left: tuple[int, ...]) -> Iterator[str]:
    """Yield rows in columns; those that are not named as texts are numbers, to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [
            f"{cell:<{widths[at]}}" if at in left else f"{cell:>{widths[at]}}"
            for at, cell in enumerate(row)
        ]
        yield "  ".join(cells).rstrip()


def _source(sourced: Sourced, given: Input) -> str:
    return sourced.source if sourced.path is None else _key(sourced.path, given)


def _key(path: tuple[str | int, ...], given: Input) -> str:
    at = given.locate(path)
    return f"{at.key}, line {at.line}" if at.line else at.key
