"""How the rules about a fly.toml are put to a configuration."""

from collections.abc import Iterable

from fly.rules.all import RULES
from stacks.configuration import Configuration
from stacks.rule import Result, Rule


def check(
    configuration: Configuration, *, rules: Iterable[Rule[Configuration]] = RULES
) -> tuple[Result, ...]:
    """Return every finding, rule by rule; never raises, whatever the text said.

    Without a fly.toml there is nothing to find. These rules hold for any release of LiteLLM.
    """
    if configuration.fly is None:
        return ()
    return tuple(
        Result(rule.id, rule.severity, finding, rule.title)
        for rule in rules
        for finding in rule.find(configuration)
    )
