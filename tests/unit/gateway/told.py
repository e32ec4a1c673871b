"""What LiteLLM 1.106.2 was seen to say of itself, made for any configuration that it is given.

The shapes are those of a real proxy on the shared definition; with a database, which cannot run
on an offline machine, those of the released source (gateway/client.py names the lines).
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import httpx

from gateway.chains import WILDCARD
from gateway.changed_chains import chain_list
from gateway.client import GatewayClient
from gateway.running_drift import asked_by_name
from gateway.running_view import RunningView, read_view

KEY = "sk-stub-0123456789"
ADDED = {"use_in_pass_through": False, "use_litellm_proxy": False, "use_xai_oauth": False}
LEFT_OUT = ("api_key", "client_secret", "vertex_credentials", "aws_secret_access_key")
KINDS = {
    "general": "fallbacks",
    "context_window": "context_window_fallbacks",
    "content_policy": "content_policy_fallbacks",
}


class Told:
    """A gateway's answers to one configuration; a test changes `answers` before it looks."""

    def __init__(self, config: Mapping[str, Any], *, database: bool = False) -> None:
        self.asked: list[str] = []
        config = deepcopy(dict(config))
        router = {k: resolved(v) for k, v in (config.get("router_settings") or {}).items()}
        self.answers: dict[str, Any] = {
            "/health/readiness/details": details(config, database=database),
            "/model/info": {"data": [row(entry) for entry in config.get("model_list") or []]},
            "/router/settings": {
                "fields": [],
                "current_values": {"max_fallbacks": 5, **router},
                "source": {"max_fallbacks": "default", **dict.fromkeys(router, "config")},
            },
            "/get/config/callbacks": {
                "status": "success",
                "callbacks": [],
                "router_settings": {"retry_after": 0, **router},
            },
            "/config/list": [],
        }
        self.fields: dict[str, Any] = {}
        for kind, key in KINDS.items():
            self.answers[f"/v1/models {kind}"] = listed(config, key)
        for name, value in (config.get("general_settings") or {}).items():
            self.fields[name] = {"field_name": name, "field_value": value, "source": "config"}

    def view(self, rendered: Any) -> RunningView:
        transport = httpx.MockTransport(self._answer)
        with httpx.Client(transport=transport, base_url="http://gateway.test") as client:
            return read_view(GatewayClient(client, KEY), asked_by_name(rendered))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        self.asked.append(f"{path}?{request.url.query.decode()}")
        if path == "/v1/models":
            path = f"{path} {query['fallback_type']}"
        if path == "/config/field/info":
            found = self.fields.get(query["field_name"])
            if found is None:
                said = f"Field name={query['field_name']} is not set"
                return httpx.Response(400, json={"detail": {"error": said}})
            return httpx.Response(200, json=found)
        return httpx.Response(200, json=self.answers[path])


def details(config: Mapping[str, Any], *, database: bool) -> dict[str, Any]:
    section = config.get("litellm_settings") or {}
    names = [*(section.get("callbacks") or []), *(section.get("success_callback") or [])]
    classes = {"prometheus": "PrometheusLogger"}
    return {
        "status": "healthy",
        "db": "connected" if database else "Not connected",
        "cache": section.get("cache_params", {}).get("type", "redis")
        if section.get("cache")
        else None,
        "litellm_version": "1.106.2",
        "success_callbacks": ["cache", *(classes.get(str(name), str(name)) for name in names)],
    }


def row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deployment as /model/info gives it: keys left out, others masked, numbers floats."""
    params = {
        key: told(key, value)
        for key, value in entry["litellm_params"].items()
        if key not in LEFT_OUT and value is not None
    }
    return {
        "model_name": entry["model_name"],
        "litellm_params": {**ADDED, **params},
        "model_info": {
            "id": "0f3a",
            "db_model": False,
            "max_tokens": 128000,
            **entry.get("model_info", {}),
        },
    }


def told(key: str, value: Any) -> Any:
    if isinstance(value, str) and any(word in key for word in ("key", "secret", "token")):
        return value[:4] + "*" * 12 + value[-4:]
    if key in ("timeout", "stream_timeout") and isinstance(value, int):
        return float(value)
    return resolved(value)


def resolved(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("os.environ/"):
        return "what-the-environment-says"
    return value


def listed(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return /v1/models, with the chain that get_fallback_model_group finds for each name."""
    router = config.get("router_settings") or {}
    litellm = config.get("litellm_settings") or {}
    read = chain_list(router.get(key) or litellm.get(key))
    chains = dict(read.chains) if read is not None else {}
    default = litellm.get("default_fallbacks")
    if key == "fallbacks" and default and WILDCARD not in chains:
        chains[WILDCARD] = default
    names = dict.fromkeys(entry["model_name"] for entry in config.get("model_list") or [])
    return {
        "data": [
            {
                "id": name,
                "object": "model",
                "metadata": {"fallbacks": chains.get(name, chains.get(WILDCARD, []))},
            }
            for name in names
        ]
    }
