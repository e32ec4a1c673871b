"""How the rendered fly.toml becomes the configuration of the gateway's machines."""

import tomllib
from typing import Any

from components.bundle import Bundle
from fly.canonical import canonical
from fly.machine_config import DeployInputs, machine_config
from fly.release import GROUP
from stacks.settings import Settings


def gateway_machine_config(settings: Settings, bundle: Bundle) -> dict[str, Any]:
    """Read the rendered toml as flyctl would and return the canonical machine configuration."""
    inputs = DeployInputs(
        image=settings.image.reference,
        files=bundle.files,
    )
    config = machine_config(tomllib.loads(bundle.fly_toml), GROUP, inputs)
    return canonical(config)
