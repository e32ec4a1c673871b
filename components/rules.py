"""Every rule about a configuration, LiteLLM's and Fly's, and how all are put to one."""

# ruff: noqa: PLC0415 - Fly's rules are loaded where there is a fly.toml: a check is over in a blink

from typing import Any

import gateway.checking
from gateway.rules.all import RULES as LITELLM_RULES
from stacks.configuration import Configuration
from stacks.rule import Result, Rule


def all_rules() -> tuple[Rule[Any], ...]:
    """Return every rule, in the order of the reference."""
    from fly.rules.all import RULES as FLY_RULES

    return (*LITELLM_RULES, *FLY_RULES)


def rules_for(configuration: Configuration) -> tuple[Rule[Any], ...]:
    """Return the rules that `check` puts to this configuration."""
    return LITELLM_RULES if configuration.fly is None else all_rules()


def check(configuration: Configuration) -> tuple[Result, ...]:
    """Return every finding; never raises, whatever the texts said."""
    found = gateway.checking.check(configuration)
    if configuration.fly is None:
        return found
    from fly.checking import check as check_fly

    return (*found, *check_fly(configuration))
