"""How long one model group's attempts at one request take: tries, time-outs, sleeps between them.

LiteLLM sleeps after every failed try, the last one included: before a fallback answers, a group
with `num_retries: n` has slept n + 1 times (litellm/router.py async_function_with_retries and
litellm/utils.py calculate_retry_after, the same from 1.84.0 to 1.109.1). `math.inf` stands for a
time that nothing bounds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

NEVER = math.inf
LONGEST_OBEYED_RETRY_AFTER_S = 60.0  # a longer Retry-After is not slept out (litellm/utils.py)
FULL_GROWN = 64  # the number of the sleep from which on doubling changes nothing that is sane


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in seconds: at best, as a rule, at worst."""

    best: float
    typical: float
    worst: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.best + other.best, self.typical + other.typical, self.worst + other.worst)

    def times(self, count: int) -> "Span":
        """Return `count` of it one after the other; none of it is no time, even of an endless."""
        if count <= 0:
            return ZERO
        return Span(self.best * count, self.typical * count, self.worst * count)


ZERO = Span(0.0, 0.0, 0.0)


def exactly(seconds: float) -> Span:
    """Return a duration that is always the same."""
    return Span(seconds, seconds, seconds)


class Backoff(NamedTuple):
    """What decides LiteLLM's sleeps: three variables of the process and `retry_after`.

    `minimum_s` is `router_settings.retry_after`: it lengthens a sleep, up to `longest_s`.
    """

    initial_s: float = 0.5
    longest_s: float = 8.0
    jitter_s: float = 0.75
    minimum_s: float = 0.0

    def sleep(self, number: int, retry_after_s: float | None = None) -> Span:
        """Return the sleep with this number, from 0; the provider may have asked for one."""
        if retry_after_s is not None and 0 < retry_after_s <= LONGEST_OBEYED_RETRY_AFTER_S:
            planned = retry_after_s
        else:
            doubled = self.initial_s * 2.0 ** min(number, FULL_GROWN)
            planned = min(max(doubled, self.minimum_s), self.longest_s)
        return Span(planned, planned + self.jitter_s / 2, planned + self.jitter_s)


def backoff_of(environment: Mapping[str, str], minimum_s: float = 0.0) -> Backoff:
    """Return the sleeps of a process with these variables; one that is no number counts as unset.

    (LiteLLM itself would not start with such a one.)
    """
    default = Backoff()
    return Backoff(
        _number(environment.get("INITIAL_RETRY_DELAY"), default.initial_s),
        _number(environment.get("MAX_RETRY_DELAY"), default.longest_s),
        _number(environment.get("JITTER"), default.jitter_s),
        minimum_s,
    )


def sleeps_s(backoff: Backoff, retries: int, retry_after_s: float | None = None) -> Span:
    """Return all sleeps of a group of one deployment that fails at every try."""
    count = retries + 1 if retries > 0 else 0
    whole = ZERO
    for number in range(min(count, FULL_GROWN)):
        whole += backoff.sleep(number, retry_after_s)
    return whole + backoff.sleep(FULL_GROWN, retry_after_s).times(count - FULL_GROWN)


def attempts_s(
    attempt: Span,
    *,
    retries: int,
    backoff: Backoff,
    retry_after_s: float | None = None,
    deployments: int = 1,
) -> Span:
    """Return how long a group takes to fail for good, from the first try to the fallback.

    `attempt` is one try, by whatever ends it. A group of several deployments does not sleep as
    long as one of them is healthy.
    """
    tried = attempt.times(max(retries, 0) + 1)
    return tried + sleeps_s(backoff, retries, retry_after_s) if deployments == 1 else tried


def _number(text: str | None, default: float) -> float:
    try:
        value = float(text) if text is not None else default
    except (TypeError, ValueError):
        return default
    return value if math.isfinite(value) and value >= 0 else default
