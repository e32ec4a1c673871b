"""What the proof asks of a service that keeps an event for every call of a model."""

import ipaddress
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Event:
    """One call of a model, as LiteLLM told of it when the call had ended.

    `nonce` is the request's marker, `group` the model group that was called, `asked` the one that
    the caller named. `error` is a known phrase, never the provider's own text.
    """

    nonce: str
    failed: bool
    group: str
    asked: str
    at: str
    trace_id: str
    error: str = ""

    def record(self) -> dict[str, Any]:
        """Return it for the evidence."""
        return asdict(self)


class EventsError(Exception):
    """Raised when events cannot be read; the text says why, and quotes no key and no answer.

    `final`: asking again changes nothing. `retry_after_s`: the service named a time.
    """

    def __init__(self, why: str, *, final: bool = False, retry_after_s: float = 0) -> None:
        super().__init__(why)
        self.final = final
        self.retry_after_s = retry_after_s


class EventSource(Protocol):
    """Where events are read; `gateway.events.posthog` has the one there is."""

    name: str

    def events(self, nonces: Sequence[str], since: datetime, *, timeout_s: float) -> list[Event]:
        """Return the events of these requests that are there by now; `EventsError` otherwise."""
        ...


def is_loopback(address: str) -> bool:
    """Tell whether a service's address is of this machine: no proxy, and nobody who listens."""
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
