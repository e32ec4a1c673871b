"""How long a request takes, compared with what was measured on LiteLLM 1.106.2."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.explain import Explainer, Explanation, as_json, explain
from gateway.explain_limits import duration_s
from gateway.explain_precedence import State
from gateway.explain_scenarios import Scenario
from gateway.worst_case import Span
from stacks.configuration import Configuration
from tests.unit.gateway.explained import (
    INVESTIGATION,
    MEASURED_ENVIRONMENT,
    RESCUE_NOW,
    configuration,
    original,
)

PRIMARY, TARGET = "xai/grok-4.3", "anthropic/claude-sonnet-4-6"
CHAIN = {"fallbacks": [{PRIMARY: [TARGET]}]}


def measured(router: dict[str, Any], **more: Any) -> Configuration:
    fly = {"env": {**MEASURED_ENVIRONMENT, **more.pop("environment", {})}}
    return configuration(PRIMARY, TARGET, router={**CHAIN, **router}, fly=fly, **more)


def wait(found: Explanation, name: str, *, streamed: bool | None = None) -> Scenario:
    return next(
        one
        for one in found.scenarios
        if one.name == name and (streamed is None or one.streamed == streamed)
    )


def holds(span: Span, low: float, high: float) -> bool:
    """Tell whether all that was measured lies between best and worst."""
    return span.best <= low and high <= span.worst


def test_the_published_settings_rescue_a_500_in_nine_seconds_every_time() -> None:
    found = wait(explain(measured(INVESTIGATION), PRIMARY), "primary answers 500")
    assert holds(found.cold, 8.3, 10.2)
    assert found.cold.typical == pytest.approx(9.2, abs=0.15)
    assert (found.calls, found.rested, found.answered_by) == (5, None, TARGET)  # 4 of them failed


def test_rescue_now_takes_tens_of_milliseconds() -> None:
    found = wait(explain(measured(RESCUE_NOW), PRIMARY), "primary answers 500")
    assert holds(found.cold, 0.037, 0.077)
    assert found.rested is not None
    assert holds(found.rested, 0.027, 0.060)
    assert found.calls == 2


def test_one_retry_costs_two_seconds_and_a_half() -> None:
    found = wait(
        explain(measured({**RESCUE_NOW, "num_retries": 1}), PRIMARY), "primary answers 500"
    )
    assert holds(found.cold, 2.4, 2.67)


def test_short_delays_make_one_retry_cheap() -> None:
    delays = {"INITIAL_RETRY_DELAY": ".05", "MAX_RETRY_DELAY": ".2", "JITTER": ".05"}
    settings = {**RESCUE_NOW, "num_retries": 1}
    found = explain(measured(settings, environment=delays), PRIMARY)
    assert holds(wait(found, "primary answers 500").cold, 0.275, 0.305)


def test_a_group_that_rests_at_its_first_failure_is_not_retried() -> None:
    settings = {**RESCUE_NOW, "num_retries": 3, "allowed_fails": 0}
    found = wait(explain(measured(settings), PRIMARY), "primary answers 500")
    assert holds(found.cold, 0.060, 0.077)
    assert found.calls == 2


def test_a_retry_after_of_a_minute_is_slept_out_at_each_try() -> None:
    found = explain(measured(INVESTIGATION), PRIMARY)
    assert wait(found, "primary answers 429, Retry-After 60").cold.best == pytest.approx(
        240.1, abs=0.1
    )
    assert any("slept out 4 times, 240 s" in remark for remark in found.remarks)
    policy = {**INVESTIGATION, "retry_policy": {"RateLimitErrorRetries": 0}}
    told = explain(measured(policy), PRIMARY)
    assert wait(told, "primary answers 429, Retry-After 60").cold.worst < 0.2


def test_a_hang_takes_its_time_out_and_then_milliseconds() -> None:
    settings = {**RESCUE_NOW, "timeout": 2, "stream_timeout": 2}
    found = explain(measured(settings), PRIMARY)
    for streamed in (False, True):
        hang = wait(found, "primary does not answer", streamed=streamed)
        assert holds(hang.cold, 2.04, 2.1)
        assert hang.rested is not None
        assert hang.rested.worst < 0.1


def test_without_any_time_out_a_hang_of_the_published_settings_takes_hours() -> None:
    found = explain(original(), PRIMARY)
    hang = wait(found, "primary does not answer", streamed=False)
    assert hang.cold.best > 4 * 6000
    assert wait(found, "the whole chain does not answer", streamed=False).answered_by == ""


def test_a_dead_chain_costs_each_of_its_groups() -> None:
    settings = {**RESCUE_NOW, "timeout": 10}
    found = explain(measured(settings), PRIMARY)
    dead = wait(found, "the whole chain does not answer", streamed=False)
    assert dead.cold.typical == pytest.approx(20.1, abs=0.1)
    assert dead.calls == 2


def test_hangs_that_are_forgotten_before_the_next_one_are_told() -> None:
    slow = explain(measured({**RESCUE_NOW, "timeout": 90}), PRIMARY)
    assert any("only hangs at the same time" in remark for remark in slow.remarks)
    quick = explain(measured({**RESCUE_NOW, "timeout": 10, "stream_timeout": 10}), PRIMARY)
    assert not any("only hangs at the same time" in remark for remark in quick.remarks)


def test_a_garbage_collection_is_in_the_worst_case_unless_it_is_avoided() -> None:
    bare = configuration(PRIMARY, TARGET, router={**CHAIN, **RESCUE_NOW})
    assert explain(bare, PRIMARY).scenarios[0].cold.worst > 0.85
    assert explain(measured(RESCUE_NOW), PRIMARY).scenarios[0].cold.worst < 0.1


def test_default_retries_also_retry_a_group_at_rest() -> None:
    settings = {**RESCUE_NOW, "retry_policy": {"DefaultRetries": 1}}
    found = wait(explain(measured(settings), PRIMARY), "primary answers 500")
    assert found.rested is not None
    assert found.rested.best > 1.5


def test_limits_name_the_waits_that_are_longer() -> None:
    fly = {
        "kill_timeout": "45s",
        "http_service": {"http_options": {"idle_timeout": 120}},
        "env": {"GRACEFUL_SHUTDOWN_TIMEOUT": "40", **MEASURED_ENVIRONMENT},
    }
    settings = {**CHAIN, **RESCUE_NOW, "timeout": 90}
    found = explain(
        configuration(PRIMARY, TARGET, router=settings, fly=fly), PRIMARY, client_timeout_s=60
    )
    by_name = {limit.short: limit for limit in found.limits}
    assert by_name["client"].exceeded[0] == "primary does not answer"
    assert by_name["proxy"].seconds.value == 120
    assert by_name["proxy"].exceeded == (
        "the whole chain does not answer",
        "the whole chain does not answer, streamed",
    )
    assert by_name["stop"].seconds.source == "env GRACEFUL_SHUTDOWN_TIMEOUT"


def test_a_machine_is_killed_before_its_requests_are_drained_where_fly_says_nothing() -> None:
    limits = explain(configuration(PRIMARY, fly={"app": "one"}), PRIMARY).limits
    stop = next(limit for limit in limits if limit.short == "stop")
    assert (stop.seconds.value, stop.seconds.source) == (5, "Fly's default kill_timeout")
    proxy = next(limit for limit in limits if limit.short == "proxy")
    assert not proxy.verified


def test_no_limit_of_fly_is_known_without_a_fly_toml() -> None:
    assert explain(configuration(PRIMARY), PRIMARY).limits == ()


def test_gunicorn_ends_no_request_that_waits() -> None:
    fly = {"processes": {"app": "--config /c.yaml --run_gunicorn"}}
    limits = explain(configuration(PRIMARY, fly=fly), PRIMARY).limits
    assert next(limit for limit in limits if limit.short == "gunicorn").exceeded == ()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(45, 45), ("45s", 45), ("1m30s", 90), ("500ms", 0.5), ("45", 45), ("soon", None), ([], None)],
)
def test_durations_are_read_as_fly_reads_them(written: Any, seconds: float | None) -> None:
    assert duration_s(written) == seconds


def places(found: Explanation) -> dict[str, State]:
    return {place.name: place.state for place in found.precedence}


def test_the_places_of_a_fallback_stand_in_the_order_in_which_they_are_asked() -> None:
    found = explain(original(), PRIMARY)
    assert list(places(found).items()) == [
        ("the request's own `fallbacks`", State.UNKNOWN),
        ("the key's `router_settings`", State.UNKNOWN),
        ("the team's `router_settings`", State.UNKNOWN),
        ("the router's list", State.DECIDES),
        ('"*" in that list', State.SILENT),
        ("litellm_settings.default_fallbacks", State.LOST),
    ]


def test_default_fallbacks_become_the_star_where_no_database_drops_them() -> None:
    found = configuration(PRIMARY, TARGET, router=CHAIN, litellm={"default_fallbacks": [TARGET]})
    told = explain(found, TARGET)
    assert places(told)['"*" in that list'] is State.DECIDES
    assert places(told)["litellm_settings.default_fallbacks"] is State.SILENT


def test_before_1_103_the_database_may_overrule_the_file() -> None:
    general = {"store_model_in_db": True, "database_url": "os.environ/DATABASE_URL"}
    for version, doubt in (("1.102.4", True), ("1.103.0", False)):
        found = configuration(PRIMARY, TARGET, router=CHAIN, general=general, version=version)
        says = next(p.says for p in explain(found, PRIMARY).precedence if p.path is not None)
        assert ("unless a row in the database" in says) is doubt


def test_the_lists_of_two_sections_do_not_add_up() -> None:
    found = configuration(
        PRIMARY, TARGET, router=CHAIN, litellm={"fallbacks": [{TARGET: [PRIMARY]}]}
    )
    assert places(explain(found, TARGET))["litellm_settings.fallbacks"] is State.LOST


def test_a_name_that_nothing_serves_is_explained_too() -> None:
    found = explain(configuration(PRIMARY, router=CHAIN), "made/up")
    assert not found.served.found
    assert (found.scenarios, found.breaker, found.walks) == ((), None, ())


def test_an_exclusive_list_without_an_entry_is_told() -> None:
    router = {**CHAIN, "context_window_fallbacks": [{TARGET: [PRIMARY]}]}
    found = explain(configuration(PRIMARY, TARGET, router=router), PRIMARY)
    assert any("context_window_fallbacks" in remark for remark in found.remarks)


def test_no_value_of_a_deployment_gets_into_the_document() -> None:
    key = "sk-" + "very-secret"
    found = explain(configuration(PRIMARY, TARGET, router=CHAIN, params={"api_key": key}), PRIMARY)
    assert key not in json.dumps(as_json(found))


def test_every_name_of_the_file_can_be_explained_at_once() -> None:
    explainer = Explainer(original())
    assert TARGET in explainer.named_groups()
    assert "*" not in explainer.named_groups()


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.dates(),
        st.sampled_from(["*", "a/b", "os.environ/X", "three"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.none(), st.integers(), st.sampled_from(["a/b", "*", "DefaultRetries"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
KEYS = (
    "fallbacks",
    "context_window_fallbacks",
    "default_fallbacks",
    "num_retries",
    "timeout",
    "allowed_fails",
    "allowed_fails_policy",
    "retry_policy",
    "model_group_retry_policy",
    "model_group_alias",
    "cooldown_time",
    "max_fallbacks",
    "retry_after",
    "cache_params",
)
SECTION = st.one_of(ANYTHING, st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model_list": st.one_of(
                ANYTHING,
                st.lists(
                    st.fixed_dictionaries(
                        {
                            "model_name": st.sampled_from(["a/b", "*", "a/*"]),
                            "litellm_params": st.dictionaries(
                                st.sampled_from(("model", *KEYS)), ANYTHING, max_size=3
                            ),
                            "model_info": ANYTHING,
                        }
                    ),
                    max_size=2,
                ),
            ),
            "router_settings": SECTION,
            "litellm_settings": SECTION,
            "general_settings": SECTION,
        },
    ),
    ANYTHING,
)
def test_no_configuration_makes_it_raise_and_all_of_it_is_json(litellm: Any, fly: Any) -> None:
    whole = Configuration(
        litellm=litellm, fly=fly if isinstance(fly, dict) else None, today=date.max
    )
    for name in ("a/b", "*", "", "b"):
        json.dumps(as_json(explain(whole, name, client_timeout_s=1.0)), allow_nan=False)
