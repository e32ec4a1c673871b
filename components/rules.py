"""Every rule about a configuration, LiteLLM's and Fly's, and how all are put to one."""

from typing import Any

import gateway.checking
from gateway.rules.all import RULES as LITELLM_RULES
from stacks.configuration import Configuration
from stacks.rule import Result, Rule

RULES: tuple[Rule[Any], ...] = LITELLM_RULES


def check(configuration: Configuration) -> tuple[Result, ...]:
    """Return every finding; never raises, whatever the texts said."""
    return gateway.checking.check(configuration)
