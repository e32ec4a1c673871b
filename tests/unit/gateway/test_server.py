from typing import Any

import pytest

from gateway.secret_names import required_secrets
from gateway.server import (
    environment_clashes,
    migration_arguments,
    migration_entrypoint,
    migration_environment,
    pinned_variables,
    server_arguments,
    server_environment,
)
from tests.unit.gateway.example import bare, example

FIRST = ("--config", "/app/litellm_config.yaml", "--host", "0.0.0.0", "--port", "4000")  # noqa: S104


def test_the_shared_definition_starts_uvicorn_with_a_patient_supervisor() -> None:
    assert server_arguments(example()) == (
        *FIRST,
        *("--num_workers", "4"),
        *("--prometheus_metrics_port", "4001"),
        *("--keepalive_timeout", "75"),
        *("--timeout_worker_healthcheck", "120"),
        *("--max_requests_before_restart", "10000"),
        *("--max_requests_before_restart_jitter", "1000"),
    )


def test_the_investigations_command_is_reproduced() -> None:
    settings = bare(server={"kind": "gunicorn", "workers": 4, "max_requests_before_restart": 10000})

    assert server_arguments(settings) == (
        *FIRST,
        "--run_gunicorn",
        *("--num_workers", "4"),
        *("--max_requests_before_restart", "10000"),
    )


@pytest.mark.parametrize("kind", ["gunicorn", "granian"])
def test_flags_that_a_server_ignores_are_not_written(kind: str) -> None:
    settings = bare(server={"kind": kind, "keepalive_timeout_s": 75})

    assert f"--run_{kind}" in server_arguments(settings)
    assert "--keepalive_timeout" not in server_arguments(settings)
    assert "--timeout_worker_healthcheck" not in server_arguments(settings)


def test_one_worker_has_no_supervisor_to_be_patient() -> None:
    arguments = server_arguments(bare(server={"workers": 1}))

    assert "--keepalive_timeout" in arguments
    assert "--timeout_worker_healthcheck" not in arguments


def test_what_decides_latency_and_determinism_is_pinned() -> None:
    environment = server_environment(example())

    assert environment["PYTHON_GC_THRESHOLD"] == "50000,50,50"
    assert environment["INITIAL_RETRY_DELAY"] == "0.05"
    assert environment["MAX_RETRY_DELAY"] == "0.2"
    assert environment["JITTER"] == "0.05"
    assert environment["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert environment["LITELLM_MODE"] == "PRODUCTION"
    assert environment["GRACEFUL_SHUTDOWN_TIMEOUT"] == "30"
    assert environment["DISABLE_SCHEMA_UPDATE"] == "True"


def test_pages_for_everybody_are_closed_by_choice_only() -> None:
    switches = {"DISABLE_ADMIN_UI", "NO_DOCS", "NO_REDOC", "NO_OPENAPI"}
    assert switches.isdisjoint(server_environment(example()))

    closed = server_environment(example(server={"admin_ui": False, "api_docs": False}))
    assert {name: closed[name] for name in switches} == dict.fromkeys(switches, "True")


def test_every_pinned_variable_has_a_reason() -> None:
    pinned = pinned_variables(example(posthog={}, server={"admin_ui": False}))

    assert len(pinned) > 10
    assert all(variable.why for variable in pinned)
    assert len({variable.name for variable in pinned}) == len(pinned)


def test_redis_is_named_by_its_app_or_by_its_host() -> None:
    assert server_environment(example())["REDIS_HOST"] == "acme-gateway-dev-redis.flycast"
    assert server_environment(example())["REDIS_PORT"] == "6379"
    named = server_environment(example(redis={"kind": "existing", "host": "10.0.0.1", "port": 7}))
    assert (named["REDIS_HOST"], named["REDIS_PORT"]) == ("10.0.0.1", "7")
    assert "REDIS_HOST" not in server_environment(example(redis=None))


def test_the_routers_own_name_for_the_host_is_set_beside_the_caches() -> None:
    environment = server_environment(example(router_settings={"redis_host": "ROUTER_REDIS"}))

    assert environment["ROUTER_REDIS"] == environment["REDIS_HOST"]


def test_posthogs_address_is_set_with_posthog_only() -> None:
    assert "POSTHOG_API_URL" not in server_environment(example())
    assert server_environment(example(posthog={}))["POSTHOG_API_URL"] == "https://us.i.posthog.com"


def test_no_secret_is_in_the_environment() -> None:
    environment = server_environment(example(posthog={}))

    assert not {name for name in environment if name.endswith(("_KEY", "_PASSWORD", "_URL"))} - {
        "POSTHOG_API_URL"
    }


def test_the_settings_add_variables_and_change_no_pinned_one() -> None:
    settings = example(server={"environment": {"LITELLM_LOG": "INFO", "JITTER": "9"}})

    environment = server_environment(settings)

    assert environment["LITELLM_LOG"] == "INFO"
    assert environment["JITTER"] == "0.05"
    assert environment_clashes(settings) == {"JITTER": "9"}


@pytest.mark.parametrize(
    "name", ["REQUEST_TIMEOUT", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"]
)
def test_hidden_overrides_are_clashes(name: str) -> None:
    assert environment_clashes(example(server={"environment": {name: "1"}})) == {name: "1"}


def test_the_migration_reads_no_file_that_could_switch_it_off() -> None:
    assert migration_arguments(example()) == ("--skip_server_startup",)


def test_the_migration_is_the_one_machine_that_may_migrate() -> None:
    settings = example()
    servers, migration = server_environment(settings), migration_environment(settings)

    assert servers.pop("DISABLE_SCHEMA_UPDATE") == "True"
    assert migration == servers


def test_without_a_database_nothing_is_said_about_its_schema() -> None:
    environment: dict[str, Any] = server_environment(example(store="file"))

    assert "DISABLE_SCHEMA_UPDATE" not in environment


def test_a_migration_behind_a_pooler_goes_round_it_by_a_secret_that_no_configuration_holds() -> (
    None
):
    assert migration_entrypoint(example()) == ()
    managed = example(postgres={"kind": "managed"})
    sh, flag, script, _ = migration_entrypoint(managed)
    assert (sh, flag) == ("sh", "-c")
    assert script == 'DATABASE_URL="$DIRECT_URL" exec litellm "$@"'
    direct = next(s for s in required_secrets(managed) if s.name == "DIRECT_URL")
    assert (direct.composed, direct.own) == (True, True)
    assert "DIRECT_URL" not in {secret.name for secret in required_secrets(example())}
