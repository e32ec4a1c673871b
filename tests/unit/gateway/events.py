"""A service that holds the events which a proof's requests would have left, or some of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.events.joining import controls_of, rescues_of
from gateway.events.source import Event, EventsError

START = 1_000.0


def told(evidence: Mapping[str, Any]) -> list[Event]:
    """Return every event that LiteLLM would have sent: a failure and an answer for each rescue."""
    events = []
    for number, (nonce, probe, target) in enumerate(rescues_of(evidence)):
        # A trace of its own for each half: LiteLLM may begin another one.
        events += [failure(nonce, probe, f"a{number}"), success(nonce, probe, target, f"b{number}")]
    return [*events, *(failure(nonce, probe) for nonce, probe in controls_of(evidence).items())]


def failure(nonce: str, probe: str, trace: str = "c") -> Event:
    """Return the event of a probe's dead primary."""
    error = "connection error"
    return Event(nonce, failed=True, group=probe, asked=probe, at="t", trace_id=trace, error=error)


def success(nonce: str, probe: str, target: str, trace: str = "c") -> Event:
    """Return the event of the target's answer."""
    return Event(nonce, failed=False, group=target, asked=probe, at="t", trace_id=trace)


@dataclass
class Service:
    """Answers by a script: a list of events, or an error to raise; the last one for ever."""

    answers: Sequence[list[Event] | EventsError]
    name: str = "posthog"
    asked: list[tuple[list[str], datetime, float]] = field(default_factory=list)

    def events(self, nonces: Sequence[str], since: datetime, *, timeout_s: float) -> list[Event]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append((list(nonces), since, timeout_s))
        if isinstance(answer, EventsError):
            raise answer
        return answer


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = START
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def without(events: Sequence[Event], leaves_out: Callable[[Event], bool]) -> list[Event]:
    """Return the events but those that a service lost."""
    return [event for event in events if not leaves_out(event)]
