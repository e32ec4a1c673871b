"""What the real proxy says of itself, against the file it was given and against another one."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.client import GatewayClient
from gateway.deviation import Winner
from gateway.running_drift import deviations
from gateway.running_view import read_view
from tests.sandbox.real_gateway import KEY, Gateway, booted, deviations_of

ADDRESS = "127.91.11.1"
SONNET, HAIKU = "anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"
PLANTED = "".join(("sk-", "planted", "Zq9vT4xW7mK2pL8"))
REDIS_PASSWORD = "of-a-redis-that-is-not-there"

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and a boot


def enrich(config: dict[str, Any]) -> None:
    """Add to the shared definition what LiteLLM tells in other words than it was given."""
    router = config["router_settings"]
    router["model_group_alias"] = {"grok": "xai/grok-4.3", "old": {"model": SONNET, "hidden": True}}
    router["context_window_fallbacks"] = [{"xai/grok-4.3": [SONNET]}]
    router["content_policy_fallbacks"] = [{SONNET: ["openai/gpt-5.5"]}]
    router["cooldown_time"] = 3.0
    router["redis_password"] = REDIS_PASSWORD  # no host beside it: LiteLLM uses none
    nano = model(config, "openai/gpt-5.4-nano")
    second = copy.deepcopy(nano)
    second["model_info"]["id"] = "second"
    second["litellm_params"] |= {
        "extra_headers": {"authorization": PLANTED},
        "api_key": PLANTED,
        "aws_secret_access_key": PLANTED,
        "timeout": 7,
        "rpm": "100",
        "max_retries": None,
    }
    wildcard = copy.deepcopy(model(config, "xai/grok-4.3"))
    wildcard |= {"model_name": "xai/*", "model_info": {"id": "every-grok"}}
    wildcard["litellm_params"]["model"] = "xai/*"
    config["model_list"] += [second, wildcard]


def tamper(config: dict[str, Any]) -> None:
    """Change what layer by layer has to be found."""
    router = config["router_settings"]
    for entry in router["fallbacks"]:
        if "openai/gpt-5.5" in entry:
            entry["openai/gpt-5.5"].pop()
    router |= {"allowed_fails": 5, "enable_pre_call_checks": True}
    router["context_window_fallbacks"] = [{"xai/grok-4.3": [HAIKU]}]
    del router["stream_timeout"]
    router["model_group_alias"]["grok"] = SONNET
    gone = model(config, "vertex_ai/gemini-3.1-flash-lite")
    config["model_list"].remove(gone)
    config["model_list"].append(copy.deepcopy(gone) | {"model_name": "own/model"})
    model(config, "openai/gpt-5.4-mini")["litellm_params"]["timeout"] = 5
    model(config, "proof/breaker")["litellm_params"]["timeout"] = 9
    config["litellm_settings"] |= {"cache": False, "callbacks": []}


def model(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in config["model_list"] if row["model_name"] == name)


FOUND = (
    """
drifted: LiteLLM caches answers in nothing in place of local
missing: callback prometheus does not run
missing: model group vertex_ai/gemini-3.1-flash-lite is gone (vertex_ai/gemini-3.1-flash-lite)
unmanaged: model group own/model is new: vertex_ai/gemini-3.1-flash-lite
unmanaged: model openai/gpt-5.4-mini: litellm_params.timeout is new: 5.0
drifted: the chain of openai/gpt-5.5 lost its second target (anthropic/claude-sonnet-4-6)
drifted: the context-window chain of xai/grok-4.3 has anthropic/claude-haiku-4-5 as its first\
 target in place of anthropic/claude-sonnet-4-6
drifted: alias grok stands for anthropic/claude-sonnet-4-6 in place of xai/grok-4.3
drifted: hidden groups of the fallback proof: 1 changed (proof/breaker)
drifted: router_settings.allowed_fails: 2 -> 5
missing: router_settings.stream_timeout: 60 -> null
unmanaged: router_settings.enable_pre_call_checks is new: true
""".replace("\\\n", "")
    .strip()
    .splitlines()
)


@dataclass
class Tampered:
    """A proxy that was given another file than the rendered one."""

    gateway: Gateway
    rendered: dict[str, Any]
    given: dict[str, Any]


@pytest.fixture(scope="module")
def tampered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tampered]:
    files: list[dict[str, Any]] = []

    def change(config: dict[str, Any]) -> None:
        enrich(config)
        files.append(copy.deepcopy(config))
        tamper(config)
        files.append(config)

    with booted(tmp_path_factory.mktemp("tampered"), ADDRESS, change) as running:
        yield Tampered(running, *files)


def test_a_gateway_is_what_its_own_file_declares_however_litellm_words_it(
    tampered: Tampered,
) -> None:
    assert deviations_of(tampered.gateway, tampered.given) == ()


def test_every_place_where_it_is_not_the_rendered_file_is_named(tampered: Tampered) -> None:
    found = deviations_of(tampered.gateway, tampered.rendered)

    assert [f"{each.verdict}: {each.sentence}" for each in found] == FOUND
    assert {each.winner for each in found} == {Winner.PROCESS}
    assert PLANTED not in repr(found)


def test_another_release_than_the_pinned_one_is_named(tampered: Tampered) -> None:
    pinned = "1.109.1"
    with httpx.Client(base_url=tampered.gateway.url, timeout=30) as http:
        view = read_view(GatewayClient(http, KEY))

    (found,) = deviations(view, tampered.given, version=pinned)

    assert found.sentence == "the gateway runs LiteLLM 1.106.2 in place of 1.109.1"


def test_nothing_that_is_kept_of_the_answers_is_a_secret(tampered: Tampered) -> None:
    with httpx.Client(base_url=tampered.gateway.url, timeout=30) as http:
        answer = http.get("/router/settings", headers={"Authorization": f"Bearer {KEY}"})
        view = read_view(GatewayClient(http, KEY))

    assert REDIS_PASSWORD in answer.text  # LiteLLM itself does tell it
    assert REDIS_PASSWORD not in repr(view)
    assert PLANTED not in repr(view)
