"""What is said of chains as a whole, and of the models that they name."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.checking import check
from stacks.configuration import Configuration
from stacks.paths import Path as Place
from stacks.problem import Severity
from stacks.rule import Result
from tests.unit.gateway.rules.cases import litellm

PUBLISHED = Path(__file__).parent / "corpus" / "broken" / "as_published.yaml"
OPUS, SONNET, HAIKU = (
    f"anthropic/claude-{name}" for name in ("opus-4-7", "sonnet-4-6", "haiku-4-5")
)


def models(**groups: Any) -> list[dict[str, Any]]:
    """Return a model list: a model's name for each group, or parameters, or several of them."""
    entries = []
    for name, deployments in groups.items():
        for given in deployments if isinstance(deployments, list) else [deployments]:
            params = {"model": given} if isinstance(given, str) else dict(given)
            info = params.pop("info", {})
            entries.append({"model_name": name, "litellm_params": params, "model_info": info})
    return entries


def found(chains: list[dict[str, Any]], rule_id: str, **rest: Any) -> dict[Place, Result]:
    settings = {"fallbacks": chains, **rest.pop("router", {})}
    text = yaml.safe_dump(
        {
            "model_list": models(**rest.pop("groups", {})),
            "router_settings": settings,
            "litellm_settings": {"request_timeout": 60},
            **rest.pop("sections", {}),
        }
    )
    results = check(litellm(text, **rest))
    return {r.finding.path: r for r in results if r.rule_id == rule_id}


def sources(results: dict[Place, Result]) -> set[str]:
    return {str(path[4]) for path in results}


def test_four_of_the_six_published_chains_never_leave_their_provider() -> None:
    results = check(litellm(PUBLISHED.read_text("utf-8")))
    told = {r.finding.path: r for r in results if r.rule_id == "L150"}
    assert sources(told) == {
        "openai/gpt-5.4",
        "vertex_ai/gemini-3.1-pro-preview",
        "anthropic/claude-opus-4-7",
        "anthropic/claude-opus-4-6",
    }
    assert all(result.severity is Severity.WARNING for result in told.values())
    (opus,) = [r for path, r in told.items() if path[4] == "anthropic/claude-opus-4-7"]
    assert 'for example "openai/gpt-5.5"' in opus.finding.next_step


def test_a_chain_leaves_its_provider_where_a_later_hop_does() -> None:
    groups = {"opus": OPUS, "sonnet": SONNET, "gpt": "openai/gpt-5.5"}
    alone = found([{"opus": ["sonnet"]}], "L150", groups=groups)
    through_sonnet = found([{"opus": ["sonnet"]}, {"sonnet": ["gpt"]}], "L150", groups=groups)
    assert sources(alone) == {"opus"}
    assert sources(through_sonnet) == set()


def test_any_does_not_rescue_a_target_that_failed() -> None:
    groups = {"opus": OPUS, "sonnet": SONNET, "gpt": "openai/gpt-5.5"}
    through_any = found([{"opus": ["sonnet"]}, {"*": ["gpt"]}], "L150", groups=groups)
    assert sources(through_any) == {"opus"}


@pytest.mark.parametrize(
    "second",
    [
        {"model": "openai/gpt-5.4", "api_base": "https://eu.api.openai.com/v1"},
        {"model": "azure/gpt-5.4"},
        {"model": "openai/some-model-of-our-own", "api_base": "http://vllm.internal:8000"},
    ],
)
def test_another_place_or_an_unknown_model_is_no_single_provider(second: dict[str, Any]) -> None:
    groups = {"gpt": "openai/gpt-5.5", "second": second}
    assert found([{"gpt": ["second"]}], "L150", groups=groups) == {}


def test_a_group_of_two_providers_does_not_need_its_chain_to_leave() -> None:
    groups = {"both": [OPUS, "openai/gpt-5.5"], "sonnet": SONNET}
    assert found([{"both": ["sonnet"]}], "L150", groups=groups) == {}


def test_prompts_are_rescued_where_any_hop_takes_them() -> None:
    groups = {"gpt": "openai/gpt-5.5", "mini": "openai/gpt-5.4-mini", "sonnet": SONNET}
    (told,) = found([{"gpt": ["mini"]}], "L151", groups=groups).values()
    assert "1,050,000" in told.finding.expected
    assert "272,000" in told.finding.expected
    assert found([{"gpt": ["mini"]}, {"mini": ["sonnet"]}], "L151", groups=groups) == {}


def test_a_list_for_long_prompts_answers_them_alone() -> None:
    groups = {"gpt": "openai/gpt-5.5", "mini": "openai/gpt-5.4-mini", "sonnet": SONNET}
    chains = [{"gpt": ["mini"]}]
    helped = {"context_window_fallbacks": [{"mini": ["sonnet"]}]}
    other = {"context_window_fallbacks": [{"sonnet": ["mini"]}]}
    assert found(chains, "L151", groups=groups, router=helped) == {}
    assert sources(found(chains, "L151", groups=groups, router=other)) == {"gpt"}


def test_what_the_file_says_of_a_deployment_wins_over_the_catalogue() -> None:
    groups = {
        "gpt": "openai/gpt-5.5",
        "mini": {"model": "openai/gpt-5.4-mini", "info": {"max_input_tokens": 1_000_000}},
    }
    assert found([{"gpt": ["mini"]}], "L151", groups=groups) == {}


def test_a_deployment_of_azure_is_known_by_its_base_model() -> None:
    groups = {
        "gpt": {"model": "azure/our-deployment", "info": {"base_model": "azure/gpt-5.5"}},
        "haiku": HAIKU,
    }
    assert sources(found([{"gpt": ["haiku"]}], "L151", groups=groups)) == {"gpt"}


def test_a_group_that_cannot_answer_is_an_error_at_its_own_place() -> None:
    groups = {"vectors": "openai/text-embedding-3-small", "gpt": "openai/gpt-5.5", "haiku": HAIKU}
    ((path, told),) = found([{"vectors": ["gpt"]}], "L153", groups=groups).items()
    assert path == ("litellm", "router_settings", "fallbacks", 0, "vectors", 0)
    assert told.severity is Severity.ERROR
    assert found([{"haiku": ["gpt"]}], "L153", groups=groups) == {}


def test_a_responses_model_and_a_chat_model_stand_in_for_each_other() -> None:
    groups = {
        "pro": {"model": "openai/gpt-5.5", "info": {"mode": "responses"}},
        "sonnet": SONNET,
    }
    assert found([{"pro": ["sonnet"]}], "L153", groups=groups) == {}


def test_a_price_is_compared_by_the_dearer_of_input_and_output() -> None:
    groups = {"nano": "openai/gpt-5.4-nano", "opus": OPUS, "haiku": HAIKU}
    ((path, told),) = found([{"nano": ["haiku", "opus"]}], "L154", groups=groups).items()
    assert path[-1] == 1
    assert "25 times" in told.finding.expected


def test_models_that_nobody_knows_are_let_alone() -> None:
    groups = {"ours": "openai/ours", "theirs": "hosted_vllm/theirs"}
    for rule_id in ("L150", "L151", "L152", "L153", "L154", "L155", "L158"):
        assert found([{"ours": ["theirs"]}], rule_id, groups=groups) == {}


def test_retired_targets_in_chains_of_groups_elsewhere_are_told_at_the_chain() -> None:
    chains = [{"xai/grok-4.3": ["xai/grok-code-fast-1"]}]
    sections = {"general_settings": {"store_model_in_db": True}}
    ((path, told),) = found(chains, "L155", sections=sections).items()
    assert path == ("litellm", "router_settings", "fallbacks", 0, "xai/grok-4.3", 0)
    assert told.finding.value == "xai/grok-code-fast-1"
    assert 'use "xai/grok-4.3"' in told.finding.next_step
    assert "2026" in told.finding.expected


@pytest.mark.parametrize(
    ("today", "rule_id"),
    [
        (date(2027, 2, 5), None),
        (date(2027, 2, 7), "L157"),
        (date(2027, 4, 7), "L157"),
        (date(2027, 4, 8), "L156"),
        (date(2027, 5, 6), "L156"),
        (date(2027, 5, 7), "L155"),
        (date.min, None),
    ],
)
def test_a_day_of_retirement_is_told_of_90_and_30_days_before(
    today: date, rule_id: str | None
) -> None:
    groups = {"lite": "vertex_ai/gemini-3.1-flash-lite"}
    told = [i for i in ("L155", "L156", "L157") if found([], i, groups=groups, today=today)]
    assert told == ([] if rule_id is None else [rule_id])


def test_a_deployments_own_day_counts() -> None:
    own = {"model": "openai/ours", "info": {"deprecation_date": "2026-12-01"}}
    (told,) = found([], "L156", groups={"ours": own}).values()
    assert "2026-12-01, in 7 days (source: model_info)" in told.finding.expected


@pytest.mark.parametrize(
    "info",
    [{}, {"deprecation_date": "2026-06-20"}, {"deprecation_date": "2028-01-01"}],
)
def test_a_day_that_only_a_sibling_names_is_never_an_error(info: dict[str, str]) -> None:
    """The sibling's day, 2026-06-25, is past; only what the file itself says may be an error."""
    of_vertex = {"model": "vertex_ai/gemini-3-pro-image-preview", "info": info}
    own = info.get("deprecation_date", "")
    told = {
        rule_id: [
            result.severity for result in found([], rule_id, groups={"image": of_vertex}).values()
        ]
        for rule_id in ("L155", "L156", "L157")
    }
    assert told["L155"] == ([Severity.ERROR] if own.startswith("2026") else [])
    assert told["L156"] == []
    assert told["L157"] == ([] if own else [Severity.WARNING])


def test_a_name_in_a_chain_whose_sibling_is_retired_is_a_warning() -> None:
    chains = [{"xai/grok-4.3": ["vertex_ai/gemini-3-pro-image-preview"]}]
    sections = {"general_settings": {"store_model_in_db": True}}
    assert found(chains, "L155", sections=sections) == {}
    (told,) = found(chains, "L157", sections=sections).values()
    assert told.severity is Severity.WARNING


def test_a_preview_is_let_alone_where_a_chain_leads_to_a_stable_model() -> None:
    groups = {"pro": "vertex_ai/gemini-3.1-pro-preview", "flash": "vertex_ai/gemini-3.5-flash"}
    assert len(found([], "L158", groups=groups)) == 1
    assert found([{"pro": ["flash"]}], "L158", groups=groups) == {}
    assert found([{"*": ["flash"]}], "L158", groups=groups) == {}
    assert len(found([{"pro": ["pro"]}], "L158", groups=groups)) == 1


def test_a_circle_of_any_length_ends() -> None:
    groups = {f"g{n}": OPUS for n in range(200)}
    chains = [{f"g{n}": [f"g{(n + 1) % 200}"]} for n in range(200)]
    assert len(found(chains, "L150", groups=groups)) == 200


def test_without_texts_there_is_nothing_to_find() -> None:
    assert check(Configuration()) == ()
