"""How long the events of a proof are waited for, and how often a service is asked for them."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.events.joining import (
    all_joined,
    controls_of,
    each_edge_joined,
    events_record,
    has_answers,
    rescues_of,
    with_events,
)
from gateway.events.source import Event, EventsError, EventSource

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0  # a wait of 30 s is 8 queries, where PostHog allows a project 120 an hour
CLOCKS_APART = timedelta(minutes=5)  # between the proof's clock and the service's
LEAST_TIMEOUT_S = 2.0  # of a query that is begun at the end of the wait

Proofs = Sequence[Mapping[str, Any]]


def read_events(
    source: EventSource,
    proofs: Proofs,
    *,
    wait_s: float,
    progress: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[dict[str, Any]]:
    """Return each proof's evidence with its events, in order; never raises for what is missing.

    All proofs are looked for in one query. Ends when every half of every rescue is there, when
    each fallback has one whole rescue and a further look brought nothing new, when asking again
    is useless, or after `wait_s`.
    """
    asked = [proof for proof in proofs if has_answers(proof)]
    found, trouble, waited_s, looks = _wait(source, asked, wait_s, clock, sleep)
    told: list[dict[str, Any]] = []
    for proof in proofs:
        if not has_answers(proof):
            told.append(dict(proof))
            continue
        record = events_record(
            proof, found, source=source.name, trouble=trouble, waited_s=waited_s, looks=looks
        )
        told.append(with_events(proof, record))
    if looks:
        progress(_line(source, told, waited_s))
    return told


def _wait(
    source: EventSource,
    proofs: Proofs,
    wait_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[list[Event], str, float, int]:
    """Return the events, why they could not be read, the seconds it took and the queries."""
    nonces = _nonces(proofs)
    if not any(rescues_of(proof) for proof in proofs):
        return [], "", 0.0, 0
    since = min(datetime.fromisoformat(proof["started_at"]) for proof in proofs)
    since = since.astimezone(UTC) - CLOCKS_APART
    found: list[Event] = []
    started, pause, looks = clock(), FIRST_PAUSE_S, 0
    while True:
        before, trouble, looks, useless = len(found), "", looks + 1, False
        left = wait_s - (clock() - started)
        try:
            found = source.events(nonces, since, timeout_s=max(left, LEAST_TIMEOUT_S))
        except EventsError as error:
            trouble = str(error)
            useless = error.final or error.retry_after_s > left
            pause = max(pause, error.retry_after_s)
        left = wait_s - (clock() - started)
        if useless or left <= 0 or (not trouble and _enough(proofs, found, before)):
            break
        sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_S)
    # What was read before the service failed is still what it holds.
    return found, "" if found else trouble, round(clock() - started, 1), looks


def _enough(proofs: Proofs, found: Sequence[Event], before: int) -> bool:
    if all(all_joined(proof, found) for proof in proofs):
        return True
    nothing_new = len(found) == before
    return nothing_new and all(each_edge_joined(proof, found) for proof in proofs)


def _nonces(proofs: Proofs) -> list[str]:
    rescued = [rescue.nonce for proof in proofs for rescue in rescues_of(proof)]
    return [*rescued, *(nonce for proof in proofs for nonce in controls_of(proof))]


def _line(source: EventSource, told: Proofs, waited_s: float) -> str:
    rows = [row for proof in told for row in proof.get("events", {}).get("edges", ())]
    joined, rescues = sum(row["joined"] for row in rows), sum(row["rescues"] for row in rows)
    why = next((record for proof in told if (record := _missing(proof))), "")
    text = f"proof: {source.name} has both halves of {joined} of {rescues} rescues"
    return f"{text} after {waited_s:g} s" + (f": {why}" if why else "")


def _missing(proof: Mapping[str, Any]) -> str:
    return str(proof.get("events", {}).get("missing") or "")
