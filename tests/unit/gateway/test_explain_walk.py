"""The order of fallbacks, compared with what LiteLLM's real Router did (cases/walks.json)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.explain import explain
from gateway.explain_attempts import ERRORS, attempts
from gateway.explain_lookup import Kind, Lookup, Order
from gateway.explain_scenarios import the_backoff
from gateway.explain_timeouts import longest
from gateway.explain_walk import Walk, walk
from gateway.subject import Subject
from stacks.configuration import Configuration
from tests.unit.gateway.explained import configuration

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "cases" / "walks.json").read_text("utf-8")
)
ORDERS = {"context window": Order.CONTEXT_WINDOW, "content policy": Order.CONTENT_POLICY}
BY_NAME = {error.name: error for error in ERRORS}


def recorded(case: dict[str, Any]) -> Subject:
    router = dict(case["router"])
    listed, default = router.pop("model_list"), router.pop("default_fallbacks", None)
    whole: dict[str, Any] = {"model_list": listed, "router_settings": router}
    if default:
        whole["litellm_settings"] = {"default_fallbacks": default}
    return Subject(Configuration(litellm=whole, version=RECORDED["litellm"]))


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_what_is_tried_is_what_the_real_router_tried(case: dict[str, Any]) -> None:
    subject = recorded(case)
    error = BY_NAME[case["error"]]
    lookup = Lookup(subject)
    tried = walk(lookup, case["model"], ORDERS.get(error.name, Order.GENERAL))
    asked = [lookup.requested(case["model"]), *(hop.served for hop in tried.hops)]
    expected: list[str] = []
    for served in asked:
        if served.found:
            count = attempts(subject, served.name, served.deployments, error).tries
            expected += [served.deployments[0].model] * count
    assert expected == [call["model"] for call in case["calls"]]


@pytest.mark.parametrize(
    "case", [case for case in RECORDED["cases"] if case["sleeps"]], ids=lambda case: case["name"]
)
def test_the_sleeps_are_those_of_the_real_router(case: dict[str, Any]) -> None:
    backoff = the_backoff(recorded(case))
    for number, slept in enumerate(case["sleeps"]):
        span = backoff.sleep(number)
        assert span.best - 0.001 <= slept <= span.worst + 0.001
    assert len(case["sleeps"]) == len(case["calls"])


@pytest.mark.parametrize(
    "case",
    [case for case in RECORDED["cases"] if "random" not in case["name"]],
    ids=lambda case: case["name"],
)
def test_the_time_out_is_that_of_the_real_router(case: dict[str, Any]) -> None:
    subject = recorded(case)
    times = longest(subject, Lookup(subject).requested(case["model"]).deployments)
    assert times is not None
    streamed = case.get("request", {}).get("stream")
    assert (times.stream if streamed else times.whole).value == case["calls"][0]["timeout_s"]


def walked(found: Configuration, group: str, order: Order = Order.GENERAL) -> Walk:
    return walk(Lookup(Subject(found)), group, order)


def targets(tried: Walk) -> list[str]:
    return [hop.target for hop in tried.hops]


def test_the_star_rescues_a_dead_hop_on_releases_that_do_not_resume_the_first_chain() -> None:
    chains = {"fallbacks": [{"a/one": ["a/two"]}, {"*": ["a/last"]}]}
    names = ("a/one", "a/two", "a/last")
    before = configuration(*names, router=chains, version="1.103.11")
    since = configuration(*names, router=chains, version="1.104.0")
    assert targets(walked(before, "a/one")) == ["a/two", "a/last"]
    assert targets(walked(since, "a/one")) == ["a/two"]


def test_a_circle_ends_on_releases_that_try_a_target_again_and_again() -> None:
    chains = {"fallbacks": [{"a/one": ["a/two"]}, {"a/two": ["a/one"]}], "max_fallbacks": 10**9}
    tried = walked(configuration("a/one", "a/two", router=chains, version="1.84.0"), "a/one")
    assert 1 < len(tried.hops) <= 64


def test_what_is_too_deep_is_named_with_the_reason() -> None:
    chains = {"fallbacks": [{"a/1": ["a/2"]}, {"a/2": ["a/3"]}], "max_fallbacks": 1}
    tried = walked(configuration("a/1", "a/2", "a/3", router=chains), "a/1")
    assert targets(tried) == ["a/2"]
    assert tried.skipped == (("a/3", "deeper than max_fallbacks 1"),)


def test_a_name_that_lacks_its_prefix_is_refused_and_the_group_is_named() -> None:
    served = explain(configuration("openai/gpt-5.5"), "gpt-5.5").served
    assert served.kind is Kind.NOTHING
    assert "the group is called openai/gpt-5.5" in served.how


def test_a_wildcard_serves_a_name_as_far_as_it_matches_from_the_start() -> None:
    found = configuration("openai/*", router={"fallbacks": [{"openai/gpt-5.5": ["openai/x"]}]})
    told = explain(found, "openai/gpt-5.5")
    assert told.served.kind is Kind.PATTERN
    assert [hop.served.kind for hop in told.walks[0].hops] == [Kind.PATTERN]


def test_the_longest_wildcard_is_asked_first() -> None:
    found = configuration("openai/*", "openai/gpt-5*")
    assert explain(found, "openai/gpt-5.5").served.by == "openai/gpt-5*"


def test_an_unknown_name_is_a_matter_of_the_router_once_there_is_a_wildcard() -> None:
    found = configuration("openai/*", "xai/grok", router={"fallbacks": [{"*": ["xai/grok"]}]})
    assert explain(found, "made-up").served.kind is Kind.DEFAULT
    plain = configuration("xai/grok", router={"fallbacks": [{"*": ["xai/grok"]}]})
    refused = explain(plain, "made-up").served
    assert refused.kind is Kind.NOTHING
    assert "HTTP 400" in refused.how


def test_models_of_the_database_are_taken_for_one_deployment_each() -> None:
    found = configuration(general={"store_model_in_db": True})
    told = explain(found, "xai/grok-4.3")
    assert told.served.kind is Kind.DATABASE
    assert [one.path for one in told.deployments] == [None]


NAMES = st.sampled_from(["a/1", "a/2", "b/1", "b/2", "*", "a/*", "1", "ghost", ""])


@given(
    st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=2), max_size=6),
    st.integers(-1, 9),
    NAMES,
    st.sampled_from(["1.84.0", "1.100.0", "1.106.2", "1.109.1"]),
)
def test_a_walk_ends_and_tries_no_target_twice(
    chains: list[dict[str, list[str]]], deepest: int, asked: str, version: str
) -> None:
    router = {"fallbacks": chains, "max_fallbacks": deepest}
    tried = walked(configuration("a/1", "a/2", "b/1", router=router, version=version), asked)
    if version != "1.84.0":
        assert len(set(targets(tried))) == len(tried.hops)
    assert len(tried.hops) <= 64
