import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.checking import check
from gateway.keys import known_keys
from stacks.configuration import Configuration

KEYS = known_keys("1.106.2")
SECTIONS = ("litellm_settings", "general_settings", "router_settings", "model_list")
FLY = ("processes", "http_service", "services", "vm", "env", "metrics", "kill_signal")
WORDS = (
    "a",
    "a/b",
    "*",
    "a/*",
    "os.environ/",
    "os.environ/A",
    "${A}",
    "3",
    "three",
    "60s",
    "",
    "openai/gpt-5.5",
)

keys: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(sorted(KEYS.router_settings | KEYS.top_level | {"model", "id", "api_base"})),
    st.sampled_from(("fallbacks", "default_fallbacks", "allowed_fails", "cache_params", "timeout")),
    st.sampled_from(WORDS),
    st.integers(-1, 3),
    st.none(),
)
leaves: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=5),
    st.integers(-2, 4),
    st.floats(),
    st.booleans(),
    st.none(),
    st.just(datetime.date(2026, 11, 24)),
    st.just(b"bytes"),
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
chains = st.lists(
    st.dictionaries(st.sampled_from(WORDS), st.one_of(anything, st.lists(st.sampled_from(WORDS)))),
    max_size=3,
)
settings = st.dictionaries(keys, st.one_of(anything, chains), max_size=6)
deployments = st.fixed_dictionaries(
    {"model_name": st.sampled_from(WORDS), "litellm_params": settings},
    optional={"model_info": st.one_of(settings, anything)},
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "litellm_settings": st.one_of(settings, anything),
        "general_settings": st.one_of(settings, anything),
        "router_settings": st.one_of(settings, anything),
        "model_list": st.one_of(st.lists(deployments, max_size=3), anything),
        "callback_settings": anything,
    },
)
configurations = st.builds(
    Configuration,
    litellm=st.none() | documents | st.dictionaries(keys, anything, max_size=4),
    fly=st.none() | st.dictionaries(st.sampled_from(FLY), anything, max_size=5),
    server=st.dictionaries(st.sampled_from(sorted(KEYS.server_flags)), st.sampled_from(WORDS)),
    environment=st.dictionaries(
        st.sampled_from(("NUM_WORKERS", "GRACEFUL_SHUTDOWN_TIMEOUT", "JITTER", "A", "PORT")),
        st.sampled_from(WORDS),
    ),
    secrets=st.none() | st.frozensets(st.sampled_from(("A", "REDIS_HOST"))),
    settings=st.none() | st.dictionaries(st.sampled_from(("server", "fly")), anything),
    version=st.sampled_from(("1.84.0", "1.106.2", "1.109.1", "2.0.0", "")),
)


@given(configurations)
def test_rules_never_raise_whatever_the_texts_said(configuration: Configuration) -> None:
    for result in check(configuration):
        assert all(isinstance(part, str | int) for part in result.finding.path)
        assert isinstance(result.finding.value, str)


def test_a_text_that_refers_to_itself_ends() -> None:
    circle: dict[str, Any] = {"a": "os.environ/A"}
    circle["itself"] = [circle, circle]
    assert check(Configuration(litellm={"model_list": [circle], "general_settings": circle}))
