"""An environment's settings as the commands need them: checked in full, or only read."""

from pathlib import Path

from components.validate import load_checked_file
from stacks.config_file import read_config_file
from stacks.load import Loaded, load_settings
from stacks.settings import Settings


def checked_settings(root: Path, environment: str) -> Loaded:
    """Return settings that passed every check but that of the secrets' values.

    Raises `ProblemError` with all problems.
    """
    return load_checked_file(root, environment)


def plain_settings(root: Path, environment: str) -> Settings:
    """Return settings of the right shape, whatever the checks of their meaning would say."""
    return load_settings(environment, read_config_file(root, environment)).settings
