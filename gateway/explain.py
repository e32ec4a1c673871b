"""What happens to a request for one model: who is tried, how often, in which order, how long."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from gateway.explain_attempts import RATE_LIMIT, SERVER_ERROR, TIMEOUT, Attempts, all_attempts
from gateway.explain_breaker import Breaker
from gateway.explain_limits import Limit, limits
from gateway.explain_lookup import IN_DATABASE, Kind, Lookup, Served
from gateway.explain_precedence import Place, precedence
from gateway.explain_scenarios import (
    COLLECTION_S,
    RETRY_AFTER_S,
    Scenario,
    Times,
    scenarios,
    the_backoff,
)
from gateway.explain_timeouts import TimeOuts, longest, time_outs
from gateway.explain_walk import Walk, walks
from gateway.subject import WILDCARD, Deployment, Subject
from gateway.worst_case import Backoff
from stacks.configuration import Configuration
from stacks.paths import Path, spell

COLLECTS = "PYTHON_GC_THRESHOLD=50000,50,50 avoids it"


@dataclass(frozen=True, slots=True)
class Answering:
    """One deployment that a request may be sent to; `path` is None where the file has it not."""

    group: str
    model: str
    provider: str
    path: Path | None
    time_outs: TimeOuts


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known about requests for one model; `remarks` are what a reader may not expect.

    Everything but `served`, `precedence` and `remarks` is empty for a name that nothing serves.
    """

    version: str
    model: str
    served: Served
    deployments: tuple[Answering, ...]
    attempts: tuple[Attempts, ...]
    backoff: Backoff
    walks: tuple[Walk, ...]
    breaker: Breaker | None
    time_outs: TimeOuts | None
    scenarios: tuple[Scenario, ...]
    limits: tuple[Limit, ...]
    precedence: tuple[Place, ...]
    remarks: tuple[str, ...]


def explain(
    configuration: Configuration, group: str, *, client_timeout_s: float | None = None
) -> Explanation:
    """Explain one model, by any name that a caller may use; never raises."""
    return Explainer(configuration, client_timeout_s=client_timeout_s).explain(group)


class Explainer:
    """Explains any number of models of one configuration with indexes built once."""

    def __init__(
        self, configuration: Configuration, *, client_timeout_s: float | None = None
    ) -> None:
        self.configuration = configuration
        self.subject = Subject(configuration)
        self._lookup = Lookup(self.subject)
        self._times = Times(self.subject)
        self._client_timeout_s = client_timeout_s

    def explain(self, group: str) -> Explanation:
        """Explain one model."""
        served = self._lookup.requested(group)
        tried = walks(self._lookup, group) if served.found else ()
        waits = scenarios(self._times, served, tried[0].hops if tried else ())
        opens = self._times.breaker(served) if served.found else None
        found = Explanation(
            version=self.subject.version,
            model=group,
            served=served,
            deployments=tuple(self._answering(one) for one in served.deployments),
            attempts=all_attempts(self.subject, group, served.deployments) if served.found else (),
            backoff=the_backoff(self.subject),
            walks=tried,
            breaker=opens,
            time_outs=longest(self.subject, served.deployments),
            scenarios=waits,
            limits=limits(self.configuration, waits, client_timeout_s=self._client_timeout_s),
            precedence=precedence(self._lookup, group),
            remarks=(),
        )
        return dataclasses.replace(found, remarks=tuple(_remarks(found)))

    def named_groups(self) -> tuple[str, ...]:
        """Return every group of the file, and after them what only chains name, `"*"` left out."""
        names = dict.fromkeys(self.subject.groups)
        for chain in self.subject.chains:
            if chain.source != WILDCARD:
                names.setdefault(chain.source)
            for target in chain.targets:
                names.setdefault(target)
        return tuple(name for name in names if name)

    def _answering(self, deployment: Deployment) -> Answering:
        times = time_outs(self.subject, deployment)
        path = deployment.path if deployment.index != IN_DATABASE else None
        return Answering(deployment.name, deployment.model, deployment.provider, path, times)


def as_json(value: Any) -> Any:
    """Return an explanation, or a part of it, as JSON can hold it; an endless time is null.

    Of a deployment only names are kept: its parameters may hold a key by value. A path is spelled.
    """
    if isinstance(value, Deployment):
        return {"group": value.name, "model": value.model, "provider": value.provider}
    names = _fields(value)
    if names:
        held = {name: getattr(value, name) for name in names}
        return {
            name: spell(each) if name == "path" and each else as_json(each)
            for name, each in held.items()
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [as_json(entry) for entry in value]
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and math.isinf(value) else value


def _fields(value: Any) -> tuple[str, ...]:
    if isinstance(value, type):
        return ()
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return getattr(value, "_fields", ())


def _remarks(found: Explanation) -> Iterator[str]:
    if not found.served.found:
        return
    general = found.walks[0]
    if not general.hops:
        yield "no chain, and nothing else rescues it: its errors reach the caller"
    for walk in found.walks:
        for hop in walk.hops:
            if hop.served.kind in (Kind.NOTHING, Kind.DEFAULT):
                yield f"{hop.target}: {hop.served.how}"
        for target, why in walk.skipped:
            if why != "tried already" or not walk.hops:
                yield f"{target} is never reached: {why}"
        if walk.exclusive and not walk.hops:
            said = f"`{walk.order.value}` exists and has no entry for this group"
            yield f"{said}, so nothing rescues it from an error of that kind"
    yield from _about_retries(found)
    worst = found.scenarios[0].cold.worst
    if worst >= COLLECTION_S:
        yield f"each worst case holds a garbage collection of {COLLECTION_S:g} s: {COLLECTS}"
    yield from _about_the_breaker(found)


def _about_retries(found: Explanation) -> Iterator[str]:
    by_class = {one.error: one for one in found.attempts}
    limited = by_class[RATE_LIMIT.name]
    if limited.tries > 1 and len(found.deployments) == 1:
        slept = limited.tries * RETRY_AFTER_S
        yield (
            f"a Retry-After of 60 s is slept out {limited.tries} times, {slept:g} s, before any "
            f"fallback ({limited.retries.source})"
        )
    for one in found.attempts:
        if one.by_policy and one.tries > 1 and one.error in ("400", "401", "404"):
            yield f"{one.retries.source} retries a {one.error}, which no retry can mend"
            break
    if found.time_outs is not None and found.time_outs.deaf:
        yield (
            "its streams ignore every time-out but `litellm_settings.request_timeout`"
            f" ({found.time_outs.stream.source}: {found.time_outs.stream.value:g} s)"
        )


def _about_the_breaker(found: Explanation) -> Iterator[str]:
    opens, times = found.breaker, found.time_outs
    if opens is None or times is None:
        return
    server_error = opens.of(SERVER_ERROR)
    if server_error.allowed is None:
        yield f"no breaker for 5xx: {server_error.why}"
    hang = opens.of(TIMEOUT)
    longest_s = max(times.whole.value, times.stream.value)
    allowed = hang.allowed.value if hang.allowed is not None else 0
    if allowed >= 1 and longest_s > opens.window_s.value:
        yield (
            f"one hang lasts {longest_s:g} s and is remembered for {opens.window_s.value:g} s: "
            "only hangs at the same time open the breaker, never one after the other"
        )
    if not opens.shared and opens.workers > 1 and allowed >= 1:
        yield f"without Redis each of {opens.workers} workers counts failures for itself"
