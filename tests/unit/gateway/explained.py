"""Configurations that the tests of the explanation begin with."""

from pathlib import Path
from typing import Any

import yaml

from gateway.from_files import configuration_from_files
from stacks.configuration import Configuration

ORIGINAL = Path(__file__).parent / "cases" / "original_litellm_config.yaml"

# What the published configuration's settings are where they were measured: one deployment.
INVESTIGATION = {"num_retries": 3, "allowed_fails": 3, "cooldown_time": 30}
# The measured settings of docs: rescue now, never sleep out a Retry-After, breaker after 3.
RESCUE_NOW = {"num_retries": 0, "allowed_fails": 2, "cooldown_time": 30}
MEASURED_ENVIRONMENT = {"PYTHON_GC_THRESHOLD": "50000,50,50"}


def models(*names: str, **params: Any) -> list[dict[str, Any]]:
    """Return one deployment for each group, its provider being what stands before the slash."""
    return [{"model_name": name, "litellm_params": {"model": name, **params}} for name in names]


def configuration(
    *names: str,
    router: dict[str, Any] | None = None,
    litellm: dict[str, Any] | None = None,
    general: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    fly: dict[str, Any] | None = None,
    **more: Any,
) -> Configuration:
    """Return a configuration with these groups; of each part what is given, and nothing else."""
    sections: dict[str, Any] = {
        "model_list": models(*names, **(params or {})),
        "router_settings": router,
        "litellm_settings": litellm,
        "general_settings": general,
    }
    given = {name: section for name, section in sections.items() if section is not None}
    return configuration_from_files(litellm=given, fly=fly, **more)


def original() -> Configuration:
    """Return the published configuration."""
    return configuration_from_files(litellm=yaml.safe_load(ORIGINAL.read_text("utf-8")))
