"""How long a caller waits when the providers of a chain fail in one of five ways, as arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.explain_attempts import RATE_LIMIT, SERVER_ERROR, TIMEOUT, ErrorClass, attempts
from gateway.explain_breaker import Breaker, breaker
from gateway.explain_lookup import Kind, Served
from gateway.explain_sources import number
from gateway.explain_timeouts import longest
from gateway.explain_walk import Hop
from gateway.subject import Subject, mapping
from gateway.worst_case import ZERO, Backoff, Span, attempts_s, backoff_of, exactly, sleeps_s

# Measured on 1.106.2 with providers that answer at once (docs/benchmarks.md names the method): a
# healthy call, what one failed try adds, what a group at rest adds. A model's own time to write
# its answer comes on top of every figure.
HEALTHY = Span(0.018, 0.030, 0.067)
FAILED_TRY = Span(0.015, 0.024, 0.055)
AT_REST = Span(0.009, 0.016, 0.030)
COLLECTION_S = 0.85  # one full garbage collection; none with PYTHON_GC_THRESHOLD=50000,50,50
RETRY_AFTER_S = 60.0  # the longest that LiteLLM obeys


class Fault(StrEnum):
    """What a provider does."""

    NONE = "healthy"
    SERVER_ERROR = "answers 500"
    RATE_LIMIT = "answers 429, Retry-After 60"
    HANG = "does not answer"


ERROR_OF: dict[Fault, ErrorClass] = {
    Fault.SERVER_ERROR: SERVER_ERROR,
    Fault.RATE_LIMIT: RATE_LIMIT,
    Fault.HANG: TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault, and the time until the caller has an answer or an error.

    `streamed` is None where it makes no difference. `everyone`: each group of the chain has the
    fault. `answered_by` is "" where the caller gets an error. `calls` counts the providers' calls.
    `rested` is the time once the breaker of every group that can rest is open; None where none can.
    """

    name: str
    streamed: bool | None
    everyone: bool
    cold: Span
    rested: Span | None
    calls: int
    answered_by: str

    @property
    def label(self) -> str:
        """The name, and whether the request is streamed where that makes a difference."""
        return self.name + {None: "", True: ", streamed", False: ""}[self.streamed]


def scenarios(times: "Times", served: Served, hops: tuple[Hop, ...]) -> tuple[Scenario, ...]:
    """Return every fault of the group, then those of its whole chain."""
    if not served.found:
        return ()
    chain = [served, *(hop.served for hop in hops)]
    rows: list[tuple[Fault, bool | None, bool]] = [
        (Fault.NONE, None, False),
        (Fault.SERVER_ERROR, None, False),
        (Fault.RATE_LIMIT, None, False),
        (Fault.HANG, False, False),
        (Fault.HANG, True, False),
    ]
    if len(chain) > 1:
        rows += [(Fault.HANG, False, True), (Fault.HANG, True, True)]
    return tuple(
        times.scenario(chain, fault, streamed=streamed, everyone=everyone)
        for fault, streamed, everyone in rows
    )


def the_backoff(subject: Subject) -> Backoff:
    """Return what decides the sleeps of this process."""
    least = number(subject.router_settings.get("retry_after"), subject.environment) or 0.0
    return backoff_of(subject.environment, max(least, 0.0))


class Times:
    """The time that one group takes to fail, and that a chain takes to answer.

    Keeps what it found out about a group: the groups of a configuration share their targets.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._failing: dict[tuple[str, Fault, bool], tuple[Span, int]] = {}
        self._breakers: dict[str, Breaker] = {}
        self._backoff = the_backoff(subject)
        collects = not subject.environment.get("PYTHON_GC_THRESHOLD")
        self._own = HEALTHY + Span(0.0, 0.0, COLLECTION_S if collects else 0.0)

    def scenario(
        self, chain: list[Served], fault: Fault, *, streamed: bool | None, everyone: bool
    ) -> Scenario:
        """Return one fault of the first group of a chain, or of `everyone` in it."""
        name = ("the whole chain" if everyone else "primary") + f" {fault}"
        if fault is Fault.NONE:
            first = chain[0].name
            return Scenario(str(fault), streamed, everyone, self._own, None, 1, first)
        failing, answering = _split(chain, everyone=everyone)
        cold, calls = ZERO, 0
        for group in failing:
            took, tried = self._fails(group, fault, streamed=bool(streamed))
            cold, calls = cold + took, calls + tried
        resting = {group.name for group in failing if self._can_rest(group, fault)}
        rested = self._rested(failing, resting, fault, streamed=bool(streamed))
        answered_by = answering.by or answering.name if answering is not None else ""
        return Scenario(
            name,
            streamed,
            everyone,
            cold + self._own,
            rested + self._own if resting else None,
            calls + (1 if answering is not None else 0),
            answered_by,
        )

    def breaker(self, group: Served) -> Breaker:
        """Return the breaker of a group."""
        if group.name not in self._breakers:
            self._breakers[group.name] = breaker(self._subject, group.deployments)
        return self._breakers[group.name]

    def _rested(
        self, failing: Iterable[Served], resting: set[str], fault: Fault, *, streamed: bool
    ) -> Span:
        whole = ZERO
        for group in failing:
            if group.name in resting:
                whole += AT_REST + self._rest_retries(group)
            else:
                whole += self._fails(group, fault, streamed=streamed)[0]
        return whole

    def _fails(self, group: Served, fault: Fault, *, streamed: bool) -> tuple[Span, int]:
        """Return how long a group takes to fail for good, and its calls."""
        key = group.name, fault, streamed
        if key not in self._failing:
            self._failing[key] = self._failed(group, fault, streamed=streamed)
        return self._failing[key]

    def _failed(self, group: Served, fault: Fault, *, streamed: bool) -> tuple[Span, int]:
        if not group.found:
            return ZERO, 0
        error = ERROR_OF[fault]
        found = attempts(self._subject, group.name, group.deployments, error)
        retries = found.tries - 1
        if not found.by_policy and self._rests_at_once(group, error):
            retries = 0  # with no deployment left there is nothing to retry on
        return (
            attempts_s(
                self._attempt(group, fault, streamed=streamed),
                retries=retries,
                backoff=self._backoff,
                retry_after_s=RETRY_AFTER_S if fault is Fault.RATE_LIMIT else None,
                deployments=len(group.deployments),
            ),
            retries + 1,
        )

    def _attempt(self, group: Served, fault: Fault, *, streamed: bool) -> Span:
        times = longest(self._subject, group.deployments)
        if fault is not Fault.HANG or times is None:
            return FAILED_TRY
        return exactly((times.stream if streamed else times.whole).value) + FAILED_TRY

    def _rests_at_once(self, group: Served, error: ErrorClass) -> bool:
        trips = self.breaker(group).of(error)
        single = len(group.deployments) == 1
        return single and trips.allowed is not None and trips.allowed.value < 1

    def _can_rest(self, group: Served, fault: Fault) -> bool:
        trips = self.breaker(group).of(ERROR_OF[fault])
        return group.found and group.kind is not Kind.PATTERN and trips.allowed is not None

    def _rest_retries(self, group: Served) -> Span:
        """Return the sleeps that `DefaultRetries` adds: it retries a group at rest as well."""
        policies = mapping(self._subject.router_settings.get("model_group_retry_policy"))
        policy = policies.get(group.name, self._subject.router_settings.get("retry_policy"))
        retries = number(mapping(policy).get("DefaultRetries"), self._subject.environment)
        return sleeps_s(self._backoff, int(retries or 0)) if len(group.deployments) == 1 else ZERO


def _split(chain: list[Served], *, everyone: bool) -> tuple[list[Served], Served | None]:
    """Return who fails, in order, and who answers: the first behind the group that exists."""
    if everyone:
        return chain, None
    answering = next((served for served in chain[1:] if served.found), None)
    return chain[:1], answering
