"""Where each value of an explanation comes from: tries, time-outs, the breaker's threshold."""

from typing import Any

import pytest

from gateway.explain import explain
from gateway.explain_attempts import Attempts
from gateway.explain_breaker import Trips
from gateway.explain_timeouts import TimeOuts
from stacks.configuration import Configuration
from tests.unit.gateway.explained import configuration, models

ONE = "xai/grok-4.3"
GEMINI = "vertex_ai/gemini-3.5-flash"


def tries(found: Configuration, error: str, group: str = ONE) -> Attempts:
    return next(one for one in explain(found, group).attempts if one.error == error)


def times(found: Configuration, group: str = ONE) -> TimeOuts:
    given = explain(found, group).time_outs
    assert given is not None
    return given


def trip(found: Configuration, error: str, group: str = ONE) -> Trips:
    opens = explain(found, group).breaker
    assert opens is not None
    return next(one for one in opens.trips if one.error == error)


@pytest.mark.parametrize(
    ("router", "litellm", "params", "expected", "source"),
    [
        ({}, {}, {}, 3, "LiteLLM's default"),
        ({}, {"num_retries": 4}, {}, 5, "litellm_settings.num_retries"),
        ({"num_retries": 1}, {"num_retries": 4}, {}, 2, "router_settings.num_retries"),
        ({"num_retries": 1}, {}, {"num_retries": 0}, 1, "model_list[0].litellm_params.num_retries"),
        (
            {"num_retries": 1},
            {},
            {"num_retries": "3"},
            4,
            "model_list[0].litellm_params.num_retries",
        ),
        ({"num_retries": "three"}, {}, {}, 1, "router_settings.num_retries, which is no number"),
        ({"num_retries": -1}, {}, {}, 1, "router_settings.num_retries"),
        (
            {"retry_policy": {"InternalServerErrorRetries": 2}},
            {},
            {"num_retries": 0},
            3,
            "router_settings.retry_policy.InternalServerErrorRetries",
        ),
        (
            {"retry_policy": {"DefaultRetries": 1}},
            {},
            {"num_retries": 0},
            2,
            "router_settings.retry_policy.DefaultRetries",
        ),
    ],
)
def test_the_tries_name_the_place_that_decides_them(
    router: dict[str, Any],
    litellm: dict[str, Any],
    params: dict[str, Any],
    expected: int,
    source: str,
) -> None:
    found = tries(configuration(ONE, router=router, litellm=litellm, params=params), "500")
    assert (found.tries, found.retries.source) == (expected, source)


def test_a_policy_that_retries_what_no_retry_mends_is_told() -> None:
    router = {"num_retries": 2, "retry_policy": {"DefaultRetries": 1}}
    told = explain(configuration(ONE, router=router), ONE).remarks
    assert any("DefaultRetries retries a 401, which no retry can mend" in one for one in told)
    plain = explain(configuration(ONE, router={"num_retries": 2}), ONE).remarks
    assert not any("no retry can mend" in one for one in plain)


def test_before_1_101_a_policy_has_no_say_on_server_errors() -> None:
    router = {"num_retries": 0, "retry_policy": {"InternalServerErrorRetries": 2}}
    assert tries(configuration(ONE, router=router, version="1.100.5"), "500").tries == 1
    assert tries(configuration(ONE, router=router, version="1.101.0"), "500").tries == 3


@pytest.mark.parametrize(
    ("litellm", "router", "params", "whole", "stream"),
    [
        ({}, {}, {}, "LiteLLM's default", "LiteLLM's default"),
        (
            {"request_timeout": 90},
            {"timeout": 80, "stream_timeout": 60},
            {},
            "litellm_settings.request_timeout",
            "router_settings.stream_timeout",
        ),
        (
            {"request_timeout": 90},
            {"timeout": 80},
            {"timeout": 70},
            "model_list[0].litellm_params.timeout",
            "litellm_settings.request_timeout",
        ),
        (
            # Without the router's own, a stream asks the model before litellm_settings.
            {"request_timeout": 90},
            {},
            {"timeout": 70},
            "model_list[0].litellm_params.timeout",
            "model_list[0].litellm_params.timeout",
        ),
        ({}, {"timeout": 0}, {}, "LiteLLM's default", "LiteLLM's default"),
        (
            {},
            {"stream_timeout": 9},
            {"stream_timeout": 8},
            "LiteLLM's default",
            "model_list[0].litellm_params.stream_timeout",
        ),
    ],
)
def test_the_time_outs_name_the_place_that_decides_them(
    litellm: dict[str, Any], router: dict[str, Any], params: dict[str, Any], whole: str, stream: str
) -> None:
    found = times(configuration(ONE, router=router, litellm=litellm, params=params))
    assert (found.whole.source, found.stream.source) == (whole, stream)


def test_keys_that_litellm_does_not_read_are_no_time_out() -> None:
    # Facts on LiteLLM, section 0, 3.
    found = times(
        configuration(ONE, litellm={"stream_timeout": 60}, general={"request_timeout": 90})
    )
    assert (found.whole.value, found.stream.value) == (6000, 6000)


def test_a_gemini_stream_hears_only_the_request_timeout() -> None:
    deaf = {"timeout": 10, "stream_timeout": 10}
    found = times(configuration(GEMINI, router=deaf, params=deaf), GEMINI)
    assert (found.deaf, found.whole.value, found.stream.value) == (True, 10, 600)
    heard = configuration(GEMINI, router=deaf, litellm={"request_timeout": 3})
    assert times(heard, GEMINI).stream.value == 3


def test_from_1_108_on_a_gemini_stream_hears_the_routers_time_out() -> None:
    found = configuration(GEMINI, router={"stream_timeout": 10}, version="1.108.0")
    assert (times(found, GEMINI).deaf, times(found, GEMINI).stream.value) == (False, 10)


def test_before_1_91_nothing_bounds_a_gemini_stream_but_the_clients_default() -> None:
    found = configuration(GEMINI, litellm={"request_timeout": 3}, version="1.90.7")
    assert times(found, GEMINI).stream.value == 600


def test_a_variable_of_the_process_is_a_request_timeout() -> None:
    found = configuration(ONE, fly={"env": {"REQUEST_TIMEOUT": "45"}})
    assert times(found).whole.source == "env REQUEST_TIMEOUT"


@pytest.mark.parametrize(
    ("router", "error", "allowed"),
    [
        ({"allowed_fails": 2}, "500", 2),
        ({"allowed_fails": 2}, "400", None),
        ({"allowed_fails": 3}, "500", None),
        ({"allowed_fails": 3}, "401", 0),
        ({"allowed_fails": 4}, "401", 4),
        ({}, "429", None),
        ({"allowed_fails": 3, "allowed_fails_policy": {"TimeoutErrorAllowedFails": 1}}, "500", 3),
        ({"allowed_fails_policy": {"TimeoutErrorAllowedFails": 1}}, "time-out", 1),
        ({"allowed_fails": 2, "disable_cooldowns": True}, "500", None),
    ],
)
def test_the_breaker_of_one_deployment_opens_as_litellm_decides(
    router: dict[str, Any], error: str, allowed: int | None
) -> None:
    found = trip(configuration(ONE, router=router), error).allowed
    assert (None if found is None else found.value) == allowed


def test_an_explicit_3_is_honoured_on_newer_releases() -> None:
    router: dict[str, Any] = {"allowed_fails": 3}
    assert trip(configuration(ONE, router=router, version="1.106.2"), "500").allowed is None
    router = {**router, "fallbacks": [{ONE: ["other"]}]}  # 1.108.1 and later: only with a chain
    assert trip(configuration(ONE, router=router, version="1.109.1"), "500").allowed is not None


def test_3_counts_where_the_module_says_something_else() -> None:
    found = configuration(ONE, router={"allowed_fails": 3}, litellm={"allowed_fails": 5})
    assert trip(found, "500").allowed is not None


def test_a_plain_allowed_fails_of_a_deployment_is_ignored_where_it_is_alone() -> None:
    listed = models(ONE)
    listed[0]["model_info"] = {"allowed_fails": 1}
    alone = Configuration(litellm={"model_list": listed})
    assert trip(alone, "500").allowed is None
    listed[0]["model_info"] = {"allowed_fails_policy": {"InternalServerErrorAllowedFails": 1}}
    named = trip(Configuration(litellm={"model_list": listed}), "500").allowed
    assert named is not None
    assert named.source.endswith("InternalServerErrorAllowedFails")


@pytest.mark.parametrize(
    ("version", "source"),
    [
        ("1.97.0", "router_settings.allowed_fails"),  # the model's own is not read
        ("1.98.0", None),
        ("1.108.0", None),
        ("1.108.1", "model_list[0].model_info.allowed_fails"),
    ],
)
def test_a_lone_models_own_number_counts_as_its_release_has_it(
    version: str, source: str | None
) -> None:
    settings: dict[str, Any] = {"allowed_fails": 2, "fallbacks": [{ONE: ["other"]}]}
    listed = models(ONE)
    listed[0]["model_info"] = {"allowed_fails": 1}
    found = Configuration(
        litellm={"model_list": listed, "router_settings": settings}, version=version
    )
    allowed = trip(found, "500").allowed
    assert (None if allowed is None else allowed.source) == source


@pytest.mark.parametrize(
    ("version", "chains", "rests"),
    [
        ("1.108.0", [], True),
        ("1.108.1", [], False),
        ("1.108.1", [{ONE: ["other"]}], True),
        ("1.108.1", [{"*": ["other"]}], True),
    ],
)
def test_a_lone_group_without_a_chain_stays_in_service_from_1_108_1_on(
    version: str, chains: list[Any], *, rests: bool
) -> None:
    router = {"allowed_fails": 2, "fallbacks": chains}
    found = configuration(ONE, router=router, version=version)
    assert (trip(found, "500").allowed is not None) is rests


def test_a_routers_policy_cools_a_lone_group_on_every_release() -> None:
    router = {"allowed_fails_policy": {"InternalServerErrorAllowedFails": 1}}
    found = configuration(ONE, router=router, version="1.109.1")
    assert trip(found, "500").allowed is not None


def test_a_rate_limit_opens_the_breaker_at_once_where_others_can_answer() -> None:
    found = configuration(ONE, ONE)
    allowed = trip(found, "429").allowed
    assert allowed is not None
    assert allowed.value == 0
    assert trip(found, "500").allowed is None


def test_the_window_and_who_counts_are_told() -> None:
    fly = {"processes": {"app": "--config /c.yaml --num_workers 4"}}
    found = explain(
        configuration(ONE, router={"cooldown_time": 30, "allowed_fails": 2}, fly=fly), ONE
    )
    assert found.breaker is not None
    assert (found.breaker.window_s.value, found.breaker.shared, found.breaker.workers) == (
        30,
        False,
        4,
    )
    assert "without Redis each of 4 workers counts failures for itself" in found.remarks
    redis = configuration(ONE, router={"redis_host": "os.environ/REDIS_HOST"}, fly=fly)
    shared = explain(redis, ONE).breaker
    assert shared is not None
    assert shared.shared
