"""What a model says here, in no provider's format: a sentence that names who answered."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4  # the usual rule of thumb for English


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `id` has no provider's prefix, `created` is in seconds since 1970."""

    provider: str
    model: str
    id: str
    created: int
    prompt_tokens: int

    @property
    def text(self) -> str:
        """The sentence by which a person sees who answered."""
        return f"answered by {self.provider}/{self.model} (sandbox)"

    @property
    def pieces(self) -> list[str]:
        """The text in the pieces in which a stream brings it; there are at least three."""
        *words, last = self.text.split(" ")
        return [f"{word} " for word in words] + [last]

    @property
    def completion_tokens(self) -> int:
        """Tokens of the answer."""
        return tokens_of(self.text)

    @property
    def total_tokens(self) -> int:
        """Tokens of question and answer."""
        return self.prompt_tokens + self.completion_tokens


def tokens_of(value: Any) -> int:
    """Return about how many tokens all texts inside `value` have; at least 1."""
    characters = sum(len(text) for text in _texts(value))
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))


def sse(data: Any, event: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = f"event: {event}\n" if event else ""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f"{head}data: {text}\n\n".encode()


def framed(before: list[bytes], texts: list[bytes], after: list[bytes]) -> list[bytes]:
    """Return a stream of which each piece but the last brings one text.

    What comes before the first text is in its piece, what comes after the last is the last
    piece: a stream that is cut after two pieces has brought two texts.
    """
    first, *rest = texts
    return [b"".join([*before, first]), *rest, b"".join(after)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        return iter([value])
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return itertools.chain.from_iterable(_texts(item) for item in value)
    return iter(())
