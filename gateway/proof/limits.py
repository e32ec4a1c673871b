"""What a LiteLLM version is known not to rescue: data, each row with what was seen.

A row never makes a pass. What it covers is reported as a known limit instead of a failure, and
where `asks` is False it is not even asked, because the answer would only come when the gateway's
own `request_timeout` is over. Measured with the proof's own faults on the real LiteLLM; a row for
a version that was not measured does not exist, so that a new version is looked at as it is.
"""

from dataclasses import dataclass
from typing import Any

STREAMS = frozenset({"chat_stream", "messages_stream", "responses_stream"})


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that is not rescued; `speaks` None stands for every wire format of a primary."""

    id: str
    versions: tuple[str, ...]
    faults: frozenset[str]
    forms: frozenset[str]
    speaks: frozenset[str] | None
    what: str
    evidence: str
    asks: bool = True

    def covers(self, version: str, speaks: str, form: str, fault: str) -> bool:
        """Tell whether this row is about such a request."""
        return (
            version in self.versions
            and fault in self.faults
            and form in self.forms
            and (self.speaks is None or speaks in self.speaks)
        )

    def record(self) -> dict[str, Any]:
        """Return the row for the evidence."""
        return {"id": self.id, "what": self.what, "evidence": self.evidence}


LIMITS = (
    Limit(
        "mid-stream",
        ("1.106.2",),
        frozenset({"cut_stream"}),
        STREAMS,
        None,
        "a stream that breaks after its first text is not handed over: the caller gets an error "
        "event, or a continuation under headers that name the primary",
        "cut after two pieces, 6 kinds of primary: 60 of 69 streams ended in an error event; 9, by "
        "/v1/responses of Anthropic, Gemini and Vertex, were continued under the primary's headers "
        "(BerriAI/litellm #24005, #28216, #29808)",
    ),
    Limit(
        "gemini-400-in-stream",
        ("1.106.2",),
        frozenset({"context_window", "content_policy"}),
        frozenset({"messages_stream", "responses_stream"}),
        frozenset({"gemini"}),
        "a stream of a Gemini model that is refused with HTTP 400 ends in an error event under "
        "HTTP 200; no fallback is tried",
        "/v1/messages and /v1/responses, both errors, Gemini and Vertex: 0 of 8 rescued; the same "
        "through /v1/chat/completions and without a stream: all rescued",
    ),
    Limit(
        "gemini-400-in-chat-stream",
        ("1.106.2",),
        frozenset({"context_window", "content_policy"}),
        frozenset({"chat_stream"}),
        frozenset({"gemini"}),
        "LiteLLM does not recognise either error when a streamed chat of a Gemini model meets it: "
        "the general chain answers, not `context_window_fallbacks` or `content_policy_fallbacks`",
        'with both lists and `"*"` declared, the target of `"*"` answered 2 of 2; the error is the '
        "text of Python bytes by then; without a stream both are recognised",
    ),
    Limit(
        "gemini-stream-hang",
        ("1.106.2",),
        frozenset({"hang"}),
        STREAMS,
        frozenset({"gemini"}),
        "a silent stream of a Gemini model ignores `timeout` and `stream_timeout`; it is given up "
        "only after litellm_settings.request_timeout, and through /v1/responses not rescued even "
        "then",
        "time-out 1 s, request_timeout 6 s: 6.1-6.2 s in all forms, rescued in two of three",
        asks=False,
    ),
)


def known_limit(version: str, speaks: str, form: str, fault: str) -> Limit | None:
    """Return the row that covers such a request, or None."""
    rows = (row for row in LIMITS if row.covers(version, speaks, form, fault))
    return next(rows, None)
