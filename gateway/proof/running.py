"""One whole proof of a gateway, from its plan to its evidence."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from gateway.proof.asking import Asker
from gateway.proof.breaker import breaker_record
from gateway.proof.chains import compare_chains
from gateway.proof.counters import counter_record, read_counters
from gateway.proof.evidence import sealed, sha256
from gateway.proof.faults import FAULTS
from gateway.proof.limits import LIMITS
from gateway.proof.looking import Looks, cases_of, look_at, phases, size_told
from gateway.proof.plan import SCHEMA, Edge, Plan, read_plan
from gateway.proof.recording import (
    RULE,
    edge_line,
    edge_reasons,
    edge_records,
    grade_record,
    rescues_seen,
    target_records,
)
from gateway.proof.verdicts import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

NOT_INSIDE = "the proof does not run inside the machine"
UNREAD = "the counters could not be read"
NO_ADDRESS = "no metrics address is known here"
NO_EVENTS = "no source of events is configured for the proof"

Progress = Callable[[str], None]


class Faults(Protocol):
    """A dead primary of the proof's own, as `gateway.proof.fault_endpoint` has it."""

    def attempts(self, nonce: str) -> int:
        """Return how often the request with this marker reached it."""
        ...

    def open(self) -> AbstractContextManager[str]:
        """Be reachable until the block ends; the value is the token."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a proof has beside the gateway's own address.

    `metrics_url` holds LiteLLM's counters. `faults` are the proof's own: only where it runs in the
    gateway's machine, on whose loopback they open. `breaker`: the breaker is proven too, which
    takes as long as the breaker stays open. `sleep` is only for that.
    """

    metrics_url: str | None = None
    faults: "Faults | None" = None
    breaker: bool = False
    sleep: Callable[[float], None] | None = None


def run(
    plan: Mapping[str, Any],
    *,
    client: "httpx.Client",
    key: str,
    clock: Callable[[], float],
    nonce: Callable[[], str],
    progress: Progress,
    surroundings: Surroundings | None = None,
) -> dict[str, Any]:
    """Look at every edge of the plan and return the evidence; never raises for what it meets.

    `client` carries the gateway's address and is used from several threads; `clock` counts
    seconds since the epoch and never goes back. Takes at most the plan's `total_timeout_s`, plus
    one request's time-out; the breaker's proof takes its own time.
    """
    told, around, started = read_plan(plan), surroundings or Surroundings(), clock()
    attempts = around.faults.attempts if around.faults else lambda _: 0
    asker = Asker(told, client, key, clock, nonce, attempts)
    before = read_counters(asker, around.metrics_url)
    chains = compare_chains(asker, told.chains)
    looks, why_no_faults = Looks(), NOT_INSIDE
    if chains.may_ask:
        progress(f"proof: {size_told(told, owned=around.faults is not None)}, at {client.base_url}")
        why_no_faults = _look(told, asker, around.faults, looks, progress)
    # From outside no owned fault can be had, and what needs one is not this proof's to judge.
    asked = [edge for edge in told.edges if around.faults or not _needs_owned_fault(edge)]
    edges = edge_records(asked, told, looks, chains, why_no_faults)
    for record in edges:
        if record["verdict"] != Verdict.PASSED:
            progress(edge_line(record))
    counters = counter_record(before, read_counters(asker, around.metrics_url), rescues_seen(looks))
    breaker = (
        breaker_record(asker, told.breaker, clock, around.sleep, progress)
        if around.breaker and around.sleep is not None and chains.may_ask
        else None
    )
    verdicts = [chains.verdict, *(Verdict(edge["verdict"]) for edge in edges)]
    reasons = [*chains.reasons, *edge_reasons(edges if chains.may_ask else [])]
    if breaker is not None:
        verdicts.append(Verdict(breaker["verdict"]))
        reasons += [f"breaker: {reason}" for reason in breaker["reasons"]]
    evidence = sealed(
        {
            "schema": SCHEMA,
            "verdict": worst(verdicts),
            "reasons": reasons,
            "rule": RULE,
            "started_at": datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds"),
            "duration_s": round(clock() - started, 3),
            "url": str(client.base_url),
            "litellm_version": {"expected": told.litellm_version, "seen": sorted(asker.versions)},
            "plan_digest": sha256(plan),
            "bounds": asdict(told.bounds),
            "requests": asker.spending.requests,
            "cost_usd": round(asker.spending.cost_usd, 6),
            "unpriced": asker.spending.unpriced,
            "edges": edges,
            "unproven": [
                *told.unproven,
                *(edge.named | {"why": NOT_INSIDE} for edge in told.edges if edge not in asked),
            ],
            "known_limits": _limits(edges),
            "targets": target_records(looks),
            "chains": chains.record(),
            "counters": counters,
            "faults": {"owned": not why_no_faults, "why_not": why_no_faults},
            "evidence": grade_record(_sources(counters, around.metrics_url, why_no_faults)),
            "breaker": breaker,
        }
    )
    progress(f"proof: {evidence['verdict']} in {evidence['duration_s']:.1f} s")
    return evidence


def _look(
    told: Plan,
    asker: Asker,
    faults: Faults | None,
    looks: Looks,
    progress: Progress,
) -> str:
    """Look at all cases; return why the owned faults were not to be had, or an empty text."""
    closed, owned = phases(cases_of(told, owned=faults is not None))
    look_at(asker, closed, looks, progress)
    if faults is None:
        return NOT_INSIDE
    if not owned:
        return ""
    try:
        with opened(faults, asker):
            look_at(asker, owned, looks, progress)
    except OSError as error:
        why = f"port {told.fault_port} could not be opened ({error.strerror})"
        return f"{why}: is another proof at work?"
    return ""


@contextmanager
def opened(faults: Faults, asker: Asker) -> "Iterator[None]":
    """Keep the proof's own faults reachable until the block ends; OSError: a taken port."""
    with faults.open() as token:
        asker.token = token
        try:
            yield
        finally:
            asker.token = None


def _needs_owned_fault(edge: Edge) -> bool:
    return all(FAULTS[fault].owned for fault in edge.faults)


def _limits(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    met = {case.get("known_limit") for edge in edges for case in edge["cases"]}
    return [limit.record() for limit in LIMITS if limit.id in met]


def _sources(
    counters: Mapping[str, Any] | None, metrics_url: str | None, why_no_faults: str
) -> dict[str, str | None]:
    unread = UNREAD if metrics_url else NO_ADDRESS
    return {
        "headers": None,
        "counters": None if counters is not None else unread,
        "attempts": why_no_faults or None,
        "events": NO_EVENTS,
    }
