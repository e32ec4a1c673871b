"""What the dead primary says in each provider's wire format: error bodies, beginnings of streams.

The texts of the two 400s are those by which LiteLLM tells them from other bad requests.
"""

import json
from collections.abc import Mapping
from typing import Any

STATUSES = {"server_error": 500, "rate_limit": 429, "context_window": 400, "content_policy": 400}
MESSAGES = {
    "server_error": "owned fault: internal server error",
    "rate_limit": "owned fault: rate limit reached",
    "context_window": "owned fault: This model's maximum context length is 1 token; prompt is too "
    "long; input token count exceeds the maximum number of tokens allowed",
    "content_policy": "owned fault: content_policy_violation. The response was blocked. Output "
    "blocked by content filtering policy",
}
OPENAI_TYPES = {400: "invalid_request_error", 429: "requests", 500: "server_error"}
OPENAI_CODES = {
    "server_error": None,
    "rate_limit": "rate_limit_exceeded",
    "context_window": "context_length_exceeded",
    "content_policy": "content_policy_violation",
}
ANTHROPIC_TYPES = {400: "invalid_request_error", 429: "rate_limit_error", 500: "api_error"}
GOOGLE_STATUSES = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
MODEL = "probe"


def error_body(path: str, fault: str) -> dict[str, Any]:
    """Return the error body of the provider whose path was asked."""
    status, message = STATUSES[fault], MESSAGES[fault]
    if "enerateContent" in path:
        error = {"code": status, "message": message, "status": GOOGLE_STATUSES[status]}
        return {"error": error}
    if path.endswith("/messages"):
        return {"type": "error", "error": {"type": ANTHROPIC_TYPES[status], "message": message}}
    kind, code = OPENAI_TYPES[status], OPENAI_CODES[fault]
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def first_pieces(path: str) -> list[bytes]:
    """Return the beginning of a stream, with two pieces of text in it."""
    if "enerateContent" in path:
        return [_google("one "), _google("two ")]
    if path.endswith("/messages"):
        return [_anthropic_start() + _anthropic("one "), _anthropic("two ")]
    if path.endswith("/responses"):
        return [_responses_start() + _responses(3, "one "), _responses(4, "two ")]
    return [
        _openai(role="assistant", content="") + _openai(content="one "),
        _openai(content="two "),
    ]


def _event(data: Mapping[str, Any], *, named: bool = False) -> bytes:
    name = f"event: {data['type']}\n" if named else ""
    return f"{name}data: {json.dumps(data)}\n\n".encode()


def _openai(**delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    frame = {"id": "cut", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return _event({**frame, "choices": [choice]})


def _google(text: str) -> bytes:
    content = {"role": "model", "parts": [{"text": text}]}
    return _event({"candidates": [{"index": 0, "content": content}]})


def _anthropic_start() -> bytes:
    message: dict[str, Any] = {"id": "cut", "type": "message", "role": "assistant"}
    message |= {"model": MODEL, "content": []}
    message |= {"stop_reason": None, "stop_sequence": None}
    message |= {"usage": {"input_tokens": 1, "output_tokens": 1}}
    block = {"type": "text", "text": ""}
    return _event({"type": "message_start", "message": message}, named=True) + _event(
        {"type": "content_block_start", "index": 0, "content_block": block}, named=True
    )


def _anthropic(text: str) -> bytes:
    delta = {"type": "text_delta", "text": text}
    return _event({"type": "content_block_delta", "index": 0, "delta": delta}, named=True)


def _responses_start() -> bytes:
    response = {"id": "cut", "object": "response", "created_at": 1, "status": "in_progress"}
    response |= {"model": MODEL, "output": [], "error": None, "incomplete_details": None}
    response |= {"instructions": None, "metadata": {}, "parallel_tool_calls": True, "tools": []}
    response |= {"temperature": 1.0, "tool_choice": "auto", "top_p": 1.0, "usage": None}
    item = {"id": "m", "type": "message", "status": "in_progress", "role": "assistant"}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
        {"type": "response.content_part.added", **place, "part": part},
    ]
    numbered = enumerate(events)
    return b"".join(_event({**event, "sequence_number": n}, named=True) for n, event in numbered)


def _responses(number: int, text: str) -> bytes:
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    event = {"type": "response.output_text.delta", "sequence_number": number, **place}
    return _event({**event, "delta": text, "logprobs": []}, named=True)
