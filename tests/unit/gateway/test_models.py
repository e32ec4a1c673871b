from datetime import date

import pytest

from gateway.models import RETIREMENTS, catalogue, facts_of


def test_a_model_is_found_with_its_prefix_and_under_its_bare_name() -> None:
    for model, provider in (("openai/gpt-5.5", "openai"), ("gpt-5.5", "openai"), ("gpt-5.5", "")):
        found = facts_of(model, provider)
        assert found is not None
        assert (found.name, found.provider, found.mode) == ("gpt-5.5", "openai", "chat")


def test_an_entry_of_another_provider_does_not_count() -> None:
    assert facts_of("gpt-5.5", "no-such-provider") is None
    assert facts_of("no-such-model", "openai") is None


def test_a_region_of_bedrock_is_looked_through() -> None:
    found = facts_of("bedrock/eu.anthropic.claude-sonnet-4-6", "bedrock")

    assert found is not None
    assert found.provider == "bedrock"


def test_limits_prices_and_capabilities_are_those_of_the_map() -> None:
    found = facts_of("anthropic/claude-opus-4-7", "anthropic")

    assert found is not None
    assert (found.max_input_tokens, found.max_output_tokens) == (1_000_000, 128_000)
    assert (found.input_cost_per_token, found.output_cost_per_token) == (5e-06, 2.5e-05)
    assert (found.vision, found.function_calling) == (True, True)
    assert found.retires is None


@pytest.mark.parametrize("model", RETIREMENTS)
def test_a_retirement_that_was_announced_is_known_with_its_successor(model: str) -> None:
    found = facts_of(model, model.partition("/")[0])

    assert found is not None
    assert found.retires is not None
    assert found.retires <= RETIREMENTS[model].day
    assert found.successor == RETIREMENTS[model].successor
    assert found.retires_source
    assert not found.retires_inferred


def test_the_earliest_of_all_days_counts() -> None:
    found = facts_of("xai/grok-code-fast-1", "xai")

    assert found is not None
    assert found.retires == date(2026, 5, 15)  # LiteLLM 1.109.1's map; announced was August
    assert "1.109.1" in found.retires_source


def test_a_day_of_a_sibling_provider_is_told_as_inferred() -> None:
    found = facts_of("vertex_ai/gemini-3-pro-image-preview", "vertex_ai")

    assert found is not None
    assert found.retires == date(2026, 6, 25)
    assert found.retires_inferred
    assert "gemini/gemini-3-pro-image-preview" in found.retires_source


def test_a_models_own_day_holds_though_a_sibling_is_retired_before() -> None:
    found = facts_of("gemini-embedding-001", "vertex_ai")

    assert found is not None
    assert found.retires == date(2028, 5, 20)  # gemini/ says 14 May
    assert not found.retires_inferred


def test_a_maker_that_is_no_sibling_says_nothing_about_another_host() -> None:
    claude = facts_of("vertex_ai/claude-sonnet-4-6", "vertex_ai")

    assert claude is not None
    assert not claude.retires_inferred


def test_every_row_of_the_table_can_be_read() -> None:
    facts = [catalogue()[name] for name in catalogue()]

    assert len(facts) == len(catalogue()) > 4000
    assert {row.mode for row in facts} >= {"chat", "embedding", "rerank"}
