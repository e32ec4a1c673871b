"""How the rules about LiteLLM are put to a configuration."""

from collections.abc import Iterable, Iterator

from gateway.rules.all import RULES
from gateway.subject import Subject
from stacks.configuration import Configuration
from stacks.rule import Result, Rule
from stacks.versions import Holds


def check(
    configuration: Configuration, *, rules: Iterable[Rule[Subject]] = RULES
) -> tuple[Result, ...]:
    """Return every finding, rule by rule; never raises, whatever the texts said."""
    return tuple(_results(configuration, rules))


def _results(configuration: Configuration, rules: Iterable[Rule[Subject]]) -> Iterator[Result]:
    subject = Subject(configuration)
    for rule in rules:
        holds = rule.versions.hold(configuration.version)
        if holds is Holds.NO:
            continue
        for finding in rule.find(subject):
            verified = holds is Holds.YES
            yield Result(rule.id, rule.severity, finding, rule.title, verified)
