from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.validate import meaning_problems
from stacks.problem import Problem, Severity
from stacks.settings import Settings
from tests.unit.gateway.example import bare, example

NEVER_RESTARTED = {
    "max_requests_before_restart": None,
    "max_requests_before_restart_jitter": None,
}
NO_REDIS = {"redis_host": None, "redis_port": None, "redis_password": None}
TODAY = date(2026, 11, 24)
COMPROMISED_DIGEST = "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e"

# What is changed, then the id, path, value and a part of the next step that must be told.
ERRORS: list[tuple[dict[str, Any], str, str, str, str]] = [
    (
        {"general_settings": {"request_timeout": 90}},
        "L002",
        "general_settings.request_timeout",
        "90",
        "litellm_settings.request_timeout",
    ),
    (
        {"litellm_settings": {"stream_timeout": 60}},
        "L002",
        "litellm_settings.stream_timeout",
        "60",
        "router_settings.stream_timeout",
    ),
    (
        {
            "litellm_settings": {"default_fallbacks": ["xai/grok-4.3"]},
            "general_settings": {"store_model_in_db": True},
        },
        "L003",
        "litellm_settings.default_fallbacks",
        "[xai/grok-4.3]",
        '"*"',
    ),
    (
        {"router_settings": {"allowed_fails": 3}},
        "L004",
        "router_settings.allowed_fails",
        "3",
        "set 2",
    ),
    (
        {"litellm_settings": {"request_timeout": None}},
        "L005",
        "litellm_settings.request_timeout",
        "",
        "90",
    ),
    (
        {"redis": None, "router_settings": NO_REDIS, "litellm_settings": {"cache": False}},
        "L010",
        "router_settings.redis_host",
        "",
        "REDIS_HOST",
    ),
    (
        {"redis": None, "litellm_settings": {"cache": False}},
        "L011",
        "general_settings.use_redis_transaction_buffer",
        "true",
        "leave it out",
    ),
    ({"redis": None}, "L060", "litellm_settings.cache", "true", "redis"),
    (
        {"redis": {"password": "MY_PASSWORD"}},
        "L033",
        "redis.password",
        "MY_PASSWORD",
        "REDIS_PASSWORD",
    ),
    (
        {"posthog": {"api_key": "MY_KEY"}},
        "L033",
        "posthog.api_key",
        "MY_KEY",
        "POSTHOG_API_KEY",
    ),
    (
        {"litellm_settings": {"require_auth_for_metrics_endpoint": False}},
        "L012",
        "litellm_settings.require_auth_for_metrics_endpoint",
        "false",
        "leave it out",
    ),
    (
        {"server": {"kind": "gunicorn"}},
        "L014",
        "server.keepalive_timeout_s",
        "75",
        "server.keepalive_timeout_s: null",
    ),
    (
        {"server": {"kind": "granian"}},
        "L016",
        "server.max_requests_before_restart",
        "10000",
        "null",
    ),
    (
        {"server": {"worker_healthcheck_timeout_s": None}},
        "L051",
        "server.worker_healthcheck_timeout_s",
        "",
        "120",
    ),
    ({"metrics": {"port": 4000}}, "L052", "metrics.port", "4000", "4001"),
    (
        {"server": {"graceful_shutdown_timeout_s": 40}},
        "L040",
        "fly.kill.timeout_s",
        '"45s"',
        "graceful_shutdown_timeout_s",
    ),
    ({"postgres": None}, "L055", "postgres", "null", "store: file"),
    ({"postgres": {"max_connections": 100}}, "L023", "postgres.max_connections", "100", "lower"),
    ({"image": {"version": "1.82.7"}}, "L053", "image.version", "1.82.7", "1.106.2"),
    ({"image": {"version": "1.82.8"}}, "L053", "image.version", "1.82.8", "1.106.2"),
    ({"image": {"version": "1.107.0"}}, "L053", "image.version", "1.107.0", "1.106.2"),
    ({"image": {"version": "1.83.9"}}, "L053", "image.version", "1.83.9", "1.106.2"),
    (
        {"image": {"digest": COMPROMISED_DIGEST}},
        "L053",
        "image.digest",
        COMPROMISED_DIGEST,
        "1.106.2",
    ),
    ({"image": {"tag": "main-stable"}}, "L054", "image.tag", "main-stable", "v1.106.2"),
    ({"image": {"tag": "latest"}}, "L054", "image.tag", "latest", "v1.106.2"),
    ({"image": {"tag": "v1.106.1"}}, "L054", "image.tag", "v1.106.1", "v1.106.2"),
    (
        {"router_settings": {"fallbacks": {"xai/grok-4.3": ["anthropic/claude-sonet-4-6"]}}},
        "L006",
        'router_settings.fallbacks["xai/grok-4.3"][0]',
        "anthropic/claude-sonet-4-6",
        'did you mean "anthropic/claude-sonnet-4-6"?',
    ),
    (
        {"router_settings": {"fallbacks": {"xai/grok-4": ["anthropic/claude-sonnet-4-6"]}}},
        "L006",
        'router_settings.fallbacks["xai/grok-4"]',
        "xai/grok-4",
        'did you mean "xai/grok-4.3"?',
    ),
    (
        {"router_settings": {"context_window_fallbacks": {"*": ["openai/none"]}}},
        "L006",
        'router_settings.context_window_fallbacks["*"][0]',
        "openai/none",
        "add the group",
    ),
    (
        {"router_settings": {"fallbacks": {"xai/grok-4.3": ["xai/grok-4.3"]}}},
        "L100",
        'router_settings.fallbacks["xai/grok-4.3"][0]',
        "xai/grok-4.3",
        "name another group",
    ),
    (
        {"models": [{"name": "xai/grok-4.3", "provider": "xia"}]},
        "L066",
        "models[0].provider",
        "xia",
        'did you mean "xai"?',
    ),
    (
        {"server": {"environment": {"JITTER": "9"}}},
        "L062",
        "server.environment.JITTER",
        "9",
        "remove it",
    ),
    (
        {"server": {"environment": {"REQUEST_TIMEOUT": "9"}}},
        "L062",
        "server.environment.REQUEST_TIMEOUT",
        "9",
        "remove it",
    ),
]

FLY_ERRORS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"size": "shared-cpu-3x"}, "F001", "fly.size", "did you mean"),
    ({"memory_mb": 512}, "F002", "fly.memory_mb", "set 1024"),
    ({"memory_mb": 16384}, "F002", "fly.memory_mb", "set 8192"),
    ({"memory_mb": 5000}, "F002", "fly.memory_mb", "set 5120"),
    (
        {"concurrency": {"soft_limit": 150, "hard_limit": 150}},
        "F012",
        "fly.concurrency.soft_limit",
        "set 100",
    ),
    ({"kill": {"timeout_s": 301}}, "F009", "fly.kill.timeout_s", "set 300"),
    ({"wait_timeout_s": 60}, "F034", "fly.wait_timeout_s", "set 300"),
]

WARNINGS: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"server": {"max_requests_before_restart_jitter": None}},
        "L015",
        "server.max_requests_before_restart",
        "jitter",
    ),
    (
        {"postgres": {"prisma": {"max_connection_lifetime": None}}},
        "L022",
        "postgres.prisma.max_connection_lifetime",
        "540",
    ),
    (
        {"postgres": {"prisma": {"max_connection_lifetime": 601}}},
        "L022",
        "postgres.prisma.max_connection_lifetime",
        "540",
    ),
    (
        {"postgres": {"prisma": {"socket_timeout": 10}}},
        "L025",
        "postgres.prisma.socket_timeout",
        "30",
    ),
    (
        {"postgres": {"prisma": {"connection_limit": 5}}},
        "L024",
        "postgres.prisma.connection_limit",
        "database_connection_pool_limit",
    ),
    (
        {"postgres": {"prisma": {"pool_timeout": 5}}},
        "L024",
        "postgres.prisma.pool_timeout",
        "database_connection_timeout",
    ),
    (
        {"general_settings": {"disable_prisma_schema_update": False}},
        "L061",
        "general_settings.disable_prisma_schema_update",
        "leave it out",
    ),
    (
        {"router_settings": {"retry_policy": None}},
        "L056",
        "router_settings.num_retries",
        "RateLimitErrorRetries",
    ),
    (
        {"router_settings": {"retry_policy": {"DefaultRetries": 2}}},
        "L057",
        "router_settings.retry_policy.DefaultRetries",
        "set 0",
    ),
    (
        {"router_settings": {"context_window_fallbacks": {"xai/grok-4.3": ["openai/gpt-5.5"]}}},
        "L009",
        "router_settings.context_window_fallbacks",
        "entry",
    ),
    (
        {"router_settings": {"fallbacks": {"openai/gpt-5.4-mini": ["openai/gpt-5.5"]}}},
        "L064",
        'router_settings.fallbacks["openai/gpt-5.4"]',
        "end one of the chains",
    ),
]


def found(settings: Settings) -> tuple[Problem, ...]:
    return meaning_problems(settings, lambda path: f"here: {path}", today=TODAY)


def only(settings: Settings, problem_id: str, path: str) -> Problem:
    (problem,) = [p for p in found(settings) if p.id == problem_id and p.place == f"here: {path}"]
    return problem


def test_the_shared_definition_has_no_problem() -> None:
    assert found(example()) == ()


@pytest.mark.parametrize(("changes", "problem_id", "path", "value", "next_step"), ERRORS)
def test_what_does_harm_is_an_error_with_its_place_value_and_next_step(
    changes: dict[str, Any], problem_id: str, path: str, value: str, next_step: str
) -> None:
    problem = only(example(**changes), problem_id, path)

    assert problem.severity is Severity.ERROR
    assert problem.value == value
    assert next_step in problem.next_step
    assert problem.expected


@pytest.mark.parametrize(("fly", "problem_id", "path", "next_step"), FLY_ERRORS)
def test_what_flyctl_accepts_in_silence_is_an_error_at_its_setting(
    fly: dict[str, Any], problem_id: str, path: str, next_step: str
) -> None:
    problem = only(example(fly=fly), problem_id, path)

    assert problem.severity is Severity.ERROR
    assert next_step in problem.next_step


def test_limits_are_exact() -> None:
    for fly in (
        {"concurrency": {"soft_limit": 149, "hard_limit": 150}},
        {"kill": {"timeout_s": 300}},
        {"memory_mb": 2048},
        {"wait_timeout_s": 61},
    ):
        assert found(example(fly=fly)) == ()


def test_immediate_is_for_dev_only() -> None:
    assert found(example(fly={"strategy": "immediate"})) == ()
    on_live = example(environment="live", fly={"strategy": "immediate"})
    assert only(on_live, "F033", "fly.strategy").next_step == "set bluegreen, or rolling"


@pytest.mark.parametrize(("changes", "problem_id", "path", "next_step"), WARNINGS)
def test_what_is_only_unwise_is_a_warning(
    changes: dict[str, Any], problem_id: str, path: str, next_step: str
) -> None:
    problem = only(example(**changes), problem_id, path)

    assert problem.severity is Severity.WARNING
    assert next_step in problem.next_step


def test_all_problems_are_told_at_once_and_sorted() -> None:
    settings = example(
        router_settings={"allowed_fails": 3},
        general_settings={"request_timeout": 90},
        metrics={"port": 4000},
    )

    assert [problem.id for problem in found(settings)] == ["L002", "L052", "L144", "L004"]


def test_the_budget_says_both_numbers() -> None:
    problem = only(example(postgres={"max_connections": 100}), "L023", "postgres.max_connections")

    assert "worst 160, available 85" in problem.expected


def test_an_opened_breaker_after_one_failure_needs_a_chain_for_every_model() -> None:
    covered = example(router_settings={"allowed_fails": 0})
    uncovered = bare(
        models=[{"name": "a/one", "provider": "a"}], router_settings={"allowed_fails": 0}
    )

    assert "L050" not in [problem.id for problem in found(covered)]
    assert only(uncovered, "L050", "router_settings.allowed_fails").value == "0"


def test_a_policy_gives_three_allowed_fails_a_meaning() -> None:
    settings = example(
        router_settings={
            "allowed_fails": 3,
            "allowed_fails_policy": {"TimeoutErrorAllowedFails": 1},
        }
    )

    assert found(settings) == ()


def test_two_models_of_one_name_are_told_once() -> None:
    settings = bare(models=[{"name": "a/one", "provider": "a"}] * 2, providers={"a": {}})

    assert only(settings, "L065", "models[1].name").value == "a/one"


def test_a_model_may_not_take_a_probes_name() -> None:
    settings = bare(
        models=[{"name": name, "provider": "a"} for name in ("a/one", "a/two", "proof/0/a/one")],
        router_settings={"fallbacks": {"a/one": ["a/two"]}},
    )

    assert only(settings, "L067", "models[2].name").next_step.startswith("rename")


def test_a_machine_may_not_get_the_key_that_reads_all_events() -> None:
    query = {"project_id": 1, "api_key": "POSTHOG_API_KEY"}
    settings = bare(posthog={"query": query})

    problem = only(settings, "L068", "posthog.query.api_key")
    assert problem.value == "POSTHOG_API_KEY"
    assert "every machine gets this secret (events per request)" in problem.expected
    assert "a secret of its own" in problem.next_step


def test_the_key_that_reads_all_events_is_not_sent_in_clear_text() -> None:
    settings = bare(posthog={"query": {"project_id": 1, "host": "http://posthog.acme.example"}})

    assert only(settings, "L069", "posthog.query.host").next_step == "use https"


def test_a_proof_that_may_ask_too_little_to_pass_is_refused_with_the_number_it_needs() -> None:
    problem = only(example(proof={"total_requests": 172}), "proof.requests", "proof.total_requests")

    assert "takes 173 requests" in problem.expected
    assert "set 259" in problem.next_step
    assert problem.severity is Severity.ERROR
    assert found(example(proof={"total_requests": 173})) == ()


def test_a_plan_that_is_too_long_to_be_an_argument_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr("gateway.settings_checks.MOST_PLAN_BYTES", 500)

    problem = only(example(), "proof.plan", "router_settings.fallbacks")

    assert "where Linux takes 500 bytes" in problem.expected


def test_a_proof_that_outlives_flys_exec_is_refused() -> None:
    problem = only(example(proof={"total_timeout_s": 53}), "fly.exec", "proof.total_timeout_s")

    assert problem.value == "53"
    assert "set 52 or less" in problem.next_step
    assert found(example(proof={"total_timeout_s": 52})) == ()


def test_a_misspelt_default_fallback_is_told_at_its_own_place() -> None:
    settings = bare(
        providers={"xai": {}},
        models=[{"name": "xai/grok-4.3", "provider": "xai"}],
        litellm_settings={"default_fallbacks": ["xai/grok-4.2"]},
    )

    problem = only(settings, "L006", "litellm_settings.default_fallbacks[0]")

    assert 'did you mean "xai/grok-4.3"?' in problem.next_step


def test_a_broken_target_says_whether_the_chain_has_another() -> None:
    lonely = example(router_settings={"fallbacks": {"xai/grok-4.3": ["nowhere"]}})
    helped = example(router_settings={"fallbacks": {"xai/grok-4.3": ["nowhere", "openai/gpt-5.5"]}})
    path = 'router_settings.fallbacks["xai/grok-4.3"][0]'

    assert "the chain has no other" in only(lonely, "L006", path).expected
    assert "openai/gpt-5.5" in only(helped, "L006", path).expected


def test_groups_that_live_in_the_database_are_not_called_unknown() -> None:
    settings = bare(
        general_settings={"store_model_in_db": True},
        router_settings={"fallbacks": {"a/one": ["a/two"]}},
    )

    assert "L006" not in [problem.id for problem in found(settings)]


def test_a_wildcard_group_serves_the_names_it_covers() -> None:
    settings = bare(
        providers={"openai": {}},
        models=[{"name": "openai/*", "provider": "openai"}],
        router_settings={"fallbacks": {"openai/gpt-5.5": ["openai/gpt-5.4"]}},
    )

    assert "L006" not in [problem.id for problem in found(settings)]


@pytest.mark.parametrize("tag", ["v1.106.2", "main-v1.106.2", "v1.106.2-stable", "1.106.2"])
def test_a_tag_that_names_the_version_is_taken(tag: str) -> None:
    assert found(example(image={"tag": tag})) == ()


def test_one_worker_on_one_machine_needs_no_redis() -> None:
    settings = example(
        fly={"regions": {"iad": 1}},
        server={"workers": 1, **NEVER_RESTARTED},
        redis=None,
        router_settings=NO_REDIS,
        litellm_settings={"cache": False},
        general_settings={"use_redis_transaction_buffer": False},
    )

    assert found(settings) == ()


def test_one_uvicorn_worker_that_ends_is_told_of() -> None:
    (problem,) = found(example(server={"workers": 1, "max_requests_before_restart_jitter": None}))
    assert (problem.id, problem.place) == ("L143", "here: server.max_requests_before_restart")


@given(
    kind=st.sampled_from(["uvicorn", "gunicorn", "granian"]),
    workers=st.integers(1, 8),
    allowed_fails=st.none() | st.integers(0, 5),
    store=st.sampled_from(["file", "database"]),
    redis=st.sampled_from([None, {}]),
)
def test_any_combination_is_judged_without_an_accident_and_every_part_is_said(
    **given_values: Any,
) -> None:
    settings = example(
        server={"kind": given_values["kind"], "workers": given_values["workers"]},
        router_settings={"allowed_fails": given_values["allowed_fails"]},
        store=given_values["store"],
        redis=given_values["redis"],
    )

    assert all(
        problem.place and problem.id and problem.expected and problem.next_step
        for problem in found(settings)
    )
