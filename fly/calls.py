"""What one call to Fly's API is, and what its groups of methods ask of a connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and what is known about repeating it.

    `path` is below /v1 and escaped. `action` and `target` name the rate limit that it falls
    under. A call that is not `repeatable` is sent again only when it surely had no effect.
    Bodies may hold secrets, so they are not part of the repr; the strings in `hidden` are masked
    in whatever Fly answers.
    """

    method: str
    path: str
    action: str
    target: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    repeatable: bool = True
    awaited: bool = False  # the machine wait endpoint
    timeout_s: float | None = None  # for the answer; None: the connection's own
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def mutates(self) -> bool:
        """True when the call changes something."""
        return self.method != "GET"


class Connection(Protocol):
    """Sends calls; `fly.api` has the one that speaks HTTP."""

    def send(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send the call and read its answer with `parse`, which may raise for a strange one.

        Raises a `FlyError`: `FlyAmbiguous` only for a call that is not repeatable.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def clock(self) -> float:
        """Tell the time in seconds, from any start."""
        ...

    def now(self) -> float:
        """Tell the time in seconds since 1970."""
        ...

    def backoff_s(self, attempt: int) -> float:
        """Return a delay before the repetition `attempt`, counted from 0."""
        ...


def nothing(answer: Any) -> None:
    """Read an answer whose content does not matter."""
