"""The model providers on this machine: which path of which provider is answered how.

They check that a key is there, not which: any will do. Tools, images and audio in a request are
accepted and ignored. Of a request nothing is kept but what `attempts` says.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from sandbox.providers import anthropic, openai, vertex
from sandbox.providers.answers import Answer, tokens_of
from sandbox.providers.attempts import is_prefilled, marker_of
from sandbox.providers.connections import Connections
from sandbox.providers.exchange import Errors, Exchange
from sandbox.providers.scripts import FaultScripts, Kind, Step

PROVIDERS = ("openai", "xai", "anthropic", "vertex_ai")
VERTEX_MODEL = "/projects/{project}/locations/{location}/publishers/google/models/{model}:{verb}"
NO_PREFILL = "this model does not continue an assistant message; the last one must be the user's"
QUESTION = ("messages", "system", "input", "instructions", "contents", "systemInstruction")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one endpoint needs and how it answers; `key_headers` may each hold the key."""

    provider: str
    errors: Errors
    needs: tuple[str, ...]
    whole: Callable[[Answer, Body], dict[str, Any]]
    stream: Callable[[Answer, Body], list[bytes]] | None = None
    key_headers: tuple[str, ...] = ("authorization",)


@dataclass(frozen=True, slots=True)
class _World:
    scripts: FaultScripts
    connections: Connections
    new_id: Callable[[], str]
    clock: Callable[[], float]


def build_providers(
    scripts: FaultScripts,
    connections: Connections,
    *,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    clock: Callable[[], float] = time.time,
    extra_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application; serve it with `uvicorn.Config(app, http=connections.protocol)`.

    `extra_routes` are those of other services that share the address.
    """
    world = _World(scripts, connections, new_id, clock)
    routes: list[BaseRoute] = [
        Route(f"{path}{suffix}", _Endpoint(world, dialect), methods=["POST"])
        for path, dialect in _dialects().items()
        for suffix in (("", "/") if "{" not in path else ("",))
    ]
    routes += [
        Route("/openai/v1/models", _Models(openai.MODELS, "openai"), methods=["GET"]),
        Route("/xai/v1/models", _Models(openai.XAI_MODELS, "xai"), methods=["GET"]),
        Route("/token", _Token(world), methods=["POST"]),
    ]
    routes += extra_routes
    return Starlette(routes=routes, exception_handlers={404: _unknown, 405: _unknown})


def _dialects() -> dict[str, Dialect]:
    chat = _openai_like("openai", openai.error)
    gemini = Dialect(
        "vertex_ai",
        vertex.error,
        ("contents",),
        lambda answer, _: vertex.generate(answer),
        lambda answer, _: vertex.generate_stream(answer),
    )
    return {
        "/openai/v1/chat/completions": chat,
        "/openai/v1/embeddings": Dialect(
            "openai", openai.error, ("model", "input"), openai.embeddings
        ),
        "/openai/v1/responses": _responses("openai", openai.error),
        "/xai/v1/chat/completions": _openai_like("xai", openai.xai_error),
        "/xai/v1/responses": _responses("xai", openai.xai_error),
        "/anthropic/v1/messages": Dialect(
            "anthropic",
            anthropic.error,
            ("model", "messages", "max_tokens"),
            lambda answer, _: anthropic.message(answer),
            lambda answer, _: anthropic.message_stream(answer),
            key_headers=("x-api-key", "authorization"),
        ),
        f"/v1{VERTEX_MODEL}": gemini,
        f"/v1beta1{VERTEX_MODEL}": gemini,
    }


def _openai_like(provider: str, errors: Errors) -> Dialect:
    def stream(answer: Answer, body: Body) -> list[bytes]:
        options = body.get("stream_options")
        counted = isinstance(options, dict) and options.get("include_usage") is True
        return openai.chat_stream(answer, with_usage=counted)

    needs = ("model", "messages")
    return Dialect(provider, errors, needs, lambda answer, _: openai.chat(answer), stream)


def _responses(provider: str, errors: Errors) -> Dialect:
    return Dialect(
        provider,
        errors,
        ("model", "input"),
        lambda answer, _: openai.response(answer),
        lambda answer, _: openai.response_stream(answer),
    )


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One path: checks key and body as the provider would, then does what the script says."""

    world: _World
    dialect: Dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        id_ = self.world.new_id()
        exchange = Exchange(
            scope, receive, send, connections=self.world.connections, request_id=id_
        )
        dialect, verb = self.dialect, request.path_params.get("verb")
        body = _parsed(raw)
        model = str(request.path_params.get("model") or body.get("model") or "unknown")
        if verb not in {None, "generateContent", "streamGenerateContent"}:
            await exchange.json(dialect.errors(404, f"the sandbox does not know :{verb}"), 404)
        elif not _has_key(request.headers, dialect.key_headers):
            self._note(model, body, "unauthorized")
            await exchange.json(dialect.errors(401, "no API key was provided"), 401)
        elif missing := [name for name in dialect.needs if not body.get(name)]:
            self._note(model, body, "bad_request")
            text = f"the request's body lacks {', '.join(missing)}"
            await exchange.json(dialect.errors(400, text), 400)
        else:
            streamed = verb == "streamGenerateContent" or (verb is None and body.get("stream"))
            size, now = tokens_of(_question(body)), int(self.world.clock())
            step = self._step(model, body, streamed=bool(streamed))
            answer = Answer(dialect.provider, model, id_, now, size)
            if dialect.stream and streamed:
                await exchange.obey(step, dialect.errors, dialect.stream(answer, body))
            else:
                await exchange.obey(step, dialect.errors, dialect.whole(answer, body))

    def _step(self, model: str, body: Body, *, streamed: bool) -> Step:
        """Return what happens to this request, and note that it came."""
        marker = marker_of(_question(body))
        step = self.world.scripts.take(self.dialect.provider, model, marker)
        self._log(model, body, step.kind.value, streamed=streamed)
        if step.kind is Kind.NO_PREFILL and is_prefilled(_messages(body)):
            return Step(Kind.STATUS, status=400, message=NO_PREFILL)
        return step

    def _note(self, model: str, body: Body, given: str) -> None:
        """Count and log a request that no script was asked about."""
        self.world.scripts.count(self.dialect.provider, model, given)
        self._log(model, body, given, streamed=bool(body.get("stream")))

    def _log(self, model: str, body: Body, given: str, *, streamed: bool) -> None:
        question = _question(body)
        self.world.scripts.log.add(
            at=self.world.clock(),
            provider=self.dialect.provider,
            model=model,
            streamed=streamed,
            given=given,
            marker=marker_of(question),
            tokens=tokens_of(question),
            prefilled=is_prefilled(_messages(body)),
        )


@dataclass(frozen=True, slots=True)
class _Models:
    """The list of models; not scripted and not counted, since LiteLLM asks by itself at boot."""

    names: tuple[str, ...]
    owner: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        errors = openai.error if self.owner == "openai" else openai.xai_error
        if _has_key(Request(scope).headers, ("authorization",)):
            reply = JSONResponse(openai.models(self.names, self.owner))
        else:
            reply = JSONResponse(errors(401, "no API key was provided"), 401)
        await reply(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Token:
    """Google's token endpoint for service accounts; counted as the model `token`."""

    world: _World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await Request(scope, receive).body()
        form = dict(parse_qsl(raw.decode(errors="replace")))
        try:
            reply = JSONResponse(vertex.token(form, self.world.new_id()))
            self.world.scripts.count("vertex_ai", "token", "ok")
        except vertex.GrantError as error:
            self.world.scripts.count("vertex_ai", "token", "bad_request")
            body = {"error": "invalid_grant", "error_description": str(error)}
            reply = JSONResponse(body, 400)
        await reply(scope, receive, send)


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    del error
    paths = [
        "GET /{openai,xai}/v1/models",
        "POST /token",
        *(f"POST {path}" for path in _dialects()),
    ]
    message = f"the sandbox's providers do not answer {request.method} {request.url.path}"
    return JSONResponse({"error": {"message": message, "paths": paths}}, 404)


def _question(body: Body) -> list[Any]:
    return [body.get(name) for name in QUESTION]


def _messages(body: Body) -> Any:
    return body.get("messages") or body.get("contents")


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _has_key(headers: Mapping[str, str], names: tuple[str, ...]) -> bool:
    keys = [headers.get(name, "").strip() for name in names]
    # `Bearer` without a key is what a client sends when its key is an empty text.
    return any(key and key.lower() != "bearer" for key in keys)
