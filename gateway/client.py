"""How the project's commands talk to a running gateway: readiness, models, one chat."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from stacks.problem import Problem, ProblemError


class GatewayError(ProblemError):
    """Raised when the gateway cannot be asked or answers with something unreadable."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What /health/readiness says; `db` is "Not connected" without a database, also on 200."""

    status_code: int
    status: str
    db: str

    @property
    def ready(self) -> bool:
        """True when the gateway takes requests."""
        return self.status_code == httpx.codes.OK


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer and who gave it; `group` and `fallbacks` are None when every target failed."""

    status: int
    text: str
    group: str | None
    fallbacks: int | None
    version: str | None
    latency_s: float
    error: str | None


class GatewayClient:
    """Asks one gateway. `client` carries its address; the key is sent with each request."""

    def __init__(
        self, client: httpx.Client, key: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {key}"}

    def readiness(self) -> Readiness:
        """Ask whether the gateway takes requests; needs no key and raises only when unreachable."""
        answer = self._send("GET", "/health/readiness", headers={})
        body = _object(answer)
        return Readiness(
            answer.status_code, str(body.get("status", "")), str(body.get("db", "unknown"))
        )

    def models(self) -> dict[str, tuple[str, ...]]:
        """Return each model group with the general chain that holds for it, `"*"` included."""
        query = {"include_metadata": "true", "fallback_type": "general"}
        answer = self._send("GET", "/v1/models", params=query)
        rows = _object(answer).get("data")
        if answer.status_code != httpx.codes.OK or not isinstance(rows, list):
            raise self._error(f"GET /v1/models: HTTP {answer.status_code}")
        return {row["id"]: tuple(row.get("metadata", {}).get("fallbacks", ())) for row in rows}

    def chat(
        self, model: str, text: str, *, max_tokens: int = 64, disable_fallbacks: bool = False
    ) -> ChatAnswer:
        """Send one user message past the cache; an answer of any status is returned."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": max_tokens,
            "cache": {"no-cache": True},
        }
        if disable_fallbacks:
            body["disable_fallbacks"] = True
        started = self._clock()
        answer = self._send("POST", "/v1/chat/completions", json=body)
        latency_s = self._clock() - started
        document = _object(answer)
        fallbacks = answer.headers.get("x-litellm-attempted-fallbacks", "")
        return ChatAnswer(
            status=answer.status_code,
            text=_text(document),
            group=answer.headers.get("x-litellm-model-group"),
            fallbacks=int(fallbacks) if fallbacks.isdecimal() else None,
            version=answer.headers.get("x-litellm-version"),
            latency_s=latency_s,
            error=_error_text(document, answer),
        )

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **{"headers": self._headers} | request)
        except httpx.HTTPError as error:
            raise self._error(f"{method} {path}: {type(error).__name__}") from error

    def _error(self, said: str) -> GatewayError:
        return GatewayError(
            [
                Problem(
                    place=f"gateway at {self._client.base_url}",
                    id="gateway.answer",
                    value=said,
                    expected="a LiteLLM gateway that serves and accepts this key",
                    next_step="look at the machine's state and log; `gateway status` shows both",
                )
            ]
        )


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(document: dict[str, Any]) -> str:
    try:
        return document["choices"][0]["message"]["content"] or ""
    except (LookupError, TypeError):
        return ""


def _error_text(document: dict[str, Any], answer: httpx.Response) -> str | None:
    if answer.is_success:
        return None
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or f"HTTP {answer.status_code}")
