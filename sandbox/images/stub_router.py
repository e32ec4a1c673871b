"""How the stub gateway answers a chat: LiteLLM's model list and chains, without LiteLLM."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

FROM_ENVIRONMENT = "os.environ/"
UPSTREAM_TIMEOUT_S = 10.0
BAD_GATEWAY = 500  # what LiteLLM makes of a refused connection
TIMED_OUT = 408  # and of a provider that does not answer
ERRORS_FROM = 400
FALLBACKS = "litellm_deployment_successful_fallbacks_total"


class UpstreamError(Exception):
    """A deployment did not answer; `status` is what a caller gets to see."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnknownModelError(Exception):
    """A request names a model that the file does not have."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of `model_list`; without `api_base` the stub itself answers."""

    group: str
    model: str
    id: str
    api_base: str | None
    api_key: str
    timeout_s: float
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rescue:
    """An answer, the deployment that gave it and whether it was the one asked for."""

    text: str
    deployment: Deployment
    fell_back: bool


@dataclass(slots=True)
class Router:
    """The deployments by group name, the chains, and the counter of fallbacks that worked."""

    deployments: dict[str, Deployment]
    chains: dict[str, list[str]]
    never: bool = False  # STUB_NO_FALLBACK
    always: bool = False  # STUB_ALWAYS_FALLBACK
    _counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def chain(self, group: str) -> list[str]:
        """Return the targets of a group, those of `"*"` when it has none of its own."""
        return self.chains.get(group) or self.chains.get("*", [])

    def complete(self, group: str, messages: Any, *, fallbacks: bool) -> Rescue:
        """Ask the group, then its chain, each target once; raise the first `UpstreamError`."""
        if group not in self.deployments:
            raise UnknownModelError(group)
        if self.always and self.chain(group):
            target = self.deployments[self.chain(group)[0]]
            return Rescue("answered by the stub", target, fell_back=True)
        return self._try(group, group, messages, {group}, fallbacks=fallbacks and not self.never)

    def metrics(self) -> str:
        """Return the counter as Prometheus reads it."""
        lines = [
            f"# HELP {FALLBACKS} Fallbacks that answered",
            f"# TYPE {FALLBACKS} counter",
        ]
        with self._lock:
            counts = sorted(self._counts.items())
        for (requested, target, status), count in counts:
            labels = {
                "api_key_alias": "None",
                "exception_class": "Openai.InternalServerError",
                "exception_status": str(status),
                "fallback_model": target,
                "hashed_api_key": "litellm_proxy_master_key",
                "model_id": "None",
                "requested_model": requested,
                "team": "None",
                "team_alias": "None",
            }
            text = ",".join(f'{name}="{value}"' for name, value in labels.items())
            lines.append(f"{FALLBACKS}{{{text}}} {float(count)}")
        return "\n".join(lines) + "\n"

    def _try(
        self, group: str, asked: str, messages: Any, tried: set[str], *, fallbacks: bool
    ) -> Rescue:
        deployment = self.deployments[group]
        try:
            return Rescue(ask(deployment, messages), deployment, fell_back=group != asked)
        except UpstreamError as error:
            if not fallbacks:
                raise
            for target in self.chain(group):
                if target in tried or target not in self.deployments:
                    continue
                tried.add(target)
                try:
                    rescue = self._try(target, asked, messages, tried, fallbacks=fallbacks)
                except UpstreamError:
                    continue
                with self._lock:
                    self._counts[group, target, error.status] += 1
                return rescue
            raise


def read_router(path: Path, environ: Mapping[str, str]) -> tuple[Router, str | None]:
    """Read LiteLLM's file; return the router and the master key."""
    config = yaml.safe_load(path.read_text()) or {}

    def resolved(value: Any) -> Any:
        if isinstance(value, str) and value.startswith(FROM_ENVIRONMENT):
            return environ.get(value.removeprefix(FROM_ENVIRONMENT))
        return value

    deployments = {}
    for entry in config.get("model_list") or []:
        params, info = entry.get("litellm_params") or {}, entry.get("model_info") or {}
        group = entry["model_name"]
        deployments[group] = Deployment(
            group=group,
            model=str(params.get("model", group)),
            id=str(info.get("id", group)),
            api_base=resolved(params.get("api_base")),
            api_key=resolved(params.get("api_key")) or "stub",
            timeout_s=float(params.get("timeout") or UPSTREAM_TIMEOUT_S),
            info=info,
        )
    router, proxy = config.get("router_settings") or {}, config.get("litellm_settings") or {}
    chains: dict[str, list[str]] = {}
    for row in router.get("fallbacks") or proxy.get("fallbacks") or []:
        chains.update(row)
    if router.get("default_fallbacks"):
        chains.setdefault("*", router["default_fallbacks"])
    never = environ.get("STUB_NO_FALLBACK") == "1"
    always = environ.get("STUB_ALWAYS_FALLBACK") == "1"
    key = resolved((config.get("general_settings") or {}).get("master_key"))
    return Router(deployments, chains, never=never, always=always), key


def ask(deployment: Deployment, messages: Any) -> str:
    """Call the deployment's provider in its own format and return its text."""
    provider, _, model = deployment.model.partition("/")
    if not deployment.api_base:
        return f"answered by {deployment.model} (stub)"
    base = deployment.api_base.rstrip("/")
    headers = {"authorization": f"Bearer {deployment.api_key}"}
    if provider == "anthropic":
        body = {"model": model, "max_tokens": 64, "messages": messages}
        reply = _post(f"{base}/v1/messages", body, {"x-api-key": deployment.api_key}, deployment)
        return _text(reply, "content", 0, "text")
    if provider == "vertex_ai":
        url = f"{base}/v1/projects/stub/locations/global/publishers/google/models/{model}"
        contents = [{"role": "user", "parts": [{"text": json.dumps(messages)}]}]
        reply = _post(f"{url}:generateContent", {"contents": contents}, headers, deployment)
        return _text(reply, "candidates", 0, "content", "parts", 0, "text")
    body = {"model": model, "messages": messages}
    reply = _post(f"{base}/chat/completions", body, headers, deployment)
    return _text(reply, "choices", 0, "message", "content")


def _post(url: str, body: Any, headers: Mapping[str, str], deployment: Deployment) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=deployment.timeout_s
    )
    try:
        connection.request(
            "POST", parts.path, json.dumps(body), {"content-type": "application/json", **headers}
        )
        reply = connection.getresponse()
        raw = reply.read()
    except TimeoutError as error:
        raise UpstreamError(TIMED_OUT, "litellm.Timeout: Connection timed out.") from error
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamError(BAD_GATEWAY, "Connection error.") from error
    finally:
        connection.close()
    if reply.status >= ERRORS_FROM:
        raise UpstreamError(reply.status, raw.decode(errors="replace")[:500])
    return raw


def _text(raw: bytes, *path: str | int) -> str:
    try:
        value = json.loads(raw)
        for step in path:
            value = value[step]
    except (ValueError, LookupError, TypeError) as error:
        raise UpstreamError(BAD_GATEWAY, "the provider's answer is not understood") from error
    return str(value)
