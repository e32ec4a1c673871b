"""In which file a setting was written, or would be."""

from collections.abc import Callable, Mapping
from typing import Any

from stacks.paths import Path, parse
from stacks.settings import Definition

Place = Callable[[str], str]
"""From a spelled path, such as `fly.memory_mb`, to a file and key."""

DEFINITION_FILE = "stacks/gateway.py"


def configuration_file(environment: str) -> str:
    """Return the name of the file that says what is an environment's own."""
    return f"Pulumi.{environment}.yaml"


def place_in(environment: str, config: Mapping[str, Any], base: Mapping[str, Any]) -> Place:
    """Return the `Place` for settings made of `config` laid over `base`.

    A setting that is written nowhere is placed where one would write it: what all environments
    share in the definition, all else in the environment's own file.
    """

    def place(spelled: str) -> str:
        try:
            path = parse(spelled)
        except ValueError:
            path = (spelled.split(".", 1)[0],)
        if _written_in_config(path, config, base):
            return f"{configuration_file(environment)}: gateway:{spelled}"
        return f"{DEFINITION_FILE}: {spelled}"

    return place


def _written_in_config(path: Path, config: Any, base: Any) -> bool:
    for part in path:
        if not isinstance(config, Mapping):
            return True  # a list or a scalar replaces all that the definition says below
        if part not in config:
            shared = isinstance(base, Mapping) and part in base
            return not shared and path[0] not in Definition.model_fields
        config = config[part]
        base = base.get(part) if isinstance(base, Mapping) else None
    return True
