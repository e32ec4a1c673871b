"""The chains of single error classes on the real proxy, proven by faults of the proof's own."""

from collections.abc import Iterator
from typing import Any

import pytest

from stacks.values import ProofForm
from tests.sandbox.real_gateway import Gateway, booted, cases, verdicts

ADDRESS = "127.91.11.1"
SONNET = "anthropic/claude-sonnet-4-6"
CHAINS = {
    "openai/gpt-5.5": [SONNET],
    "anthropic/claude-opus-4-7": ["openai/gpt-5.5"],
    "xai/grok-4.3": [SONNET, "openai/gpt-5.4"],
    "vertex_ai/gemini-3.1-pro-preview": [SONNET],
    "*": ["anthropic/claude-haiku-4-5"],
}
CLASSES = ("context_window", "content_policy")

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and a boot


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    lists = {f"{name}_fallbacks": CHAINS for name in CLASSES}
    with booted(tmp_path_factory.mktemp("classes"), ADDRESS, router_settings=lists) as running:
        yield running


def of_classes(plan: dict[str, Any]) -> dict[str, Any]:
    return {**plan, "edges": [row for row in plan["edges"] if row["kind"] in CLASSES]}


def test_every_chain_of_an_error_class_is_proven_inside_in_every_form(gateway: Gateway) -> None:
    plan = gateway.plan(forms=list(ProofForm), samples=1, total_timeout_s=180)

    evidence = gateway.prove(inside=True, plan=of_classes(plan))

    assert evidence["verdict"] == "passed", evidence["reasons"]
    assert len(evidence["edges"]) == 2 * 6
    limited = {key for key, case in cases(evidence).items() if case["verdict"] == "known_limit"}
    assert {form for _, form, _ in limited} == {
        "chat_stream",
        "messages_stream",
        "responses_stream",
    }
    assert {probe.rpartition("/0/")[2] for probe, _, _ in limited} == {
        "vertex_ai/gemini-3.1-pro-preview"
    }
    assert {row["id"] for row in evidence["known_limits"]} == {
        "gemini-400-in-stream",
        "gemini-400-in-chat-stream",
    }
    assert all(
        case["samples"][0]["attempts"] == 1 and case["negative"]["status"] in (200, 400)
        for case in cases(evidence).values()
    )


def test_all_three_lists_of_chains_are_compared_with_the_rendered_ones(gateway: Gateway) -> None:
    evidence = gateway.prove(samples=1, forms=["chat"])

    assert evidence["verdict"] == "passed", evidence["reasons"]
    groups = {probe for kind in gateway.plan()["chains"].values() for probe in kind}
    assert evidence["chains"]["compared"] == 3 * len(groups)
    assert {row["kind"] for row in evidence["unproven"]} == set(CLASSES)
    assert set(verdicts(evidence).values()) == {"passed"}
