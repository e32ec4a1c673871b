"""What a drill sees of one fault: the caller's side, and the providers' own log of attempts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# The sentence by which the sandbox's models say who they are; a word less, and it is cut short.
_WHOLE = re.compile(r"answered by (?P<who>\S+) \(sandbox\)")


class Form(StrEnum):
    """How an answer is asked for."""

    WHOLE = "whole"
    STREAM = "stream"


class Outcome(StrEnum):
    """What the caller is left with."""

    ANSWER = "answer"  # every word of one model's answer, and nothing else
    ERROR = "error"  # told that it failed, by a status, an event or a broken connection
    CUT_SHORT = "cut short"  # less or other than an answer, and nothing says so
    HANG = "hang"  # neither within the drill's limit


@dataclass(frozen=True, slots=True)
class Answer:
    """One request from the caller's side.

    `status` is 0 without an HTTP answer. `error` is what the caller was told, "" for nothing.
    `ended` is False when the drill itself broke off. `group` and `fallbacks` are LiteLLM's headers,
    None where they were missing. `at_s` counts from the run's first request.
    """

    form: Form
    status: int
    text: str
    took_s: float
    ended: bool = True
    error: str = ""
    model: str = ""
    usage: bool = False
    group: str | None = None
    fallbacks: int | None = None
    at_s: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """Judge what the caller has: an error counts before whatever text came with it."""
        if not self.ended:
            return Outcome.HANG
        if self.error or not 200 <= self.status < 300:  # noqa: PLR2004 - HTTP's own classes
            return Outcome.ERROR
        return Outcome.ANSWER if self.by else Outcome.CUT_SHORT

    @property
    def by(self) -> str:
        """Return `provider/model` of who answered in full; "" where nobody did."""
        found = _WHOLE.fullmatch(self.text)
        return found["who"] if found else ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that reached a model; `at_s` is in seconds of the providers' clock."""

    at_s: float
    deployment: str
    given: str
    tokens: int = 0
    prefilled: bool = False


def attempts_of(records: Sequence[Mapping[str, Any]]) -> tuple[Attempt, ...]:
    """Read the providers' log, in order of arrival."""
    return tuple(
        Attempt(
            float(record["at"]),
            f"{record['provider']}/{record['model']}",
            str(record["given"]),
            int(record["tokens"]),
            bool(record["prefilled"]),
        )
        for record in sorted(records, key=lambda record: int(record["number"]))
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is known of one run of a fault.

    `group` was asked for, `primary` is its deployment (`provider/model`). `alive` says whether a
    healthy request was answered afterwards, None where none was sent. `healed_at_s` is when the
    primary became well in a run of several requests.
    """

    group: str
    primary: str
    answers: tuple[Answer, ...]
    attempts: tuple[Attempt, ...]
    alive: bool | None = None
    healed_at_s: float | None = None

    @property
    def answer(self) -> Answer:
        """The request, or the first of several."""
        return self.answers[0]

    @property
    def on_primary(self) -> tuple[Attempt, ...]:
        """The attempts at the group's own deployment."""
        return tuple(one for one in self.attempts if one.deployment == self.primary)

    @property
    def elsewhere(self) -> tuple[Attempt, ...]:
        """The attempts at all others."""
        return tuple(one for one in self.attempts if one.deployment != self.primary)

    @property
    def rescued(self) -> bool:
        """Whether another model answered in full, by the answer's text and by the log."""
        by = self.answer.by if self.answer.outcome is Outcome.ANSWER else ""
        return by not in ("", self.primary) and by in {one.deployment for one in self.elsewhere}
