"""The settings that the investigation of May 2026 published, as far as they decide a rescue.

Everything in the published file that decides what happens when a provider fails. Left out is what
this machine does not have or a rescue does not depend on: PostHog, Prometheus, the database, the
response cache, Redis. All of it would only add to a rescue's time.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

ROUTER: Mapping[str, Any] = MappingProxyType(
    {
        "routing_strategy": "simple-shuffle",
        "num_retries": 3,
        "allowed_fails": 3,
        "cooldown_time": 30,
        "fallbacks": [
            {"openai/gpt-5.5": ["openai/gpt-5.4", "anthropic/claude-sonnet-4-6"]},
            {"openai/gpt-5.4": ["openai/gpt-5.4-mini"]},
            {"vertex_ai/gemini-3.1-pro-preview": ["vertex_ai/gemini-3.5-flash"]},
            {"xai/grok-4.3": ["anthropic/claude-sonnet-4-6"]},
            {"anthropic/claude-opus-4-7": ["anthropic/claude-sonnet-4-6"]},
            {"anthropic/claude-opus-4-6": ["anthropic/claude-sonnet-4-6"]},
        ],
    }
)
LITELLM: Mapping[str, Any] = MappingProxyType(
    {
        "drop_params": True,
        "set_verbose": False,
        "stream_timeout": 60,
        "default_fallbacks": ["anthropic/claude-haiku-4-5"],
    }
)
GENERAL: Mapping[str, Any] = MappingProxyType(
    {"master_key": "os.environ/LITELLM_MASTER_KEY", "request_timeout": 90}
)
OURS = frozenset({"num_retries", "timeout", "stream_timeout"})  # per model, not in the published


def published_config(ours: Mapping[str, Any], *, probes: str = "proof/") -> dict[str, Any]:
    """Return the published settings over the models of our rendered document.

    The published file has no models, they were in its database; ours are taken without the probe
    groups of the proof (`probes` begins their names) and without what we set on single models.
    """
    models = [
        {
            **model,
            "litellm_params": {
                key: value for key, value in model["litellm_params"].items() if key not in OURS
            },
        }
        for model in ours["model_list"]
        if not model["model_name"].startswith(probes)
    ]
    return {
        "model_list": models,
        "litellm_settings": dict(LITELLM),
        "general_settings": dict(GENERAL),
        "router_settings": dict(ROUTER),
    }
