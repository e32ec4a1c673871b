import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import SECTIONS, known_keys, versions


def test_there_are_tables_of_at_least_six_releases_the_default_among_them() -> None:
    assert len(versions()) >= 6
    assert {"1.84.10", "1.106.2", "1.109.1"} <= set(versions())


@pytest.mark.parametrize("version", versions())
def test_no_section_of_a_table_is_empty(version: str) -> None:
    keys = known_keys(version)

    assert [name for name in SECTIONS if not getattr(keys, name)] == []
    assert (keys.version, keys.exact) == (version, True)


def test_a_release_without_a_table_has_that_of_the_nearest_one_below() -> None:
    assert (known_keys("1.106.5").version, known_keys("1.106.5").exact) == ("1.106.2", False)
    assert known_keys("9.0.0").version == versions()[-1]


def test_a_release_older_than_every_table_has_the_oldest() -> None:
    assert (known_keys("1.0.0").version, known_keys("1.0.0").exact) == (versions()[0], False)


@given(st.text(max_size=12))
def test_no_text_given_as_a_version_raises(version: str) -> None:
    assert known_keys(version).router_settings


@pytest.mark.parametrize("version", versions())
def test_keys_that_look_right_and_are_read_by_nothing_are_not_in_the_tables(version: str) -> None:
    keys = known_keys(version)

    assert "request_timeout" not in keys.general_settings
    assert "stream_timeout" not in keys.litellm_settings
    assert "enable_jwt_auth" not in keys.top_level
    assert "require_auth_for_metrics_endpoint" not in keys.general_settings


@pytest.mark.parametrize("version", versions())
def test_keys_that_no_model_declares_but_the_source_reads_are_in_the_tables(version: str) -> None:
    keys = known_keys(version)

    assert {"use_redis_transaction_buffer", "disable_prisma_schema_update", "master_key"} <= (
        keys.general_settings
    )
    assert {"cache_params", "drop_params", "success_callback", "request_timeout"} <= (
        keys.litellm_settings
    )
    assert {"fallbacks", "redis_host", "stream_timeout", "max_fallbacks"} <= keys.router_settings
    assert {"model_list", "include", "general_settings", "mcp_servers"} <= keys.top_level
    assert {"TimeoutErrorAllowedFails"} <= keys.allowed_fails_policy
    assert {"RateLimitErrorRetries"} <= keys.retry_policy
    assert {"num_workers", "run_gunicorn", "config"} <= keys.server_flags
    assert {"posthog", "prometheus", "langfuse", "otel"} <= keys.callbacks
