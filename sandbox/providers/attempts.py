"""What the providers were asked lately: one record per request, with no more of it than its marker.

A marker is a word such as `drill-0a1b2c3d4e5f` in the prompt by which a caller finds its own
requests again; the prompt itself is not kept.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 2000  # records; the oldest make room
_MARKER = re.compile(r"\b[a-z]+-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that reached a model.

    `number` counts from 1 and never starts again, `at` is in seconds of the providers' clock,
    `given` the kind of answer, `tokens` the size of the question, `prefilled` whether the last
    message was the assistant's own: a client that wants an answer continued.
    """

    number: int
    at: float
    provider: str
    model: str
    streamed: bool
    given: str
    marker: str
    tokens: int
    prefilled: bool


@dataclass(slots=True)
class AttemptLog:
    """The last requests, in order of arrival; in memory only."""

    kept: int = KEPT
    _number: int = 0
    _records: deque[Attempt] = field(default_factory=deque)

    def add(self, **what: Any) -> None:
        """Note one request; the fields are those of `Attempt` without its number."""
        self._number += 1
        self._records.append(Attempt(self._number, **what))
        while len(self._records) > self.kept:
            self._records.popleft()

    def clear(self) -> int:
        """Forget all records and say how many there were."""
        count = len(self._records)
        self._records.clear()
        return count

    def read(self, marker: str | None = None) -> list[dict[str, Any]]:
        """Return the records, of one marker or of all."""
        return [asdict(one) for one in self._records if marker in (None, one.marker)]


def marker_of(question: Any) -> str:
    """Return the first marker in the texts of a question, or ""."""
    found = (_MARKER.search(text) for text in _texts(question))
    return next((match[0] for match in found if match), "")


def is_prefilled(messages: Any) -> bool:
    """Tell whether the last message is the assistant's."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") in ("assistant", "model")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
