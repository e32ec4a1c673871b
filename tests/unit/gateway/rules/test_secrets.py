"""What is a secret, what only looks like one, and that none is ever quoted."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.checking import check
from gateway.rules.literal_secrets import is_secret
from stacks.paths import Path
from stacks.rule import Example
from tests.unit.gateway.rules.cases import configuration_of, ids, litellm

# Put together here, so that no scanner of repositories takes them for real ones.
RANDOM = "q7Xw2Lm9" * 4
KEYS = {
    "openai": "sk-" + RANDOM,
    "anthropic": "sk-ant-" + RANDOM,
    "xai": "xai-" + RANDOM,
    "google": "AIza" + RANDOM,
    "aws": "AKIA" + "Q7XW2LM9Q7XW2LM9",
    "groq": "gsk_" + RANDOM,
    "slack": "https://hooks.slack.com/services/" + "T0/B0/" + RANDOM,
}
ACCOUNT = json.dumps({"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nMII"})


def paths(rule_id: str, **texts: Any) -> list[Path]:
    results = check(configuration_of(Example(**texts)))
    return [r.finding.path for r in results if r.rule_id == rule_id]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_known_by_its_form_wherever_it_stands(key: str) -> None:
    assert is_secret("note", key)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("api_key", "9f8e7d6c5b4a39281706"),
        ("redis_password", "hunter2"),
        ("langfuse_secret_key", "9f8e7d6c5b4a39281706"),
        ("database_url", "postgresql://u:hunter2@db/litellm"),
        ("redis_url", "redis://:hunter2@cache:6379"),
        ("vertex_credentials", ACCOUNT),
    ],
)
def test_a_text_is_a_secret_by_the_name_that_it_has(name: str, text: str) -> None:
    assert is_secret(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("api_key", "os.environ/OPENAI_API_KEY"),
        ("api_key", "none"),
        ("api_key", "sk-fake"),
        ("api_key", "sk-1234"),
        ("api_key", "sk-fake-key-for-the-local-server-01"),
        ("api_key", "your-key-goes-here-0123456789"),
        ("api_key", "xxxxxxxxxxxxxxxxxxxxxxxx"),
        ("api_key", "ollama"),
        ("redis_password", ""),
        ("redis_password", "<password>"),
        ("vertex_credentials", "/app/service-account.json"),
        ("model", "openai/gpt-5.5"),
        ("api_base", "https://api.openai.com/v1"),
        ("input_cost_per_token", "0.000000000000000001234"),
        ("posthog_api_url", "https://us.i.posthog.com"),
        ("litellm_key_header_name", "X-Litellm-Key-0123456789"),
    ],
)
def test_what_only_stands_there_is_none(name: str, text: str) -> None:
    assert not is_secret(name, text)


def test_a_secret_is_told_at_its_place_and_never_quoted() -> None:
    text = yaml.safe_dump(
        {
            "model_list": [
                {
                    "model_name": "a",
                    "litellm_params": {"model": "openai/a", "api_key": KEYS["openai"]},
                }
            ],
            "general_settings": {"master_key": KEYS["anthropic"]},
            "router_settings": {"redis_password": "hunter2"},
            "environment_variables": {"LANGFUSE_SECRET_KEY": KEYS["xai"]},
            "litellm_settings": {"cache_params": {"password": "hunter2", "ttl": 3}},
        }
    )
    fly = f"[env]\nXAI_API_KEY = '{KEYS['xai']}'\nLITELLM_MASTER_KEY = '{KEYS['openai']}'\n"
    results = check(configuration_of(Example(litellm=text, fly=fly)))
    told = {(r.rule_id, ".".join(map(str, r.finding.path))) for r in results}
    assert told >= {
        ("L162", "litellm.model_list.0.litellm_params.api_key"),
        ("L162", "litellm.router_settings.redis_password"),
        ("L162", "litellm.environment_variables.LANGFUSE_SECRET_KEY"),
        ("L162", "litellm.litellm_settings.cache_params.password"),
        ("L031", "litellm.general_settings.master_key"),
        ("L031", "environment.LITELLM_MASTER_KEY"),
        ("L163", "environment.XAI_API_KEY"),
    }
    said = "".join(repr(result) for result in results)
    assert "hunter2" not in said
    assert RANDOM not in said


@given(st.text(min_size=8, max_size=40, alphabet="abcXYZ0189_-"))
def test_no_password_is_part_of_any_finding(word: str) -> None:
    password = f"Zq9{word}"
    text = yaml.safe_dump(
        {
            "general_settings": {"master_key": password},
            "router_settings": {"redis_host": "r", "redis_password": password},
            "litellm_settings": {"cache": True, "cache_params": {"password": password}},
        }
    )
    url = f"postgresql://u:{password}@db/x?password={password}"
    results = check(litellm(text, database_url=url))
    assert not any(password in repr(result) for result in results)


def test_a_known_and_a_short_master_key_are_named_as_such() -> None:
    for key, word in (("sk-1234", "everybody knows"), ("sk-abc", "guessed")):
        results = check(litellm(f"general_settings: {{master_key: {key}}}\n"))
        (told,) = [r for r in results if r.rule_id == "L031"]
        assert word in told.finding.expected
        assert key not in repr(told)


def test_a_misspelt_reference_is_no_written_master_key() -> None:
    assert "L031" not in ids(litellm("general_settings: {master_key: '${LITELLM_MASTER_KEY}'}\n"))


def test_one_text_at_many_places_is_looked_at_once() -> None:
    anchors = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )
    assert paths("L162", litellm=anchors) == []


def test_salt_and_database_are_asked_for_where_secrets_are_known() -> None:
    text = "general_settings: {store_model_in_db: true, master_key: os.environ/M}\n"
    assert {"L032", "L055"} <= set(ids(litellm(text, secrets=frozenset({"M"}))))
    assert not {"L032", "L055"} & set(ids(litellm(text)))
    url = "postgresql://u@db/x?max_connection_lifetime=540"
    assert "L055" not in ids(litellm(text, secrets=frozenset({"M"}), database_url=url))
