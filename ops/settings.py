"""An environment's settings as the commands need them: checked in full, or only read."""

from pathlib import Path

from pydantic import ValidationError

from components.promoted import definition_of
from components.validate import load_checked_file
from stacks.config_file import read_config_file
from stacks.load import Loaded, load_settings
from stacks.settings import Promotion, Settings


def checked_settings(root: Path, environment: str) -> Loaded:
    """Return settings that passed every check but that of the secrets' values.

    Raises `ProblemError` with all problems.
    """
    return load_checked_file(root, environment)


def promotion_settings(root: Path, environment: str) -> Promotion | None:
    """Return where an environment's bundles come from, whatever else its file says.

    None when it says nothing of it, or something of another shape.
    """
    given = read_config_file(root, environment).values.get("promotion")
    try:
        return None if given is None else Promotion.model_validate(given)
    except ValidationError:
        return None


def plain_settings(root: Path, environment: str) -> Settings:
    """Return settings of the right shape, whatever the checks of their meaning would say."""
    return plain_loaded(root, environment).settings


def plain_loaded(root: Path, environment: str) -> Loaded:
    """Return the same, with where each was written.

    Those of an environment with a promotion are what the promotion's file says, below its own.
    """
    raw = read_config_file(root, environment)
    return load_settings(environment, raw, definition=definition_of(root, environment, raw))
