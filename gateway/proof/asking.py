"""How the proof asks a gateway: one small request at a time, timed, bounded and counted."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from gateway.proof.answers import (
    OK,
    Answer,
    Outcome,
    amount,
    known_error,
    outcome_of,
    whole_number,
)
from gateway.proof.faults import REFUSED, marker
from gateway.proof.forms import FORMS, parsed, read_body
from gateway.proof.plan import Plan
from gateway.proof.spending import Spending

MAX_BODY_BYTES = 4 * 1024 * 1024
QUESTION = "Answer with the word ok."

Token = str | None


class Reply(NamedTuple):
    """What came over the wire; `trouble` says why there is no status, `why` in which words."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    first_byte_ms: float | None = None
    trouble: Outcome | None = None
    why: str = ""

    @property
    def document(self) -> Any:
        """The body's JSON, or its text."""
        return parsed(self.raw.decode("utf-8", "replace"))


class Asker:
    """Sends the plan's requests from several threads; never raises for what comes back.

    `token` opens the proof's own faults while its endpoint is open, and is None before and after.
    """

    def __init__(
        self,
        plan: Plan,
        client: httpx.Client,
        key: str,
        clock: Callable[[], float],
        nonce: Callable[[], str],
        attempts: Callable[[str], int],
    ) -> None:
        self.plan = plan
        self.token: Token = None
        self.versions: set[str] = set()
        self.spending = Spending(plan.bounds, clock)
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._nonce = nonce
        self._attempts = attempts

    def ask(
        self, group: str, form_name: str, *, fault: str = REFUSED, fallbacks: bool = True
    ) -> Answer:
        """Send one small request; `fault` is what its primary shall do, if it is a probe's."""
        form, nonce, token = FORMS[form_name], self._nonce(), self.token
        text = f"{marker(nonce, fault, token)} {QUESTION}"
        body: dict[str, Any] = {"model": group, "cache": {"no-cache": True}}
        body |= form.body(text, self.plan.bounds.max_tokens)
        if not fallbacks:
            body["disable_fallbacks"] = True
        started = self._clock()
        reply = self.send("POST", form.path, json=body)
        latency_ms = round((self._clock() - started) * 1000, 1)
        attempts = self._attempts(nonce) if token is not None and fault != REFUSED else None
        if reply.trouble is not None:
            return Answer(reply.trouble, nonce, latency_ms, error=reply.why, attempts=attempts)
        reading, headers = read_body(form, reply.raw), reply.headers
        version, answered_by = headers.get("x-litellm-version"), headers.get(GROUP_HEADER)
        if version:
            self.versions.add(version)
        cost = amount(headers.get("x-litellm-response-cost"))
        if reply.status == OK:
            self.spending.pay(answered_by or group, cost)
        return Answer(
            outcome=outcome_of(reply.status, headers, reading.error),
            nonce=nonce,
            latency_ms=latency_ms,
            status=reply.status,
            group=answered_by,
            fallbacks=whole_number(headers.get("x-litellm-attempted-fallbacks")),
            cached="x-litellm-cache-key" in headers,
            complete=reading.complete,
            version=version,
            error=known_error(reading.error),
            first_byte_ms=reply.first_byte_ms if form.streamed else None,
            cost_usd=cost,
            attempts=attempts,
            call_id=headers.get("x-litellm-call-id"),
        )

    def send(self, method: str, url: str, **request: Any) -> Reply:
        """Send one request within what is left of the limits."""
        forbidden = self.spending.take()
        if forbidden is not None:
            return _trouble(Outcome.SKIPPED, forbidden)
        limit_s = min(self.spending.seconds_left, self.plan.bounds.request_timeout_s)
        started = self._clock()
        try:
            with self._client.stream(
                method, url, headers=self._headers, timeout=max(limit_s, 0.001), **request
            ) as response:
                raw, first_byte_ms = b"", None
                for chunk in response.iter_bytes():
                    now = self._clock()
                    if first_byte_ms is None:
                        first_byte_ms = round((now - started) * 1000, 1)
                    raw += chunk
                    if now - started > limit_s or len(raw) > MAX_BODY_BYTES:
                        return _trouble(Outcome.TIMEOUT, "the body did not end")
                return Reply(response.status_code, response.headers, raw, first_byte_ms)
        except httpx.TimeoutException as error:
            return _trouble(Outcome.TIMEOUT, type(error).__name__)
        except httpx.HTTPError as error:
            return _trouble(Outcome.UNREACHABLE, type(error).__name__)


GROUP_HEADER = "x-litellm-model-group"


def gateway_client(url: str, *, timeout_s: float = 15) -> httpx.Client:
    """Return a client that opens a connection per request, so that every worker gets some.

    The environment's proxy settings are not for the machine's own loopback and are not read.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, timeout=timeout_s, limits=limits, trust_env=False)


def steady_clock() -> Callable[[], float]:
    """Return a clock of seconds since the epoch that does not follow changes of the time."""
    epoch = time.time() - time.monotonic()
    return lambda: epoch + time.monotonic()


def new_nonce() -> str:
    """Return a marker that no request before carried: no cache can know its answer."""
    return f"proof-{uuid.uuid4().hex[:12]}"


def _trouble(outcome: Outcome, why: str) -> Reply:
    return Reply(0, {}, b"", trouble=outcome, why=why)
