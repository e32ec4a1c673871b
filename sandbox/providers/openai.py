"""The wire format of OpenAI, which xAI speaks too: chat, embeddings, responses, models, errors."""

import base64
import math
import random
import struct
from collections.abc import Mapping
from typing import Any

from sandbox.providers.answers import Answer, framed, sse, tokens_of

MODELS = ("gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "text-embedding-3-small")
XAI_MODELS = ("grok-4.3",)
DONE = sse("[DONE]")
DIMENSIONS = 1536
MAX_DIMENSIONS = 3072
ERROR_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error(status: int, message: str) -> dict[str, Any]:
    """Return OpenAI's error body."""
    kind, code = ERROR_TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def xai_error(status: int, message: str) -> dict[str, Any]:
    """Return xAI's error body: flat, with a sentence as code."""
    codes = {
        400: "Client specified an invalid argument",
        401: "Unauthenticated",
        404: "Some requested entity was not found",
        429: "Some resource has been exhausted",
        503: "The service is currently unavailable",
    }
    return {"code": codes.get(status, "Internal error"), "error": message}


def chat(answer: Answer) -> dict[str, Any]:
    """Return a whole chat completion."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _completion(answer, "chat.completion", [choice]) | {"usage": _usage(answer)}


def chat_stream(answer: Answer, *, with_usage: bool) -> list[bytes]:
    """Return a streamed chat completion; `with_usage` is `stream_options.include_usage`."""

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(_completion(answer, "chat.completion.chunk", [choice]))

    after = [chunk({}, "stop")]
    if with_usage:
        counted = _completion(answer, "chat.completion.chunk", []) | {"usage": _usage(answer)}
        after.append(sse(counted))
    role = chunk({"role": "assistant", "content": "", "refusal": None})
    return framed([role], [chunk({"content": text}) for text in answer.pieces], [*after, DONE])


def embeddings(answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return vectors of length one that depend on nothing but the text."""
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    asked = body.get("dimensions")
    size = asked if isinstance(asked, int) and 0 < asked <= MAX_DIMENSIONS else DIMENSIONS
    packed = body.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(texts):
        vector = _vector(str(text), size)
        value = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode() if packed else vector
        data.append({"object": "embedding", "index": index, "embedding": value})
    usage = {"prompt_tokens": tokens_of(texts), "total_tokens": tokens_of(texts)}
    return {"object": "list", "data": data, "model": answer.model, "usage": usage}


def response(answer: Answer) -> dict[str, Any]:
    """Return a whole answer of the Responses API."""
    return _response(answer, "completed", [_item(answer, "completed", [_part(answer.text)])])


def response_stream(answer: Answer) -> list[bytes]:
    """Return a streamed answer of the Responses API."""
    number = iter(range(1_000_000))

    def event(kind: str, **data: Any) -> bytes:
        return sse({"type": kind, "sequence_number": next(number), **data}, kind)

    place: dict[str, Any] = {"item_id": f"msg_{answer.id}", "output_index": 0, "content_index": 0}
    started = _item(answer, "in_progress", [])
    whole = _item(answer, "completed", [_part(answer.text)])
    before = [
        event("response.created", response=_response(answer, "in_progress", [])),
        event("response.in_progress", response=_response(answer, "in_progress", [])),
        event("response.output_item.added", output_index=0, item=started),
        event("response.content_part.added", **place, part=_part("")),
    ]
    delta = "response.output_text.delta"
    texts = [event(delta, **place, delta=text, logprobs=[]) for text in answer.pieces]
    after = [
        event("response.output_text.done", **place, text=answer.text, logprobs=[]),
        event("response.content_part.done", **place, part=_part(answer.text)),
        event("response.output_item.done", output_index=0, item=whole),
        event("response.completed", response=response(answer)),
    ]
    return framed(before, texts, after)


def models(names: tuple[str, ...], owner: str) -> dict[str, Any]:
    """Return the list of models that an account sees."""
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name in names]
    return {"object": "list", "data": rows}


def _completion(answer: Answer, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "choices": choices,
        "system_fingerprint": "fp_sandbox",
    }


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.total_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _response(answer: Answer, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.total_tokens,
    }
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if status == "completed" else None,
    }


def _item(answer: Answer, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    item = {"id": f"msg_{answer.id}", "type": "message", "status": status}
    return item | {"role": "assistant", "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _vector(text: str, size: int) -> list[float]:
    numbers = random.Random(text)  # noqa: S311 -- the same text has the same vector, no secret
    raw = [numbers.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(value * value for value in raw))
    return [value / length for value in raw]
