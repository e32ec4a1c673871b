"""The forms in which a gateway is asked: paths, bodies, and what makes an answer whole.

A stream counts as whole when its last event came, no error event did, and there was something in
it: HTTP 200 says only that a stream began.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
Events = list[Any]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask; `whole` reads an answer's document, `says` and `ends` one event of a stream.

    `says` is True for an event with content, or one that tells why there is none (the thoughts of
    a reasoning model used the tokens up).
    """

    name: str
    path: str
    body: Callable[[str, int], Body]
    whole: Callable[[Any], bool]
    says: Callable[[Any], bool] | None = None
    ends: Callable[[Any], bool] | None = None

    @property
    def streamed(self) -> bool:
        """Whether the answer comes as server-sent events."""
        return self.ends is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer's body says; `error` is its error document, or None."""

    complete: bool
    error: Mapping[str, Any] | None


def read_body(form: Form, raw: bytes) -> Reading:
    """Read an answer's body in its form; an error's body is JSON in every form."""
    text = raw.decode("utf-8", "replace")
    if form.ends is not None and form.says is not None and _is_stream(text):
        events = list(_events(text))
        error = next((found for event in events if (found := error_in(event))), None)
        complete = error is None and any(map(form.says, events)) and any(map(form.ends, events))
        return Reading(complete, error)
    document = parsed(text)
    error = error_in(document)
    complete = not form.streamed and error is None and form.whole(document)
    return Reading(complete, error)


def parsed(text: str) -> Any:
    """Return the JSON of a text, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def error_in(document: Any) -> Mapping[str, Any] | None:
    """Return the error that a document or an event carries."""
    if not isinstance(document, dict):
        return None
    if document.get("type") == "response.failed":
        document = document.get("response") or {}
    error = document.get("error")
    return error if isinstance(error, dict) else None


def _is_stream(text: str) -> bool:
    return text.lstrip().startswith(("data:", "event:", ":"))


def _events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.startswith("data:"):
            yield parsed(line.removeprefix("data:").strip())


def _chat(text: str, max_tokens: int) -> Body:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": max_tokens}


def _responses(text: str, max_tokens: int) -> Body:
    return {"input": text, "max_output_tokens": max_tokens}


def _embeddings(text: str, max_tokens: int) -> Body:
    del max_tokens
    return {"input": [text]}


def _choice(document: Any) -> tuple[Mapping[str, Any], Any]:
    """Return the first choice's message or delta, and why it ended."""
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return {}, None
    return choice.get("message") or choice.get("delta") or {}, choice.get("finish_reason")


def _chat_says(document: Any) -> bool:
    said, finish = _choice(document)
    words = ("content", "reasoning_content", "thinking_blocks", "tool_calls")
    return any(said.get(word) for word in words) or finish == "length"


def _of_type(*types: str) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, dict) and event.get("type") in types


def _messages_whole(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("type") != "message":
        return False
    return bool(document.get("content")) or document.get("stop_reason") == "max_tokens"


def _responses_whole(document: Any) -> bool:
    return isinstance(document, dict) and bool(document.get("output"))


def _embeddings_whole(document: Any) -> bool:
    return isinstance(document, dict) and bool(document.get("data"))


def _streamed(form: Form, says: Callable[[Any], bool], ends: Callable[[Any], bool]) -> Form:
    body = form.body
    return Form(
        f"{form.name}_stream",
        form.path,
        lambda text, max_tokens: body(text, max_tokens) | {"stream": True},
        form.whole,
        says,
        ends,
    )


_CHAT = Form("chat", "/v1/chat/completions", _chat, _chat_says)
_MESSAGES = Form("messages", "/v1/messages", _chat, _messages_whole)
_RESPONSES = Form("responses", "/v1/responses", _responses, _responses_whole)
_EMBEDDINGS = Form("embeddings", "/v1/embeddings", _embeddings, _embeddings_whole)
_INCOMPLETE = "response.incomplete"  # ended by the limit of tokens, which is the proof's own

FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        _CHAT,
        _streamed(_CHAT, _chat_says, lambda event: event == "[DONE]"),
        _MESSAGES,
        _streamed(_MESSAGES, _of_type("content_block_delta"), _of_type("message_stop")),
        _RESPONSES,
        _streamed(
            _RESPONSES,
            _of_type("response.output_text.delta", _INCOMPLETE),
            _of_type("response.completed", _INCOMPLETE),
        ),
        _EMBEDDINGS,
    )
}
