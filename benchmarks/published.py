"""A second LiteLLM beside the gateway's, with the settings that the investigation published."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import yaml

from benchmarks.harness import LocalGateway, free_ports
from benchmarks.processes import BenchmarkError, tell, wait_for
from components.bundle import make_bundle
from components.validate import load_checked_file

OK = 200
BOOT_S = 180.0

# Everything in the published file that decides what happens when a provider fails. Left out is
# what this machine does not have or a rescue does not depend on: PostHog, Prometheus, the database,
# the response cache, Redis. All of it would only add to a rescue's time.
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
PROBES = "proof/"  # what the proof's own groups are called
OURS = frozenset({"num_retries", "timeout", "stream_timeout"})  # per model, not in the published


def published_config(ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return the published settings over the models of our rendered document.

    The published file has no models, they were in its database; ours are taken without the probe
    groups of the proof and without what we set on single models.
    """
    models = [
        {
            **model,
            "litellm_params": {
                key: value for key, value in model["litellm_params"].items() if key not in OURS
            },
        }
        for model in ours["model_list"]
        if not model["model_name"].startswith(PROBES)
    ]
    return {
        "model_list": models,
        "litellm_settings": dict(LITELLM),
        "general_settings": dict(GENERAL),
        "router_settings": dict(ROUTER),
    }


def start_published(gateway: LocalGateway, key: str) -> str:
    """Boot the second LiteLLM with the gateway's version, models and providers; return its URL."""
    settings = load_checked_file(gateway.project, "local").settings
    config = published_config(yaml.safe_load(make_bundle(settings).litellm_yaml))
    folder = gateway.home / "published"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (port,) = free_ports(1)
    command = [*litellm_command(settings.image.version), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environ = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LITELLM_MASTER_KEY": key,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the other one is fetched from the network
        "VERTEX_CREDENTIALS_JSON": gateway.environ["VERTEX_CREDENTIALS_JSON"],
        **dict.fromkeys(("OPENAI_API_KEY", "XAI_API_KEY", "ANTHROPIC_API_KEY"), "sk-bench"),
    }
    tell("rescue: booting a second LiteLLM with the published settings")
    gateway.processes.start(command, environ=environ, folder=folder, output=folder / "log")
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: alive(url), BOOT_S, "the second LiteLLM serves")
    return url


def litellm_command(version: str) -> list[str]:
    """Return what starts a LiteLLM that the sandbox installed; `BenchmarkError` if it has not."""
    programs = _cache() / "litellm" / version / "bin"
    if not (programs / "litellm").is_file():
        raise BenchmarkError(f"LiteLLM {version} is not installed: `gateway sandbox up` does it")
    return [str(programs / "python"), str(programs / "litellm")]


def alive(url: str) -> bool | None:
    """Answer True once the LiteLLM behind the address is up, until then None."""
    try:
        return httpx.get(f"{url}/health/liveliness", timeout=5).status_code == OK or None
    except httpx.HTTPError:
        return None


def _cache() -> Path:
    """Return where the sandbox keeps LiteLLM's environments; it installed this one."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "litellm-fly-gateway"
