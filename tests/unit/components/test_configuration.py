import tomllib
from datetime import date
from typing import Any

import pytest
import yaml

from components.bundle import make_bundle
from components.configuration import configuration_of, settings_path
from gateway.database_url import database_url
from gateway.from_files import configuration_from_files
from stacks.configuration import Configuration
from stacks.paths import Path, parse
from tests.unit.gateway.example import MINIMAL, bare, example

TODAY = date(2026, 11, 24)


def configuration(**changes: Any) -> Configuration:
    return configuration_of(example(**changes), secrets=frozenset({"A"}), today=TODAY)


def test_it_says_what_the_rendered_files_say() -> None:
    settings = example(proof={"probe_prefix": "probe"}, posthog={})
    made = configuration_of(settings, secrets=frozenset({"A"}), today=TODAY)
    bundle = make_bundle(settings)
    read = configuration_from_files(
        litellm=yaml.safe_load(bundle.litellm_yaml),
        fly=tomllib.loads(bundle.fly_toml),
        database_url=database_url(settings, "password"),
        secrets=frozenset({"A"}),
        environment_name="dev",
        today=TODAY,
    )

    assert made.fly == read.fly
    assert made.server == read.server
    assert made.environment == read.environment
    assert made.database_url == read.database_url
    assert (made.secrets, made.environment_name, made.version, made.today) == (
        read.secrets,
        read.environment_name,
        read.version,
        read.today,
    )


def test_the_probes_of_the_proof_are_left_out() -> None:
    made = configuration()

    assert made.litellm is not None
    names = [entry["model_name"] for entry in made.litellm["model_list"]]
    assert names == [model.name for model in example().models]


def test_a_file_store_has_no_database_url() -> None:
    assert configuration(store="file").database_url is None
    assert configuration(postgres=None).database_url is None


def test_a_keep_alive_that_the_server_ignores_is_still_said() -> None:
    assert configuration(server={"kind": "gunicorn"}).server["keepalive_timeout"] == "75"
    assert "keepalive_timeout" not in configuration(server={"keepalive_timeout_s": None}).server


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        (("litellm", "model_list"), "models"),
        (("litellm", "model_list", 8), "models[8]"),
        (("litellm", "model_list", 999, "model_name"), "models"),
        (("litellm", "model_list", 8, "model_name"), "models[8].name"),
        (("litellm", "model_list", 8, "model_info", "id"), "models[8].name"),
        (("litellm", "model_list", 8, "model_info", "mode"), "models[8].mode"),
        (("litellm", "model_list", 8, "litellm_params"), "models[8]"),
        (("litellm", "model_list", 8, "litellm_params", "model"), "models[8].name"),
        (("litellm", "model_list", 8, "litellm_params", "timeout"), "models[8].timeout"),
        (("litellm", "model_list", 8, "litellm_params", "num_retries"), "rescue"),
        (("litellm", "model_list", 8, "litellm_params", "api_key"), "providers.xai.api_key"),
        (("litellm", "router_settings"), "router_settings"),
        (("litellm", "router_settings", "fallbacks"), "router_settings.fallbacks"),
        (
            ("litellm", "router_settings", "fallbacks", 3),
            'router_settings.fallbacks["xai/grok-4.3"]',
        ),
        (
            ("litellm", "router_settings", "fallbacks", 3, "xai/grok-4.3", 0),
            'router_settings.fallbacks["xai/grok-4.3"][0]',
        ),
        (("litellm", "router_settings", "fallbacks", 99), "router_settings.fallbacks"),
        (
            ("litellm", "router_settings", "retry_policy", "DefaultRetries"),
            "router_settings.retry_policy.DefaultRetries",
        ),
        (("litellm", "litellm_settings", "callbacks", 0), "metrics"),
        (("litellm", "litellm_settings", "success_callback", 0), "posthog"),
        (
            ("litellm", "litellm_settings", "cache_params", "ttl"),
            "litellm_settings.cache_params.ttl",
        ),
        (
            ("litellm", "litellm_settings", "default_fallbacks", 0),
            "litellm_settings.default_fallbacks[0]",
        ),
        (("litellm", "general_settings", "master_key"), "general_settings.master_key"),
        (("server", "keepalive_timeout"), "server.keepalive_timeout_s"),
        (("server", "num_workers"), "server.workers"),
        (("server", "run_gunicorn"), "server.kind"),
        (("server", "prometheus_metrics_port"), "metrics.port"),
        (("server", "config"), "server"),
        (("environment", "JITTER"), "server.environment.JITTER"),
        (("environment", "GRACEFUL_SHUTDOWN_TIMEOUT"), "server.graceful_shutdown_timeout_s"),
        (("environment", "REDIS_HOST"), "redis.host"),
        (("fly",), "fly"),
        (("fly", "primary_region"), "fly.primary"),
        (("fly", "kill_timeout"), "fly.kill.timeout_s"),
        (("fly", "build", "image"), "image"),
        (("fly", "env", "JITTER"), "server.environment.JITTER"),
        (("fly", "http_service", "concurrency", "soft_limit"), "fly.concurrency.soft_limit"),
        (("fly", "http_service", "checks", 0, "interval"), "fly.check.interval_s"),
        (("fly", "http_service", "checks", 0, "method"), "fly.check"),
        (("fly", "http_service", "auto_stop_machines"), "fly.auto_stop"),
        (("fly", "vm", 0, "size"), "fly.size"),
        (("fly", "vm", 0, "memory"), "fly.memory_mb"),
        (("fly", "metrics", 0, "port"), "metrics.port"),
        (("database_url",), "postgres"),
        (("database_url", "sslmode"), "postgres.sslmode"),
        (("database_url", "socket_timeout"), "postgres.prisma.socket_timeout"),
        (("database_url", "keepalives"), "postgres.libpq.keepalives"),
        (("database_url", "unheard_of"), "postgres"),
        (("settings", "image", "digest"), "image.digest"),
    ],
)
def test_each_place_has_its_setting(path: Path, spelled: str) -> None:
    settings = example(posthog={})

    assert settings_path(path, settings) == spelled


def test_what_a_model_says_itself_is_its_own_setting() -> None:
    model = {"name": "a/one", "provider": "a", "model": "openai/one", "num_retries": 1}
    settings = bare(models=[model, {"name": "b", "provider": "a", "rescue": "now"}])
    params = ("litellm", "model_list", 0, "litellm_params")

    assert settings_path((*params, "model"), settings) == "models[0].model"
    assert settings_path((*params, "num_retries"), settings) == "models[0].num_retries"
    of_the_second = ("litellm", "model_list", 1, "litellm_params", "num_retries")
    assert settings_path(of_the_second, settings) == "models[1].rescue"


def test_callbacks_that_were_named_stay_where_they_were() -> None:
    settings = example(
        litellm_settings={"callbacks": ["lago"], "success_callback": ["s3"]}, posthog={}
    )
    section = ("litellm", "litellm_settings")

    assert settings_path((*section, "callbacks", 0), settings) == "litellm_settings.callbacks[0]"
    assert settings_path((*section, "callbacks", 1), settings) == "metrics"
    assert (
        settings_path((*section, "success_callback", 0), settings)
        == "litellm_settings.success_callback[0]"
    )
    assert settings_path((*section, "success_callback", 1), settings) == "posthog"


def test_extras_are_found_where_they_stand() -> None:
    model = {
        "name": "a/one",
        "provider": "a",
        "api_base": "http://one",
        "extras": {"order": 1},
        "info": {"base_model": "one"},
        "entry": {"model_access": ["x"]},
        "id": "first",
    }
    settings = bare(
        providers={"a": {"extras": {"region": "x"}}},
        models=[model],
        router_settings={"extras": {"fallbacks": [{"a": [{"model": "b"}]}], "new": 1}},
        litellm_settings={"cache": True, "cache_params": {"extras": {"ssl": True}}},
        sections={"mcp_servers": {"x": {}}},
        server={"flags": {"detailed_debug": ""}},
        fly={
            **MINIMAL["fly"],
            "vm": {"cpus": 4},
            "check": {"extras": {"headers": {"a": "b"}}},
            "extras": {"deploy": {"release_command": "x"}},
        },
    )
    entry: Path = ("litellm", "model_list", 0)
    for path, spelled in (
        ((*entry, "litellm_params", "order"), "models[0].extras.order"),
        ((*entry, "litellm_params", "api_base"), "models[0].api_base"),
        ((*entry, "litellm_params", "region"), "providers.a.extras.region"),
        ((*entry, "model_info", "base_model"), "models[0].info.base_model"),
        ((*entry, "model_info", "id"), "models[0].id"),
        ((*entry, "model_access", 0), "models[0].entry.model_access[0]"),
        (("litellm", "router_settings", "new"), "router_settings.extras.new"),
        (
            ("litellm", "router_settings", "fallbacks", 0, "a", 0),
            "router_settings.extras.fallbacks[0].a[0]",
        ),
        (
            ("litellm", "litellm_settings", "cache_params", "ssl"),
            "litellm_settings.cache_params.extras.ssl",
        ),
        (("litellm", "mcp_servers", "x"), "sections.mcp_servers.x"),
        (("server", "detailed_debug"), "server.flags.detailed_debug"),
        (("fly", "vm", 0, "cpus"), "fly.vm.cpus"),
        (("fly", "http_service", "checks", 0, "headers"), "fly.check.extras.headers"),
        (("fly", "deploy", "release_command"), "fly.extras.deploy.release_command"),
        (("fly", "deploy", "strategy"), "fly.strategy"),
    ):
        assert settings_path(path, settings) == spelled


def test_what_is_said_twice_in_extras_makes_no_traceback() -> None:
    settings = bare(fly={**MINIMAL["fly"], "extras": {"app": "twice"}})

    made = configuration_of(settings, secrets=None, today=TODAY)

    assert made.fly is not None
    assert made.fly["app"] == "acme-gateway-dev"


def test_every_place_of_every_document_has_a_path_that_can_be_read() -> None:
    settings = example(posthog={})
    made = configuration_of(settings, secrets=None, today=TODAY)
    documents: dict[str, Any] = {
        "litellm": made.litellm,
        "fly": made.fly,
        "server": made.server,
        "environment": made.environment,
        "database_url": made.database_url,
        "settings": made.settings,
    }
    paths = [path for name, data in documents.items() for path in places((name,), data)]

    assert len(paths) > 300
    for path in paths:
        assert parse(settings_path(path, settings))[0] in type(settings).model_fields


def places(path: Path, data: Any) -> list[Path]:
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    found: list[Path] = []
    for key, value in entries:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places((*path, key), value)
    return found
