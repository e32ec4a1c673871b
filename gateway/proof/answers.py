"""One request's answer, reduced to what decides and what may be kept: no key, no model's text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

OK = 200
UNAUTHORIZED = (401, 403)
OF_A_PROVIDER = "litellm."  # the class of a provider's error; LiteLLM's own refusals have none
UNKNOWN_GROUP = "invalid model name"
COOLED_ERROR = "no deployments available"

# Messages quote callers' keys and providers' texts, so only these phrases enter the evidence.
PHRASES = (
    "no fallback model group was found",
    COOLED_ERROR,
    UNKNOWN_GROUP,
    "also failed",
    "owned fault",
    "connection error",
    "timed out",
    "no connected db",
)
OTHER_ERROR = "another error"


class Outcome(StrEnum):
    """What came back from one request.

    ANSWERED: LiteLLM's own answer, of any status. TIMEOUT: none in time. UNREACHABLE: no
    connection, or it broke. FOREIGN: an answer that LiteLLM did not write, such as a proxy's 503.
    REFUSED: the key was not accepted. SKIPPED: not asked, because a limit was used up or because
    LiteLLM is known not to answer.
    """

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FOREIGN = "foreign"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `error` is a class or a known phrase, `attempts` what the dead primary saw."""

    outcome: Outcome
    nonce: str
    latency_ms: float
    status: int | None = None
    group: str | None = None
    fallbacks: int | None = None
    cached: bool = False
    complete: bool = False
    version: str | None = None
    error: str | None = None
    first_byte_ms: float | None = None
    cost_usd: float | None = None
    attempts: int | None = None
    call_id: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the caller got a whole answer."""
        return self.status == OK and self.complete

    def record(self) -> dict[str, Any]:
        """Return it for the evidence, without what is not known or not so."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and value is not False
        }


def outcome_of(status: int, headers: Mapping[str, str], error: Mapping[str, Any] | None) -> Outcome:
    """Tell LiteLLM's answer from a refused key and from what something between us answers.

    A provider that refuses *its* key is an answer like any other of a target.
    """
    kind = error.get("type") if error else None
    message = str(error.get("message", "")) if error else ""
    refused = status in UNAUTHORIZED and not message.startswith(OF_A_PROVIDER)
    if refused or kind in ("no_db_connection", "auth_error"):
        return Outcome.REFUSED
    return Outcome.ANSWERED if "x-litellm-call-id" in headers else Outcome.FOREIGN


def known_error(error: Mapping[str, Any] | None) -> str | None:
    """Return the phrase that an error's message is known by."""
    if error is None:
        return None
    message = str(error.get("message", "")).lower()
    return next((phrase for phrase in PHRASES if phrase in message), OTHER_ERROR)


def said(answer: Answer) -> str:
    """Say in a few words what came back."""
    seconds = f"{answer.latency_ms / 1000:.1f} s"
    if answer.outcome is Outcome.SKIPPED:
        return f"not asked: {answer.error}"
    if answer.outcome is Outcome.TIMEOUT:
        return f"no answer within {seconds}"
    if answer.outcome is Outcome.UNREACHABLE:
        return f"no connection ({answer.error}) after {seconds}"
    if answer.outcome is Outcome.FOREIGN:
        return f"HTTP {answer.status} from something that is not LiteLLM"
    if answer.outcome is Outcome.REFUSED:
        return f"HTTP {answer.status}, the key was refused"
    details = answer.group if answer.succeeded else answer.error
    return f"HTTP {answer.status} after {seconds}" + (f" ({details})" if details else "")


def whole_number(text: str | None) -> int | None:
    """Return a header's whole number, or None."""
    return int(text) if text is not None and text.isdecimal() else None


def amount(text: str | None) -> float | None:
    """Return a header's amount, or None for what is none."""
    try:
        found = float(text) if text is not None else None
    except ValueError:
        return None
    return found if found is not None and isfinite(found) and found >= 0 else None
