from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.render import litellm_config, render_litellm_config
from tests.unit.gateway.example import bare, chained, example

CASES = Path(__file__).with_name("cases")

ORIGINAL: dict[str, Any] = {
    "litellm_settings": {
        "drop_params": True,
        "set_verbose": False,
        "success_callback": ["posthog"],
        "failure_callback": ["posthog"],
        "callbacks": ["prometheus"],
        "require_auth_for_metrics_endpoint": False,
        "cache": True,
        "cache_params": {"type": "redis", "ttl": 300},
        "stream_timeout": 60,
        "default_fallbacks": ["anthropic/claude-haiku-4-5"],
    },
    "general_settings": {
        "master_key": "LITELLM_MASTER_KEY",
        "database_url": "DATABASE_URL",
        "store_model_in_db": True,
        "use_redis_transaction_buffer": True,
        "database_connection_pool_limit": 10,
        "request_timeout": 90,
        "disable_prisma_schema_update": True,
    },
    "router_settings": {
        "redis_host": "REDIS_HOST",
        "redis_port": "REDIS_PORT",
        "redis_password": "REDIS_PASSWORD",
        "routing_strategy": "simple-shuffle",
        "num_retries": 3,
        "allowed_fails": 3,
        "cooldown_time": 30,
        "fallbacks": {
            "openai/gpt-5.5": ["openai/gpt-5.4", "anthropic/claude-sonnet-4-6"],
            "openai/gpt-5.4": ["openai/gpt-5.4-mini"],
            "vertex_ai/gemini-3.1-pro-preview": ["vertex_ai/gemini-3.5-flash"],
            "xai/grok-4.3": ["anthropic/claude-sonnet-4-6"],
            "anthropic/claude-opus-4-7": ["anthropic/claude-sonnet-4-6"],
            "anthropic/claude-opus-4-6": ["anthropic/claude-sonnet-4-6"],
        },
    },
}


def of_model(config: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = [row for row in config["model_list"] if row["model_name"] == name]
    assert isinstance(row, dict)
    return row


def test_the_investigations_published_file_is_reproduced_key_for_key_and_in_its_order() -> None:
    published = yaml.safe_load((CASES / "original_litellm_config.yaml").read_text())

    rendered = yaml.safe_load(render_litellm_config(bare(**ORIGINAL), with_probes=False))

    assert published
    assert rendered == published
    assert {section: list(rendered[section]) for section in rendered} == {
        section: list(published[section]) for section in published
    }


def test_equal_settings_give_equal_bytes() -> None:
    assert render_litellm_config(example()) == render_litellm_config(example())


def test_what_is_rendered_reads_back_as_the_configuration() -> None:
    assert yaml.safe_load(render_litellm_config(example())) == litellm_config(example())


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")),
            min_size=1,
            max_size=20,
        ).filter(lambda name: "*" not in name and not any(c.isspace() for c in name)),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_any_model_name_survives_the_yaml(names: list[str]) -> None:
    settings = chained({names[0]: names[1:]})

    parsed = yaml.safe_load(render_litellm_config(settings))

    assert parsed == litellm_config(settings)
    assert parsed["router_settings"]["fallbacks"][0] == {names[0]: names[1:]}


def test_the_file_says_that_it_is_rendered() -> None:
    assert render_litellm_config(example()).startswith("# Rendered from typed settings")


def test_secrets_stay_references() -> None:
    config = litellm_config(example())

    assert config["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert config["general_settings"]["database_url"] == "os.environ/DATABASE_URL"
    assert config["router_settings"]["redis_host"] == "os.environ/REDIS_HOST"
    grok = of_model(config, "xai/grok-4.3")["litellm_params"]
    assert grok["api_key"] == "os.environ/XAI_API_KEY"
    gemini = of_model(config, "vertex_ai/gemini-3.5-flash")["litellm_params"]
    assert gemini["vertex_credentials"] == "os.environ/VERTEX_CREDENTIALS_JSON"


def test_a_models_id_and_mode_are_fixed() -> None:
    model = of_model(litellm_config(example()), "xai/grok-4.3")

    assert model["model_info"] == {"id": "xai/grok-4.3", "mode": "chat"}


def test_a_model_that_owns_a_chain_is_rescued_at_once_and_one_without_is_retried() -> None:
    config = litellm_config(example())

    assert of_model(config, "xai/grok-4.3")["litellm_params"]["num_retries"] == 0
    assert "num_retries" not in of_model(config, "openai/gpt-5.4-mini")["litellm_params"]
    assert config["router_settings"]["num_retries"] == 1


@pytest.mark.parametrize(
    ("model", "retries"),
    [
        ({"rescue": "retry-once"}, 1),
        ({"rescue": "now"}, 0),
        ({}, 1),  # the settings' own rescue
        ({"rescue": "now", "num_retries": 4}, 4),
    ],
)
def test_a_models_rescue_and_its_own_retries_win(model: dict[str, Any], retries: int) -> None:
    settings = bare(
        rescue="retry-once",
        models=[{"name": "a/one", "provider": "a", **model}, {"name": "a/two", "provider": "a"}],
        router_settings={"fallbacks": {"a/one": ["a/two"]}},
    )

    assert of_model(litellm_config(settings), "a/one")["litellm_params"]["num_retries"] == retries


def test_without_a_database_its_keys_are_left_out() -> None:
    with_database = litellm_config(example())["general_settings"]
    without = litellm_config(example(store="file"))["general_settings"]

    assert "database_connection_pool_limit" in with_database
    assert without == {"master_key": "os.environ/LITELLM_MASTER_KEY"}


def test_metrics_and_posthog_bring_their_callbacks_once() -> None:
    settings = example(
        posthog={},
        litellm_settings={"callbacks": ["prometheus", "mine"], "success_callback": ["posthog"]},
    )

    section = litellm_config(settings)["litellm_settings"]

    assert section["callbacks"] == ["prometheus", "mine"]
    assert section["success_callback"] == ["posthog"]
    assert section["failure_callback"] == ["posthog"]


def test_without_metrics_there_is_no_prometheus_callback() -> None:
    assert "callbacks" in litellm_config(example())["litellm_settings"]
    assert "callbacks" not in litellm_config(example(metrics=None))["litellm_settings"]


def test_a_probe_is_dead_at_once_and_hidden() -> None:
    probe = of_model(litellm_config(example()), "proof/0/xai/grok-4.3")

    assert probe["litellm_params"] == {
        "model": "xai/probe",
        "api_base": "http://127.0.0.1:4009/v1",
        "api_key": "none",
        "num_retries": 0,
        "max_retries": 0,
        "timeout": 1,
        "stream_timeout": 1,
    }
    assert probe["model_info"] == {
        "id": "proof/0/xai/grok-4.3",
        "mode": "chat",
        "discoverable": False,
        "disable_background_health_check": True,
        "allowed_fails": 1000,
    }


def test_a_probe_has_the_very_chain_of_its_source() -> None:
    chains = {
        source: targets
        for entry in litellm_config(example())["router_settings"]["fallbacks"]
        for source, targets in entry.items()
    }

    assert chains["proof/0/openai/gpt-5.5"] == chains["openai/gpt-5.5"]
    assert chains["proof/1/openai/gpt-5.5"] == chains["openai/gpt-5.5"][1:]
    assert "proof/any" not in chains


@pytest.mark.parametrize("key", ["context_window_fallbacks", "content_policy_fallbacks"])
def test_the_probes_of_an_error_class_stand_in_its_own_list(key: str) -> None:
    chains = {"xai/grok-4.3": ["openai/gpt-5.5"]}
    router = litellm_config(example(router_settings={key: chains}))["router_settings"]

    probe = f"proof/{key.removesuffix('_fallbacks').replace('_', '-')}/0/xai/grok-4.3"
    assert router[key] == [{"xai/grok-4.3": ["openai/gpt-5.5"]}, {probe: ["openai/gpt-5.5"]}]
    assert not any(probe in entry for entry in router["fallbacks"])


def test_probes_can_be_left_out() -> None:
    assert "proof/" in render_litellm_config(example())
    assert "proof/" not in render_litellm_config(example(), with_probes=False)
