import pytest

from gateway.prefixes import finds_prefixed, without_prefix
from gateway.subject import Subject
from tests.unit.gateway.explained import configuration

LATEST = "1.109.1"


@pytest.mark.parametrize(
    ("group", "bare"),
    [
        ("openai/gpt-5.5", "gpt-5.5"),
        ("openrouter/openai/gpt-5.5", "openai/gpt-5.5"),
        ("acme/gpt-5.5", ""),  # nobody's prefix
        ("veniceai/llama", ""),  # a provider, and none that the lookup knows
        ("gpt-5.5", ""),
    ],
)
def test_only_the_prefix_of_a_provider_is_taken_off(group: str, bare: str) -> None:
    assert without_prefix(group) == bare


@pytest.mark.parametrize(
    ("group", "source", "version", "is_found"),
    [
        ("gpt-5.5", "openai/gpt-5.5", LATEST, True),
        ("gpt-5.5", "openai/gpt-5.5", "1.104.0", True),
        ("gpt-5.5", "openai/gpt-5.5", "1.103.11", False),
        ("gpt-5.5", "azure/gpt-5.5", LATEST, False),
        ("claude-sonnet-4-6", "anthropic/claude-sonnet-4-6", LATEST, True),
        ("claude-later-9", "anthropic/claude-later-9", LATEST, True),  # by its pattern
        ("my-claude", "anthropic/my-claude", LATEST, False),
        ("deepseek-chat", "deepseek/deepseek-chat", LATEST, False),  # in the map, and not asked
        ("grok", "xai/grok", LATEST, False),
        ("openai/gpt-5.5", "openai/openai/gpt-5.5", LATEST, False),
    ],
)
def test_a_prefix_is_added_where_the_provider_can_be_told(
    group: str, source: str, version: str, *, is_found: bool
) -> None:
    assert finds_prefixed(group, source, version) is is_found


@pytest.mark.parametrize(
    ("group", "source", "is_chained"),
    [
        ("openai/small", "small", True),
        ("family/small", "small", False),
        ("gpt-5.5", "openai/gpt-5.5", True),
        ("small", "openai/small", False),
    ],
)
def test_a_group_has_the_chain_that_litellm_finds_for_it(
    group: str, source: str, *, is_chained: bool
) -> None:
    subject = Subject(configuration(group, router={"fallbacks": [{source: ["other"]}]}))
    assert (subject.chain_of(group) is not None) is is_chained
    assert subject.is_served(source, as_source=True) is is_chained


def test_a_source_may_lack_the_prefix_that_a_wildcard_group_has() -> None:
    subject = Subject(configuration("openai/*", router={"fallbacks": [{"gpt-9": ["other"]}]}))
    assert subject.is_served("gpt-9", as_source=True)
    assert not subject.is_served("gpt-9")
    assert subject.chain_of("openai/gpt-9") is not None
