"""What the settings themselves promise for a fault, by the arithmetic of `gateway explain`."""

import math
from dataclasses import dataclass

from gateway.drill.fault import Fault, Ideal, Meets
from gateway.drill.seen import Form
from gateway.explain_attempts import ERRORS, SERVER_ERROR, ErrorClass, attempts
from gateway.explain_breaker import Breaker, breaker
from gateway.explain_lookup import Lookup, Served
from gateway.explain_scenarios import FAILED_TRY, HEALTHY, the_backoff
from gateway.explain_timeouts import longest
from gateway.explain_walk import Hop, walks
from gateway.subject import Subject
from gateway.worst_case import Span, attempts_s, exactly
from stacks.configuration import Configuration

_CLASSES = {one.name: one for one in ERRORS}


@dataclass(frozen=True, slots=True)
class Promise:
    """The time until the caller has an answer or an error, and the attempts at the primary.

    `time_out_s` is what one silent attempt lasts, None for faults that answer.
    """

    span: Span
    calls: int
    time_out_s: float | None = None


class Promises:
    """Computes the promises of one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self._subject = Subject(configuration)
        self._lookup = Lookup(self._subject)

    @property
    def version(self) -> str:
        """The version of LiteLLM that the arithmetic is about."""
        return self._subject.version

    def targets(self, group: str) -> tuple[str, ...]:
        """Return who is asked after the group, in order: its chain, or what `"*"` gives it."""
        return tuple(hop.target for hop in self._hops(group) if hop.served.found)

    def time_out_s(self, group: str, form: Form) -> float:
        """Return after how much silence an attempt is given up; infinite for never."""
        times = longest(self._subject, self._served(group).deployments)
        if times is None:
            return 0.0
        return (times.stream if form is Form.STREAM else times.whole).value

    def failures_until_rest(self, group: str) -> float:
        """Return how many failures a provider meets before its group rests; infinite for never."""
        allowed = self._breaker(group).of(SERVER_ERROR).allowed
        return math.inf if allowed is None else allowed.value + 1

    def rest_s(self, group: str) -> float:
        """Return how long failures are remembered, and how long a group rests."""
        return self._breaker(group).window_s.value

    def of(self, fault: Fault, group: str, form: Form) -> Promise | None:
        """Return the promise; None for a fault about which the settings say nothing."""
        if fault.meets is Meets.NONE or fault.lasts_s is not None:
            return None
        served = self._served(group)
        error = _CLASSES[fault.meets.value]
        tries = attempts(self._subject, group, served.deployments, error).tries
        silent = self._silence(fault, group, form)
        attempt = FAILED_TRY if silent is None else exactly(silent) + FAILED_TRY
        if silent is not None and silent >= fault.silence_s:
            return Promise(exactly(fault.silence_s) + HEALTHY, 1)  # it answers before that
        if fault.first_only and tries > 1:
            slept = the_backoff(self._subject).sleep(0, fault.retry_after_s)
            return Promise(attempt + slept + HEALTHY, 2)
        failed = self._failed(served, attempt, tries, fault.retry_after_s)
        others = self._others(fault, group, error)
        return Promise(failed + others + HEALTHY, tries, silent)

    def rescue_s(self, group: str) -> float:
        """Return how long a rescue from a 500 usually takes."""
        deployments = self._served(group).deployments
        tries = attempts(self._subject, group, deployments, SERVER_ERROR).tries
        return (self._failed(self._served(group), FAILED_TRY, tries, None) + HEALTHY).typical

    def _breaker(self, group: str) -> Breaker:
        return breaker(self._subject, self._served(group).deployments)

    def _silence(self, fault: Fault, group: str, form: Form) -> float | None:
        return self.time_out_s(group, form) if fault.meets is Meets.TIME_OUT else None

    def _failed(
        self, served: Served, attempt: Span, tries: int, retry_after_s: float | None
    ) -> Span:
        return attempts_s(
            attempt,
            retries=tries - 1,
            backoff=the_backoff(self._subject),
            retry_after_s=retry_after_s,
            deployments=len(served.deployments),
        )

    def _others(self, fault: Fault, group: str, error: ErrorClass) -> Span:
        """Return what failing targets cost, for a fault that they share."""
        whole = exactly(0.0)
        if fault.ideal is not Ideal.ERROR or not fault.target_step:
            return whole
        for hop in self._hops(group):
            found = attempts(self._subject, hop.target, hop.served.deployments, error)
            whole += self._failed(hop.served, FAILED_TRY, found.tries, None)
        return whole

    def _served(self, group: str) -> Served:
        return self._lookup.requested(group)

    def _hops(self, group: str) -> tuple[Hop, ...]:
        found = walks(self._lookup, group)
        return found[0].hops if found else ()
