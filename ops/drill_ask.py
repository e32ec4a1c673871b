"""One chat with a gateway under drill, from the caller's side: what came, and what was told."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from gateway.drill.seen import Answer, Form

QUESTION = "who are you?"
MAX_TOKENS = 64
OK = 200
DONE = "[DONE]"
ALIVE_S = 10.0


class Asker:
    """Asks one gateway; every trouble on the way is part of the answer, none is raised.

    `limit_s` is how long the caller waits for all of an answer. `clock` is in seconds.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
        client: httpx.Client | None = None,
    ) -> None:
        self.limit_s = limit_s
        self._clock = clock
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        # Every request has a connection of its own: none is met by what another one broke.
        self._client = client or httpx.Client(
            trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, group: str, form: Form, marker: str, *, began: float | None = None) -> Answer:
        """Ask a group one question with the marker in it; `began` is when its run did."""
        start = self._clock()
        heard = _Heard(self._clock, start + self.limit_s)
        body = _body(group, form, marker)
        try:
            with self._client.stream(
                "POST",
                f"{self._url}/v1/chat/completions",
                json=body,
                headers=self._headers,
                timeout=self.limit_s,
            ) as answer:
                heard.take(answer, form)
        except httpx.TimeoutException:
            heard.ended = False
        except httpx.HTTPError as error:
            heard.error = heard.error or f"connection broken: {type(error).__name__}"
        took_s = self._clock() - start
        return heard.answer(form, took_s, start - (start if began is None else began))

    def alive(self, group: str, marker: str) -> bool:
        """Tell whether a healthy request is answered soon."""
        answer = self.ask(group, Form.WHOLE, marker)
        return bool(answer.by) and answer.took_s <= ALIVE_S


class _Heard:
    """What was received so far of one answer."""

    def __init__(self, clock: Callable[[], float], until: float) -> None:
        self._clock = clock
        self._until = until
        self.ended = True
        self.error = ""
        self._status = 0
        self._text = ""
        self._model = ""
        self._usage = False
        self._finished = False
        self._headers: Mapping[str, str] = {}

    def take(self, answer: httpx.Response, form: Form) -> None:
        """Read an answer to its end, or to the limit."""
        self._status = answer.status_code
        self._headers = dict(answer.headers)
        if answer.status_code != OK or form is Form.WHOLE:
            self._whole(answer.read())
            return
        for event in _events(answer):
            if self._clock() > self._until:
                self.ended = False
                return
            self._event(event)
        if not self._finished and not self.error:
            self.error = "the stream ended without [DONE]"

    def answer(self, form: Form, took_s: float, at_s: float) -> Answer:
        """Return it as the drill judges it."""
        told = self._headers.get("x-litellm-attempted-fallbacks", "")
        return Answer(
            form=form,
            status=self._status,
            text=self._text,
            took_s=took_s,
            ended=self.ended,
            error=self.error,
            model=self._model,
            usage=self._usage,
            group=self._headers.get("x-litellm-model-group"),
            fallbacks=int(told) if told.isdecimal() else None,
            at_s=at_s,
        )

    def _whole(self, raw: bytes) -> None:
        document = _object(raw.decode(errors="replace"))
        if self._status != OK:
            self.error = _told(document) or f"HTTP {self._status}"
            return
        self._usage = bool(document.get("usage"))
        self._model = str(document.get("model") or "")
        self._text = _content(document, "message")

    def _event(self, text: str) -> None:
        if text == DONE:
            self._finished = True
            return
        document = _object(text)
        if "error" in document:
            self.error = _told(document) or "an error event"
            return
        self._model = self._model or str(document.get("model") or "")
        self._usage = self._usage or bool(document.get("usage"))
        self._text += _content(document, "delta")


def _body(group: str, form: Form, marker: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": group,
        "messages": [{"role": "user", "content": f"{marker}: {QUESTION}"}],
        "max_tokens": MAX_TOKENS,
        "cache": {"no-cache": True},
    }
    if form is Form.STREAM:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _events(answer: httpx.Response) -> Iterator[str]:
    for line in answer.iter_lines():
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _content(document: Mapping[str, Any], part: str) -> str:
    try:
        return str(document["choices"][0][part].get("content") or "")
    except (LookupError, TypeError, AttributeError):
        return ""


def _told(document: Mapping[str, Any]) -> str:
    error = document.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or "")
