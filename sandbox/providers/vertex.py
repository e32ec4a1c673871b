"""The wire format of Vertex AI's Gemini: whole and streamed answers, errors, token exchange."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from sandbox.providers.answers import Answer, framed, sse

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_LIFETIME_S = 3600
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GrantError(Exception):
    """A token was asked for in a way that Google would refuse."""


def error(status: int, message: str) -> dict[str, Any]:
    """Return Google's error body."""
    name = STATUSES.get(status, "UNKNOWN")
    return {"error": {"code": status, "message": message, "status": name}}


def generate(answer: Answer) -> dict[str, Any]:
    """Return a whole answer."""
    return _chunk(answer, answer.text, finish="STOP")


def generate_stream(answer: Answer) -> list[bytes]:
    """Return a streamed answer, as with `alt=sse`; the last piece has no text."""
    texts = [sse(_chunk(answer, text)) for text in answer.pieces]
    return framed([], texts, [sse(_chunk(answer, "", finish="STOP"))])


def token(form: Mapping[str, str], value: str) -> dict[str, Any]:
    """Return an access token for a service account's signed assertion; raise `GrantError`.

    The signature is not checked, only that the assertion is a JWT which names its account.
    """
    if form.get("grant_type") != GRANT:
        raise GrantError(f"grant_type is not {GRANT}")
    parts = form.get("assertion", "").split(".")
    try:
        header, claims = (_decoded(part) for part in parts[:2])
    except ValueError:
        raise GrantError("the assertion is not a JWT") from None
    if len(parts) != 3 or not parts[2] or header.get("alg") != "RS256":  # noqa: PLR2004 -- a JWT
        raise GrantError("the assertion is not signed with RS256")
    if not claims.get("iss") or not claims.get("scope"):
        raise GrantError("the assertion names no account (iss) or no scope")
    return {
        "access_token": f"ya29.{value}",
        "expires_in": TOKEN_LIFETIME_S,
        "token_type": "Bearer",
    }


def _chunk(answer: Answer, text: str, finish: str | None = None) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}]}
    candidate: dict[str, Any] = {"index": 0, "content": content}
    if finish:
        candidate["finishReason"] = finish
    chunk: dict[str, Any] = {"candidates": [candidate]}
    if finish:
        chunk["usageMetadata"] = {
            "promptTokenCount": answer.prompt_tokens,
            "candidatesTokenCount": answer.completion_tokens,
            "totalTokenCount": answer.total_tokens,
        }
    return chunk | {"modelVersion": answer.model, "responseId": answer.id}


def _decoded(part: str) -> dict[str, Any]:
    decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(decoded, dict):
        raise ValueError("not an object")
    return decoded
