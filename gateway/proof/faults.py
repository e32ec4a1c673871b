"""The faults a probe's dead primary can have, and how a request says which of them it wants."""

import re
from dataclasses import dataclass
from http import HTTPStatus

REFUSED = "refused"
HANG = "hang"
RETRY_AFTER_S = 30  # slept out, it would be plain to see in the rescue's time

# What an open breaker answers in place of any primary.
COOLED = HTTPStatus.TOO_MANY_REQUESTS

# A connection error of a Gemini model tells the address in memory of its TLS context. LiteLLM
# looks for "403" in that text and answers with HTTP 403 when the address happens to hold it
# (exception_mapping_utils.py:1200 of 1.106.2; seen with a port that has these digits).
BY_CHANCE = HTTPStatus.FORBIDDEN

MARK = re.compile(rb"([A-Za-z0-9-]+) \[fault ([a-z_]+) ([0-9a-f]+)\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `statuses` are what a caller gets to see of it when fallbacks are off.

    `owned`: the proof's own endpoint makes it, so it can only be had inside the machine.
    `for_kinds`: the kinds of fallback that answer it; others are not asked with it.
    """

    name: str
    statuses: tuple[int, ...]
    owned: bool = True
    for_kinds: tuple[str, ...] = ("general",)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(REFUSED, (HTTPStatus.INTERNAL_SERVER_ERROR, COOLED, BY_CHANCE), owned=False),
        Fault("server_error", (HTTPStatus.INTERNAL_SERVER_ERROR,)),
        Fault("rate_limit", (HTTPStatus.TOO_MANY_REQUESTS,)),
        Fault(HANG, (HTTPStatus.REQUEST_TIMEOUT,)),
        Fault("reset", (HTTPStatus.INTERNAL_SERVER_ERROR, BY_CHANCE)),
        Fault("cut_stream", (HTTPStatus.INTERNAL_SERVER_ERROR,)),
        Fault("context_window", (HTTPStatus.BAD_REQUEST,), for_kinds=("context_window",)),
        Fault("content_policy", (HTTPStatus.BAD_REQUEST,), for_kinds=("content_policy",)),
    )
}


def marker(nonce: str, fault: str, token: str | None) -> str:
    """Return what a request's text begins with; without a token the fault is the closed port."""
    return nonce if token is None or fault == REFUSED else f"{nonce} [fault {fault} {token}]"
