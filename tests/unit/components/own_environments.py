"""The project's own environments as their committed files say, with what only a user can add."""

from pathlib import Path
from typing import Any

from stacks.config_file import read_config_file
from stacks.load import RawConfig, load_settings
from stacks.merge import merged
from stacks.settings import Settings

ENVIRONMENTS = ("local", "dev", "live")
ROOT = Path(__file__).parents[3]
YOURS: dict[str, Any] = {
    "fly": {"organization": "acme", "app": "acme-gateway"},
    "providers": {"vertex_ai": {"vertex_project": "acme", "vertex_location": "global"}},
}


def own_settings(environment: str) -> Settings:
    """Return the settings of one of them; live's without its promotion."""
    given = dict(read_config_file(ROOT, environment).values)
    given.pop("promotion", None)
    values = merged(YOURS, given)
    return load_settings(environment, RawConfig(values)).settings
