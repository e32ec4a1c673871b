"""What the stub gateway says of itself: models and chains, deployments, settings, process."""

from collections.abc import Mapping
from typing import Any

from sandbox.images.stub_router import Router

MODELS_CREATED = 1677610602  # LiteLLM says this of every model
CHAINS_OF = {
    "context_window": "context_window_fallbacks",
    "content_policy": "content_policy_fallbacks",
}
DEFAULT_CACHE = "redis"


def details(config: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Answer /health/readiness/details."""
    section = config.get("litellm_settings") or {}
    kind = (section.get("cache_params") or {}).get("type", DEFAULT_CACHE)
    named = [name for name in section.get("success_callback") or [] if isinstance(name, str)]
    return {
        "status": "healthy",
        "db": "Not connected",
        "cache": kind if section.get("cache") else None,
        "litellm_version": version,
        "is_detailed_debug": False,
        "success_callbacks": ["PrometheusLogger", *named],
    }


def models(
    router: Router, config: Mapping[str, Any], *, with_chains: bool, kind: str = "general"
) -> dict[str, Any]:
    """Answer /v1/models, with the chain of this kind on request."""
    section = config.get("router_settings") or {}
    other: dict[str, Any] = {}
    for chains in section.get(CHAINS_OF.get(kind, "")) or []:
        other.update(chains)
    rows = []
    for group in router.deployments:
        row: dict[str, Any] = {"id": group, "object": "model", "created": MODELS_CREATED}
        row["owned_by"] = "openai"
        if with_chains:
            chain = router.chain(group) if kind == "general" else other.get(group, [])
            row["metadata"] = {"fallbacks": chain}
        rows.append(row)
    return {"data": rows, "object": "list"}


def model_info(config: Mapping[str, Any]) -> dict[str, Any]:
    """Answer /model/info: every deployment without its key."""
    return {
        "data": [
            {
                "model_name": entry["model_name"],
                "litellm_params": {
                    key: value
                    for key, value in (entry.get("litellm_params") or {}).items()
                    if key != "api_key"
                },
                "model_info": {
                    "id": entry["model_name"],
                    **(entry.get("model_info") or {}),
                    "db_model": False,
                },
            }
            for entry in config.get("model_list") or []
        ]
    }


def router_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Answer /router/settings: what the file says."""
    section = config.get("router_settings") or {}
    return {"current_values": section, "source": dict.fromkeys(section, "config")}


def callbacks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Answer /get/config/callbacks: among others what the router works with."""
    return {"status": "success", "router_settings": config.get("router_settings") or {}}
