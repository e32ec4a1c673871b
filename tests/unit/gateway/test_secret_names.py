from gateway.secret_names import key_digest, provider_keys, query_key_name, required_secrets
from tests.unit.gateway.example import bare, example


def names(**changes: object) -> list[str]:
    return [secret.name for secret in required_secrets(example(**changes))]


def test_every_secret_of_the_shared_definition_is_named_once_and_sorted() -> None:
    assert names() == [
        "ANTHROPIC_API_KEY",
        "DATABASE_URL",
        "LITELLM_MASTER_KEY",
        "LITELLM_SALT_KEY",
        "OPENAI_API_KEY",
        "REDIS_PASSWORD",
        "VERTEX_CREDENTIALS_JSON",
        "XAI_API_KEY",
    ]


def test_the_keys_that_providers_gave_are_known_and_no_others() -> None:
    keys = {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "VERTEX_CREDENTIALS_JSON", "XAI_API_KEY"}
    assert provider_keys(example()) == keys
    own = {"name": "xai/grok-4.3", "provider": "xai", "api_key": "OWN_KEY"}
    only = example(models=[own], router_settings={"fallbacks": {}})
    assert provider_keys(only) == {"OWN_KEY", "XAI_API_KEY"}


def test_equal_keys_have_one_digest_that_does_not_hold_them() -> None:
    assert key_digest("sk-made-up") == key_digest("sk-made-up") != key_digest("sk-other")
    assert len(key_digest("sk-made-up")) == 16


def test_only_the_database_url_is_composed() -> None:
    composed = [secret.name for secret in required_secrets(example()) if secret.composed]

    assert composed == ["DATABASE_URL"]


def test_without_a_database_neither_its_url_nor_the_salt_is_needed() -> None:
    assert set(names()) - set(names(store="file")) == {"DATABASE_URL", "LITELLM_SALT_KEY"}


def test_a_provider_without_models_needs_no_key() -> None:
    settings = bare(
        store="file",
        redis=None,
        providers={"xai": {"api_key": "XAI_API_KEY"}, "openai": {"api_key": "OPENAI_API_KEY"}},
        models=[{"name": "xai/grok-4.3", "provider": "xai"}],
    )

    assert [secret.name for secret in required_secrets(settings)] == [
        "LITELLM_MASTER_KEY",
        "XAI_API_KEY",
    ]


def test_posthog_and_redis_bring_their_own() -> None:
    assert set(names(posthog={})) - set(names()) == {"POSTHOG_API_KEY"}
    assert set(names()) - set(names(redis=None)) == {"REDIS_PASSWORD"}


def test_the_key_that_reads_events_back_goes_to_no_machine_even_if_it_is_declared() -> None:
    posthog = {"query": {"project_id": 1, "api_key": "READER_KEY"}}
    secrets = {"READER_KEY": "config", "OTHER_KEY": "config"}

    sent = names(posthog=posthog, secrets=secrets)

    assert query_key_name(example(posthog=posthog)) == "READER_KEY"
    assert "READER_KEY" not in sent
    assert "OTHER_KEY" in sent
    assert query_key_name(example(posthog={})) is query_key_name(example()) is None


def test_a_name_with_two_uses_says_both() -> None:
    settings = bare(
        providers={"a": {"api_key": "SHARED_KEY"}, "b": {"api_key": "SHARED_KEY"}},
        models=[{"name": "a/one", "provider": "a"}, {"name": "b/two", "provider": "b"}],
    )
    (shared,) = [s for s in required_secrets(settings) if s.name == "SHARED_KEY"]

    assert shared.why == "models of a; models of b"
