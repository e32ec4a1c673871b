import pytest

from stacks.secrecy import looks_like_secret, secrets_in_plain, shown

# Put together at run time, so that no scanner takes this file for a leak.
KEYS = [
    "sk-" + "abcdefgh12345678",
    "sk-ant-" + "api03-abcdefgh",
    "xai-" + "abcdefgh12345678",
    "phc_" + "abcdefgh12345678",
    "-----BEGIN " + "PRIVATE KEY-----",
    '{"private_key"' + ': "x"}',
    "FlyV1 fm2_" + "lJPECAAAAAAAAA",
    "postgres://litellm:" + "hunter2@db.flycast:5432/litellm",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_known_forms_are_recognised_and_never_shown(key: str) -> None:
    assert looks_like_secret(key)
    assert key not in shown(("fly", "size"), key)


@pytest.mark.parametrize(
    "text",
    [
        "xai/grok-4.3",
        "https://api.x.ai/v1",
        "http://127.0.0.1:4281",
        "ghcr.io/berriai/litellm:v1.106.2",
        "shared-cpu-4x",
        "acme-ai-gateway-dev",
        "usage-based-routing-v2",
        "vertex_ai/gemini-3.1-flash-lite-preview",
    ],
)
def test_ordinary_values_are_shown(text: str) -> None:
    assert not looks_like_secret(text)
    assert shown(("fly", "size"), text) == f'"{text}"'


def test_what_stands_under_a_telling_key_is_not_shown() -> None:
    assert "hunter2" not in shown(("postgres", "superuser_password"), "hunter2")


def test_long_random_words_are_not_shown() -> None:
    assert "9f3k" not in shown(("fly", "size"), "9f3kQ7zLw0Xv5TtBn81RdYcMhA")


def test_mappings_and_lists_are_named_but_not_opened() -> None:
    assert shown(("fly",), {"password": "hunter2"}) == "(a mapping)"
    assert shown(("models",), ["hunter2"]) == "(a list)"


def test_secrets_are_found_at_any_depth() -> None:
    tree = {
        "server": {"environment": {"X": KEYS[0]}},
        "models": [{"name": "a"}, {"model": KEYS[2]}],
    }
    assert set(secrets_in_plain(tree)) == {("server", "environment", "X"), ("models", 1, "model")}
