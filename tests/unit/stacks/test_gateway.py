"""What the shared definition has from the investigation, and what it corrects."""

from pathlib import Path

from stacks.gateway import DEFINITION

PUBLISHED_CHAINS = {
    "openai/gpt-5.5": ("openai/gpt-5.4", "anthropic/claude-sonnet-4-6"),
    "openai/gpt-5.4": ("openai/gpt-5.4-mini",),
    "vertex_ai/gemini-3.1-pro-preview": ("vertex_ai/gemini-3.5-flash",),
    "xai/grok-4.3": ("anthropic/claude-sonnet-4-6",),
    "anthropic/claude-opus-4-7": ("anthropic/claude-sonnet-4-6",),
    "anthropic/claude-opus-4-6": ("anthropic/claude-sonnet-4-6",),
}
SOURCE = Path(__file__).parents[3] / "stacks" / "gateway.py"


def test_each_published_chain_is_the_beginning_of_ours() -> None:
    chains = DEFINITION.router_settings.fallbacks or {}
    for source, published in PUBLISHED_CHAINS.items():
        assert chains[source][: len(published)] == published
    assert set(chains) - set(PUBLISHED_CHAINS) == {"*", "anthropic/claude-haiku-4-5"}


def test_the_default_survives_a_sync() -> None:
    chains = DEFINITION.router_settings.fallbacks or {}
    assert chains["*"] == ("anthropic/claude-haiku-4-5",)
    assert DEFINITION.litellm_settings.default_fallbacks is None


def test_every_chain_leaves_the_provider_of_its_source() -> None:
    provider = {model.name: model.provider for model in DEFINITION.models}
    for source, targets in (DEFINITION.router_settings.fallbacks or {}).items():
        assert {provider[target] for target in targets} - {provider.get(source)}


def test_every_source_and_target_of_a_chain_is_a_model() -> None:
    models = {model.name for model in DEFINITION.models}
    chains = DEFINITION.router_settings.fallbacks or {}
    assert {name for targets in chains.values() for name in targets} <= models
    assert set(chains) - {"*"} <= models


def test_every_model_has_a_provider_and_a_name_of_its_own() -> None:
    names = [model.name for model in DEFINITION.models]
    assert len(set(names)) == len(names)
    assert {model.provider for model in DEFINITION.models} == set(DEFINITION.providers)


def test_retired_models_are_left_out() -> None:
    names = {model.name for model in DEFINITION.models}
    assert "xai/grok-4.3" in names
    assert not {"xai/grok-code-fast-1", "vertex_ai/gemini-3.1-flash-lite-preview"} & names


def test_time_outs_stand_where_they_are_read() -> None:
    assert DEFINITION.litellm_settings.request_timeout == 90
    assert DEFINITION.router_settings.timeout == 90
    assert DEFINITION.router_settings.stream_timeout == 60
    assert DEFINITION.general_settings.request_timeout is None
    assert DEFINITION.litellm_settings.stream_timeout is None


def test_a_dead_group_is_cooled_down_and_no_retry_after_is_slept_out() -> None:
    assert DEFINITION.router_settings.allowed_fails == 2
    policy = DEFINITION.router_settings.retry_policy
    assert policy is not None
    assert (policy.RateLimitErrorRetries, policy.TimeoutErrorRetries) == (0, 0)


def test_each_correction_names_its_source() -> None:
    corrections = SOURCE.read_text(encoding="utf-8").split("# Corrected: ")[1:]
    assert len(corrections) >= 9
