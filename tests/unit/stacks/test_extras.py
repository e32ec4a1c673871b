import tomllib
from typing import Any

import pytest
import yaml

from components.bundle import make_bundle
from components.validate import load_checked
from gateway.render import litellm_config
from gateway.secret_names import required_secrets
from stacks.load import RawConfig, load_settings
from stacks.problem import Problem, ProblemError
from stacks.settings import Settings

FLY = {"organization": "acme", "app": "acme-gateway-dev", "regions": {"iad": 2}}
VERTEX = {"vertex_ai": {"vertex_project": "acme", "vertex_location": "global"}}


def loaded(**given: Any) -> Settings:
    return load_settings("dev", RawConfig({"fly": FLY, "providers": VERTEX, **given})).settings


def refused(**given: Any) -> tuple[Problem, ...]:
    with pytest.raises(ProblemError, match="gateway:") as error:
        load_checked("dev", RawConfig({"fly": FLY, "providers": VERTEX, **given}))
    return error.value.problems


def model(**given: Any) -> dict[str, Any]:
    return {"name": "azure/gpt", "provider": "azure", **given}


def test_each_sections_extras_are_written_as_they_stand() -> None:
    rendered = litellm_config(
        loaded(
            litellm_settings={
                "extras": {"turn_off_message_logging": True},
                "cache_params": {"extras": {"supported_call_types": ["acompletion"]}},
            },
            general_settings={"extras": {"alerting": ["slack"]}},
            router_settings={"extras": {"model_group_alias": {"gpt": "openai/gpt-5.5"}}},
            sections={"mcp_servers": {"docs": {"url": "https://mcp.example/mcp"}}, "teams": []},
        )
    )
    assert rendered["litellm_settings"]["turn_off_message_logging"] is True
    assert rendered["litellm_settings"]["cache_params"] == {
        "type": "redis",
        "ttl": 300,
        "supported_call_types": ["acompletion"],
    }
    assert rendered["general_settings"]["alerting"] == ["slack"]
    assert rendered["router_settings"]["model_group_alias"] == {"gpt": "openai/gpt-5.5"}
    assert rendered["mcp_servers"] == {"docs": {"url": "https://mcp.example/mcp"}}
    assert rendered["teams"] == []


def test_a_group_can_have_several_deployments_each_reached_in_its_own_way() -> None:
    settings = loaded(
        providers={**VERTEX, "azure": {"api_key": "AZURE_API_KEY", "extras": {"api_version": "1"}}},
        models=[
            model(api_base="https://eu.example", info={"tier": "paid"}),
            model(id="azure/gpt/us", api_key="AZURE_US_KEY", extras={"order": 2}, mode=None),
        ],
    )
    eu, us = litellm_config(settings, with_probes=False)["model_list"]
    assert eu == {
        "model_name": "azure/gpt",
        "litellm_params": {
            "model": "azure/gpt",
            "api_key": "os.environ/AZURE_API_KEY",
            "api_version": "1",
            "api_base": "https://eu.example",
        },
        "model_info": {"id": "azure/gpt", "mode": "chat", "tier": "paid"},
    }
    assert us["model_info"] == {"id": "azure/gpt/us"}
    assert us["litellm_params"]["api_key"] == "os.environ/AZURE_US_KEY"
    assert us["litellm_params"]["order"] == 2
    assert {"AZURE_API_KEY", "AZURE_US_KEY"} <= {s.name for s in required_secrets(settings)}


def test_a_secret_that_extras_refer_to_is_required_unless_a_plain_variable_says_it() -> None:
    settings = loaded(
        sections={"guardrails": [{"litellm_params": {"api_key": "os.environ/AIM_KEY"}}]},
        general_settings={
            "extras": {"alert": "os.environ/PLACE", "app": "os.environ/FLY_APP_NAME"}
        },
        server={"environment": {"PLACE": "here"}},
        secrets={"LANGFUSE_SECRET_KEY": "config", "XAI_API_KEY": "generated"},
    )
    names = {secret.name for secret in required_secrets(settings)}
    assert {"AIM_KEY", "LANGFUSE_SECRET_KEY"} <= names
    assert not {"PLACE", "FLY_APP_NAME"} & names


@pytest.mark.parametrize(
    ("place", "given"),
    [
        ("router_settings.extras.timeout", {"router_settings": {"extras": {"timeout": 0.5}}}),
        (
            "litellm_settings.extras.callbacks",
            {"litellm_settings": {"extras": {"callbacks": "prometheus"}}},
        ),
        ("sections.router_settings", {"sections": {"router_settings": {}}}),
        ("models[0].extras.model", {"models": [model(extras={"model": "x"})]}),
        ("models[0].info.id", {"models": [model(id="one", info={"id": "two"})]}),
        ("models[0].entry.model_info", {"models": [model(entry={"model_info": {}})]}),
    ],
)
def test_no_extra_says_what_a_typed_key_says(place: str, given: dict[str, Any]) -> None:
    (problem,) = [p for p in refused(**given) if p.id == "settings.extras"]
    assert problem.place == f"Pulumi.dev.yaml: gateway:{place}"
    assert "given twice" in problem.expected


def test_no_extra_holds_a_secret_in_plain_text() -> None:
    value = "sk-" + "abcdefghij0123456789"
    problems = refused(sections={"mcp_servers": {"docs": {"headers": {"X-Key": value}}}})
    (problem,) = [p for p in problems if p.id == "settings.plain_secret"]
    assert problem.place == "Pulumi.dev.yaml: gateway:sections.mcp_servers.docs.headers.X-Key"
    assert value not in problem.render()


def test_further_keys_of_fly_toml_are_laid_beside_the_rendered_ones() -> None:
    settings = loaded(
        fly={
            **FLY,
            "vm": {"cpus": 4},
            "auto_stop": "stop",
            "min_machines_running": 1,
            "force_https": False,
            "check": {"extras": {"headers": {"X-A": "b"}, "method": "HEAD"}},
            "extras": {
                "swap_size_mb": 512,
                "http_service": {"auto_start_machines": True, "tls_options": {"alpn": ["h2"]}},
                "metrics": [{"port": 9091, "path": "/m", "https": False}],
                "experimental": {"entrypoint": ["sh", "-c"]},
            },
        }
    )
    toml = tomllib.loads(make_bundle(settings).fly_toml)
    service = toml["http_service"]
    assert toml["vm"][0] | {"cpus": 4} == toml["vm"][0]
    assert (service["auto_stop_machines"], service["min_machines_running"]) == ("stop", 1)
    assert (service["force_https"], service["auto_start_machines"]) == (False, True)
    assert service["tls_options"] == {"alpn": ["h2"]}
    assert service["checks"][0]["headers"] == {"X-A": "b"}
    assert service["checks"][0]["method"] == "HEAD"
    assert toml["swap_size_mb"] == 512
    assert toml["metrics"][1] == {"port": 9091, "path": "/m", "https": False}
    assert toml["experimental"] == {"entrypoint": ["sh", "-c"]}


def test_an_extra_of_fly_that_is_rendered_already_is_refused_by_its_path() -> None:
    extras = {"http_service": {"internal_port": 1, "compress": True}, "env": {"A": "1"}}
    found = refused(fly={**FLY, "vm": {"size": "x"}, "extras": extras})
    assert {problem.place for problem in found if problem.id == "fly.extras"} == {
        "Pulumi.dev.yaml: gateway:fly.vm.size",
        "Pulumi.dev.yaml: gateway:fly.extras.http_service.internal_port",
        "Pulumi.dev.yaml: gateway:fly.extras.env",
    }


def test_further_flags_follow_the_others() -> None:
    settings = loaded(server={"flags": {"detailed_debug": "", "limit_concurrency": "100"}})
    command = tomllib.loads(make_bundle(settings).fly_toml)["processes"]["app"]
    assert command.endswith(" --detailed_debug --limit_concurrency 100")


def test_a_wildcard_groups_own_chain_has_no_probe_and_is_told_as_unproven() -> None:
    settings = loaded(
        models=[model(name="openai/*", provider="openai"), model()],
        router_settings={"fallbacks": {"openai/*": ["azure/gpt"], "azure/gpt": ["openai/gpt-5"]}},
    )
    bundle = make_bundle(settings)
    names = [row["model_name"] for row in yaml.safe_load(bundle.litellm_yaml)["model_list"]]
    assert "proof/0/azure/gpt" in names
    assert [name for name in names if "openai/*" in name] == ["openai/*"]
    assert '"source":"openai/*"' in bundle.proof_plan
