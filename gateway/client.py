"""How the project's commands talk to a running gateway: readiness, what it says of itself, a chat.

Shapes are those of LiteLLM 1.106.2; where another supported release differs, the method says so.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.chains import EdgeKind
from gateway.change import masked
from stacks.problem import Problem, ProblemError

_OK = frozenset({200})
_READINESS = frozenset({200, 503})  # 503 with the same body while the database is away


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


@dataclass(frozen=True, slots=True)
class Details:
    """What /health/readiness/details says of the process; `cache` is a type, None without one."""

    version: str
    db: str
    cache: Any
    callbacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as LiteLLM holds it; a value that may be a secret is masked.

    `source` is `config`, `db`, `env`, `default` or `unset`, None from releases before 1.103, which
    do not say. `stored_in_db` tells whether the database holds a value too, used or not; None is
    unknown.
    """

    value: Any
    source: str | None = None
    stored_in_db: bool | None = None


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

    def models(self, kind: EdgeKind = EdgeKind.GENERAL) -> dict[str, tuple[Any, ...]]:
        """Return each group that is listed with the chain of `kind` that holds for it.

        A chain of `"*"` is included (proxy/utils.py:9277 and auth/model_checks.py:420). The
        master key is shown hidden groups too, hidden aliases never.
        """
        query = {"include_metadata": "true", "fallback_type": str(kind)}
        rows = self._rows("/v1/models", query)
        return {
            row["id"]: tuple(_list(_mapping(row, "metadata").get("fallbacks")))
            for row in rows
            if isinstance(row.get("id"), str)
        }

    def details(self) -> Details:
        """Return what the process says of itself (_health_endpoints.py:1729)."""
        body = self._read("/health/readiness/details", accepted=_READINESS)
        return Details(
            version=str(body.get("litellm_version", "")),
            db=str(body.get("db", "unknown")),
            cache=body.get("cache"),
            callbacks=tuple(map(str, _list(body.get("success_callbacks")))),
        )

    def deployments(self) -> list[dict[str, Any]]:
        """Return every deployment, hidden ones, aliases and what wildcards serve included.

        LiteLLM leaves keys of providers out and masks what else is secret (proxy_server.py:16768
        and common_utils/openai_endpoint_utils.py:18).
        """
        return self._rows("/model/info", {})

    def router_settings(self) -> dict[str, Setting]:
        """Return the router's settings: those of the file as it is now, then the router's own.

        LiteLLM reads the file again to answer (router_settings_endpoints.py:88), and resolves
        references: a password in it is masked here before anybody sees it.
        """
        body = self._read("/router/settings")
        sources = body.get("source")
        said = sources if isinstance(sources, Mapping) else {}
        return {
            name: Setting(masked((name,), value), said.get(name))
            for name, value in _mapping(body, "current_values").items()
        }

    def live_router(self) -> dict[str, Any]:
        """Return what the router works with since its start or its last sync, fewer settings.

        The answer is the admin page's (proxy_server.py:19864 and router.py:12660); what it says of
        callbacks is not kept, because it holds their keys.
        """
        found = _mapping(self._read("/get/config/callbacks"), "router_settings")
        return {name: masked((name,), value) for name, value in found.items()}

    def general_settings(self) -> dict[str, Setting]:
        """Return the general settings that the admin page edits; needs a database.

        Without one LiteLLM answers 400 and this raises (proxy_server.py:19445 to 19650).
        """
        query = {"config_type": "general_settings"}
        rows = self._read("/config/list", query, container=list)
        return {
            row["field_name"]: Setting(
                masked((row["field_name"],), row.get("field_value")),
                row.get("source"),
                row.get("stored_in_db"),
            )
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("field_name"), str)
        }

    def general_setting(self, name: str) -> Setting | None:
        """Return one general setting; None where this release does not tell.

        Needs a database (proxy_server.py:19243 to 19304; the source since BerriAI/litellm PR
        #41779). What is not set is refused with a text of its own, unlike what is not known.
        """
        answer = self._send("GET", "/config/field/info", params={"field_name": name})
        body = _object(answer)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            return Setting(None, "unset") if "is not set" in str(body) else None
        if answer.status_code != httpx.codes.OK:
            raise self._error(f"GET /config/field/info: HTTP {answer.status_code}")
        return Setting(masked((name,), body.get("field_value")), body.get("source"))

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

    def _rows(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        rows = self._read(path, query).get("data")
        if not isinstance(rows, list):
            raise self._error(f"GET {path}: no list of models")
        return [row for row in rows if isinstance(row, dict)]

    def _read(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accepted: frozenset[int] = _OK,
        container: type = dict,
    ) -> Any:
        answer = self._send("GET", path, params=query)
        document = _json(answer)
        if answer.status_code not in accepted or not isinstance(document, container):
            raise self._error(f"GET {path}: HTTP {answer.status_code}")
        return document

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


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _object(answer: httpx.Response) -> dict[str, Any]:
    document = _json(answer)
    return document if isinstance(document, dict) else {}


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


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
