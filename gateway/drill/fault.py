"""What a fault of the drill is: what the provider does, and what is right for the caller then."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.drill.checks import Check
from gateway.drill.seen import Form

BENCH = "Failover Bench"
BOTH = (Form.WHOLE, Form.STREAM)
STREAMED = (Form.STREAM,)
WHOLE = (Form.WHOLE,)


class Ideal(StrEnum):
    """What a caller should be left with."""

    ANSWER = "answer"
    ERROR = "error"


class Meets(StrEnum):
    """What the fault is to LiteLLM, by which the settings' promise for it is computed.

    The values are the names of `gateway.explain_attempts.ERRORS`; NONE is a fault about which the
    settings promise nothing.
    """

    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    RATE_LIMIT = "429"
    TIME_OUT = "time-out"
    UNAUTHORIZED = "401"
    NOT_FOUND = "404"
    CONTEXT_WINDOW = "context window"
    CONTENT_POLICY = "content policy"
    NONE = ""


class On(StrEnum):
    """Whom a fault is drilled on."""

    ONE = "one group"
    EACH_PROVIDER = "one group of each provider"
    EACH_PROVIDER_STREAMED = "one group; streamed, one of each provider"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the catalogue.

    `step` is the script of the stand-in's models for the primary, `target_step` the one for
    everybody else. `forms` are drilled one by one. `providers` are those on which the fault exists,
    all if empty. `first_only`: the next attempt is answered well. `lasts_s`: the primary is well
    again after so long and requests go on meanwhile, one every `every_s` seconds.
    """

    id: str
    title: str
    does: str
    correct: str
    source: str
    step: Mapping[str, Any]
    checks: tuple[Check, ...]
    forms: tuple[Form, ...] = BOTH
    meets: Meets = Meets.NONE
    ideal: Ideal = Ideal.ANSWER
    on: On = On.ONE
    providers: tuple[str, ...] = ()
    target_step: Mapping[str, Any] = field(default_factory=dict)
    lasts_s: float | None = None
    every_s: float = 1.0

    @property
    def first_only(self) -> bool:
        """Whether the provider is well from the second attempt on."""
        return self.step.get("times") == 1

    @property
    def retry_after_s(self) -> float | None:
        """The Retry-After that the provider sends."""
        value = self.step.get("retry_after")
        return None if value is None else float(value)

    @property
    def silence_s(self) -> float:
        """How long the provider is silent in the middle of it: 0 for not at all, else for ever."""
        return float(self.step.get("seconds", math.inf if self.step["kind"] == "hang" else 0.0))
