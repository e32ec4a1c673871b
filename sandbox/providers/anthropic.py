"""The wire format of Anthropic's Messages API: whole and streamed answers, errors."""

from typing import Any

from sandbox.providers.answers import Answer, framed, sse

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error(status: int, message: str) -> dict[str, Any]:
    """Return Anthropic's error body."""
    return {
        "type": "error",
        "error": {"type": ERROR_TYPES.get(status, "api_error"), "message": message},
    }


def message(answer: Answer) -> dict[str, Any]:
    """Return a whole answer."""
    usage = {"input_tokens": answer.prompt_tokens, "output_tokens": answer.completion_tokens}
    content = [{"type": "text", "text": answer.text}]
    return _message(answer, content, stop_reason="end_turn", usage=usage)


def message_stream(answer: Answer) -> list[bytes]:
    """Return a streamed answer: named events, token counts split between first and last."""

    def event(kind: str, **data: Any) -> bytes:
        return sse({"type": kind, **data}, kind)

    usage = {"input_tokens": answer.prompt_tokens, "output_tokens": 1}
    empty = _message(answer, [], stop_reason=None, usage=usage)
    before = [
        event("message_start", message=empty),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
    ]
    texts = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        for text in answer.pieces
    ]
    after = [
        event("content_block_stop", index=0),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": answer.completion_tokens},
        ),
        event("message_stop"),
    ]
    return framed(before, texts, after)


def _message(
    answer: Answer,
    content: list[dict[str, Any]],
    *,
    stop_reason: str | None,
    usage: dict[str, int],
) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            **usage,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
