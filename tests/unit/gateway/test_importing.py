from typing import Any

import pytest

from gateway.importing import import_litellm
from gateway.importing_database import import_database_url
from gateway.importing_server import Machine, Server, import_server
from stacks.importing import Kind, plain
from stacks.literal_secrets import Names, is_secret, without_secrets
from stacks.paths import spell


def deployment(name: str, model: str = "openai/gpt-5.5", **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, **params}}


def definition(*models: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return import_litellm({"model_list": list(models), **sections}).definition


def served(machine: Machine, **definition: Any) -> Server:
    return import_server(machine, definition, Names(), database=False)


def test_what_all_deployments_of_a_provider_say_is_said_once() -> None:
    made = definition(
        deployment("a", api_key="os.environ/ONE", api_version="1"),
        deployment("b", api_key="os.environ/ONE", api_version="1", order=1),
        deployment("c", api_key="os.environ/TWO", api_version="1"),
    )
    assert made["providers"] == {"openai": {"api_key": "ONE", "extras": {"api_version": "1"}}}
    assert [model.get("api_key") for model in made["models"]] == [None, None, "TWO"]
    assert made["models"][1]["extras"] == {"order": 1}


def test_what_one_deployment_lacks_is_no_providers() -> None:
    made = definition(deployment("a", api_key="os.environ/ONE"), deployment("b"))
    assert made["providers"] == {"openai": {}}
    assert made["models"][0]["api_key"] == "ONE"


def test_deployments_of_one_group_get_ids_that_no_other_has() -> None:
    taken = {**deployment("a"), "model_info": {"id": "a"}}
    made = definition(deployment("a"), taken, deployment("a"), deployment("b"))
    assert [model.get("id", model["name"]) for model in made["models"]] == ["a/2", "a", "a/3", "b"]


@pytest.mark.parametrize(
    ("retries", "rescue"),
    [((0, 0), None), ((1, 1), "retry-once"), ((0, 1), "router"), ((None, None), "router")],
)
def test_the_rescue_is_what_the_owners_of_chains_say(
    retries: tuple[int | None, ...], rescue: str | None
) -> None:
    models = [
        deployment(name) if n is None else deployment(name, num_retries=n)
        for name, n in zip("ab", retries, strict=True)
    ]
    chains = [{"a": ["b"]}, {"b": ["a"]}]
    made = definition(*models, router_settings={"fallbacks": chains})
    assert made.get("rescue") == rescue


@pytest.mark.parametrize(
    "fallbacks",
    [
        [{"a": ["b"], "b": ["a"]}],
        [{"a": ["b"]}, {"a": ["c"]}],
        [{"a": [{"model": "b"}]}],
        {"a": ["b"]},
        [{"a": "b"}],
    ],
)
def test_chains_that_say_more_than_a_mapping_are_kept_as_they_stand(fallbacks: Any) -> None:
    made = definition(router_settings={"fallbacks": fallbacks})
    assert made["router_settings"] == {"extras": {"fallbacks": fallbacks}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("request_timeout", 90.5),
        ("drop_params", "yes"),
        ("num_retries", True),
        ("callbacks", "prometheus"),
        ("cache", None),
        ("unknown", 1),
    ],
)
def test_a_value_that_its_key_does_not_take_is_an_extra(key: str, value: Any) -> None:
    made = definition(litellm_settings={key: value})
    assert made["litellm_settings"] == {"extras": {key: value}}


def test_a_key_that_a_model_needs_and_does_not_name_is_asked_for() -> None:
    made = import_litellm(
        {
            "model_list": [
                deployment("a"),
                deployment("b", "xai/grok-4.3", litellm_credential_name="x"),
                deployment("c", "vertex_ai/gemini-3.5-flash", vertex_location="global"),
            ]
        }
    )
    assert set(made.secrets) == {"OPENAI_API_KEY", "VERTEXAI_PROJECT"}


def test_metrics_and_posthog_stand_for_their_callbacks() -> None:
    section = {
        "callbacks": ["otel", "prometheus"],
        "success_callback": ["posthog"],
        "failure_callback": ["posthog", "otel"],
    }
    machine = Machine({"prometheus_metrics_port": "4001"}, {}, [(4001, "/metrics/")])
    made = served(machine, litellm_settings=section)
    assert made.definition["metrics"] == {"port": 4001}
    assert made.definition["posthog"] == {}
    assert made.definition["litellm_settings"] == {
        "callbacks": ["otel"],
        "failure_callback": ["posthog", "otel"],
    }
    assert made.metrics_port == 4001


def test_metrics_on_the_public_port_stay_as_they_are() -> None:
    made = served(
        Machine({}, {}, [(4000, "/metrics/")]), litellm_settings={"callbacks": ["prometheus"]}
    )
    assert "metrics" not in made.definition
    assert made.definition["litellm_settings"] == {"callbacks": ["prometheus"]}


def test_a_command_line_without_workers_has_one() -> None:
    made = served(Machine({"config": "/app/litellm_config.yaml", "keepalive_timeout": "75"}, {}))
    assert made.definition["server"] == {"workers": 1, "worker_healthcheck_timeout_s": None}


def test_a_flag_that_the_server_ignores_is_told_to_have_no_effect() -> None:
    made = served(Machine({"run_gunicorn": "", "keepalive_timeout": "30", "num_workers": "4"}, {}))
    assert made.definition["server"]["keepalive_timeout_s"] == 30
    assert [(c.path[1], c.kind) for c in made.changes] == [("keepalive_timeout", Kind.SAME)]


def test_a_pinned_variable_is_left_out_and_told_where_it_differs() -> None:
    environment = {"JITTER": "0.05", "MAX_RETRY_DELAY": "9", "GRACEFUL_SHUTDOWN_TIMEOUT": "60"}
    made = served(Machine({}, environment))
    assert made.definition["server"]["graceful_shutdown_timeout_s"] == 60
    assert "environment" not in made.definition["server"]
    assert [(c.path, c.kind) for c in made.changes] == [
        (("environment", "MAX_RETRY_DELAY"), Kind.LOST)
    ]


def test_a_redis_whose_address_is_a_secret_stays_one() -> None:
    router = {"redis_host": "REDIS_HOST", "redis_password": "REDIS_PASSWORD"}
    hidden = served(Machine({}, {}), router_settings=router)
    plainly = served(Machine({}, {"REDIS_HOST": "r.example"}), router_settings=router)
    assert hidden.own["redis"] is None
    assert set(hidden.secrets) == {"REDIS_HOST", "REDIS_PASSWORD"}
    assert plainly.own["redis"] == {"kind": "existing", "host": "r.example"}
    assert plainly.secrets == {}


def test_a_database_url_becomes_postgres_and_writes_nothing_that_it_does_not_say() -> None:
    url = (
        "postgres://me:p%40ss@db.example/litellm?sslmode=require&socket_timeout=10&keepalives=1&x=1"
    )
    fields, password, lost = import_database_url(url)
    assert password == "p@ss"
    assert lost == ("x",)
    assert fields == {
        "host": "db.example",
        "port": 5432,
        "database": "litellm",
        "role": "me",
        "sslmode": "require",
        "prisma": {
            "max_connection_lifetime": None,
            "max_idle_connection_lifetime": None,
            "connect_timeout": None,
            "socket_timeout": 10,
        },
        "libpq": {"keepalives": 1},
    }


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("api_key", "abc", True),
        ("api_key", "none", False),
        ("api_key", "os.environ/KEY", False),
        ("Authorization", "bearer os.environ/KEY", False),
        ("anything", "sk-" + "abcdefghij", True),
        ("password", 1234, True),
        ("max_tokens", 5, False),
        ("input_cost_per_token", 0.1, False),
        ("key_name", "abc", False),
        ("url", "https://hooks.slack.com" + "/services/T/B/C", True),
        ("url", "https://u:p" + "@host/x", True),
        ("routing_strategy", "simple-shuffle", False),
    ],
)
def test_a_secret_is_told_by_its_form_or_by_its_key(key: str, value: Any, secret: bool) -> None:
    assert is_secret(key, value) is secret


def test_secrets_are_named_by_where_they_stand() -> None:
    tree = {
        "model_list": [deployment("a", "azure/gpt", api_key="one"), deployment("b", api_key="one")],
        "general_settings": {"master_key": "two"},
        "mcp_servers": {"git hub": {"auth_value": "three"}},
        "guardrails": [{"guardrail_name": "aim", "litellm_params": {"api_key": "four"}}],
    }
    changes: list[Any] = []
    kept = without_secrets(tree, ("litellm",), Names(["AIM_API_KEY"]), changes)
    assert [change.secret for change in changes] == [
        "AZURE_API_KEY",
        "AZURE_API_KEY",
        "LITELLM_MASTER_KEY",
        "GIT_HUB_AUTH_VALUE",
        "AIM_API_KEY_2",
    ]
    assert kept["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY"}


def test_what_yaml_says_beyond_json_is_told() -> None:
    changes: list[Any] = []
    data = {"a": {1: float("nan"), "b": {"x", "y"}}, "c": [b"z"]}
    assert plain(data, ("litellm",), changes) == {"a": {"1": "nan", "b": ["x", "y"]}, "c": ["z"]}
    assert [spell(change.path) for change in changes] == [
        'litellm.a["1"]',
        'litellm.a["1"]',
        "litellm.a.b",
        "litellm.c[0]",
    ]
