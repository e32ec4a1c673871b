"""The proof against the real proxy: the shared definition's chains, whole and broken."""

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from gateway import proof
from gateway.client import GatewayClient
from gateway.proof.fault_endpoint import FaultEndpoint
from gateway.proof_plan import render_proof_plan
from gateway.render import render_litellm_config
from sandbox.providers.scripts import parse_script
from stacks.values import ProofFault, ProofForm
from tests.sandbox.image_machines import execute
from tests.sandbox.real_gateway import (
    COOLDOWN_S,
    KEY,
    Gateway,
    booted,
    cases,
    deviations_of,
    verdicts,
)

ADDRESS = "127.91.10.1"
HEALTHY_REQUESTS = 15

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and two boots


def break_it(config: dict[str, Any]) -> None:
    """Make each kind of imaginary safety: no chain, a primary that lives, another live chain."""
    chains = config["router_settings"]["fallbacks"]
    chains[:] = [entry for entry in chains if "proof/0/xai/grok-4.3" not in entry]
    models = {row["model_name"]: row["litellm_params"] for row in config["model_list"]}
    living = copy.deepcopy(models["openai/gpt-5.4-nano"])
    models["proof/0/openai/gpt-5.4"].update(living)
    for entry in chains:
        if "anthropic/claude-opus-4-7" in entry:
            entry["anthropic/claude-opus-4-7"] = ["anthropic/claude-haiku-4-5"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with booted(tmp_path_factory.mktemp("whole"), ADDRESS) as running_gateway:
        yield running_gateway


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with booted(tmp_path_factory.mktemp("broken"), ADDRESS, break_it) as running_gateway:
        yield running_gateway


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in ("gateway", "broken"):
        if name in request.fixturenames:
            request.getfixturevalue(name).scripts.heal_all()


def edges_of(gateway: Gateway) -> int:
    return len(gateway.plan()["edges"])


def test_every_declared_fallback_of_the_shared_definition_is_proven(gateway: Gateway) -> None:
    evidence = gateway.until_healthy()

    assert len(evidence["edges"]) == edges_of(gateway)
    assert set(verdicts(evidence).values()) == {"passed"}
    assert evidence["reasons"] == []
    assert evidence["litellm_version"] == {"expected": "1.106.2", "seen": ["1.106.2"]}
    assert evidence["chains"]["compared"] == len(gateway.settings.models) + edges_of(gateway) + 1
    assert all(case["negative"]["status"] == 500 for case in cases(evidence).values())
    assert proof.evidence_is_intact(evidence)


def test_what_the_gateway_says_of_itself_is_what_was_rendered(gateway: Gateway) -> None:
    assert deviations_of(gateway, yaml.safe_load(render_litellm_config(gateway.settings))) == ()


def test_litellms_own_counters_agree(gateway: Gateway) -> None:
    assert gateway.until_healthy()["counters"]["agree"]


def test_a_warm_proof_of_all_edges_in_both_chat_forms_takes_little_more_than_its_requests(
    gateway: Gateway,
) -> None:
    gateway.until_healthy()
    with proof.gateway_client(gateway.url) as http:
        client = GatewayClient(http, KEY)
        started = time.monotonic()
        for number in range(HEALTHY_REQUESTS):
            assert client.chat("openai/gpt-5.4-nano", f"who are you, {number}?").status == 200
        healthy_s = (time.monotonic() - started) / HEALTHY_REQUESTS

    evidence = gateway.prove(samples=1)

    assert len(cases(evidence)) == 2 * edges_of(gateway)
    # A rescue costs the proxy twice a healthy request's time, a stream one and a half times.
    assert evidence["duration_s"] < evidence["requests"] * healthy_s * 3


def test_every_edge_is_rescued_in_every_form(gateway: Gateway) -> None:
    gateway.until_healthy()

    evidence = gateway.prove(forms=list(ProofForm), samples=1, total_timeout_s=180)

    assert evidence["verdict"] == "passed", evidence["reasons"]
    found = cases(evidence)
    assert len(found) == edges_of(gateway) * len(ProofForm)
    assert all(case["samples"][0]["complete"] for case in found.values())


@pytest.mark.parametrize(
    "forms",
    [["chat", "chat_stream"], ["messages", "messages_stream"], ["responses", "responses_stream"]],
    ids="-".join,
)
def test_every_edge_is_rescued_from_every_fault_of_our_own_but_for_known_limits(
    gateway: Gateway, forms: list[str]
) -> None:
    gateway.until_healthy()

    plan = one_edge_of_each_format(
        gateway.plan(forms=forms, faults=list(ProofFault), samples=1, total_timeout_s=120)
    )

    evidence = gateway.prove(inside=True, plan=plan)

    assert evidence["verdict"] == "passed", evidence["reasons"]
    limited = {key for key, case in cases(evidence).items() if case["verdict"] == "known_limit"}
    # A stream that is cut before LiteLLM read its first piece has not begun: it is rescued.
    assert limited <= {
        *((probe, forms[1], "cut_stream") for probe in verdicts(evidence)),
        *((probe, forms[1], "hang") for probe in verdicts(evidence) if "vertex_ai" in probe),
    }
    assert len(limited) > 2
    assert {row["id"] for row in evidence["known_limits"]} == {"mid-stream", "gemini-stream-hang"}
    assert evidence["evidence"]["sources"] == ["attempts", "counters", "headers"]


def one_edge_of_each_format(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the plan with the first edge of each wire format that a primary speaks."""
    first = {row["speaks"]: row for row in reversed(plan["edges"])}
    assert set(first) == {"openai", "xai", "anthropic", "gemini"}
    return {**plan, "edges": list(first.values())}


def test_the_dead_primary_saw_every_attempt_and_no_probe_was_cooled_down(gateway: Gateway) -> None:
    gateway.until_healthy()

    found = cases(gateway.prove(inside=True, faults=["rate_limit", "server_error"]))

    owned = {key: case for key, case in found.items() if key[2] != "refused"}
    assert len(owned) == 2 * 2 * edges_of(gateway)
    for (probe, _, fault), case in owned.items():
        # The group without a chain of its own is retried, though never after a rate limit.
        tries = 2 if (probe, fault) == ("proof/any", "server_error") else 1
        assert [sample["attempts"] for sample in case["samples"]] == [tries]
        assert case["negative"]["attempts"] == tries


def test_a_hang_is_rescued_when_the_declared_time_is_over(gateway: Gateway) -> None:
    gateway.until_healthy()

    evidence = gateway.prove(inside=True, faults=["hang"], samples=1)

    hangs = [case for key, case in cases(evidence).items() if key[2] == "hang"]
    times = [case["cold_ms"] for case in hangs if case["verdict"] == "passed"]
    assert len(times) > edges_of(gateway)
    assert min(times) > 500
    assert max(times) < 1000 + 200 + gateway.settings.proof.cold_rescue_ms


def test_the_breaker_opens_answers_fast_and_closes(gateway: Gateway) -> None:
    gateway.until_healthy()
    plan = gateway.plan()

    evidence = gateway.prove(plan={**plan, "edges": []}, breaker=True)

    breaker = evidence["breaker"]
    assert breaker["verdict"] == "passed", breaker["reasons"]
    assert [answer["status"] for answer in breaker["burst"][:1]] == [500]
    assert breaker["opened"]
    assert COOLDOWN_S <= breaker["closed_after_s"] < COOLDOWN_S + 10


def test_two_proofs_at_once_prove_what_both_can_and_say_what_the_second_cannot(
    gateway: Gateway,
) -> None:
    gateway.until_healthy()
    port = gateway.settings.proof.fault_port
    with FaultEndpoint(port).open():
        evidence = gateway.prove(inside=True, samples=1)

    assert evidence["verdict"] == "passed"
    assert {fault for _, _, fault in cases(evidence)} == {"refused"}
    assert f"port {port} could not be opened" in evidence["evidence"]["missing"]["attempts"]
    assert evidence["evidence"]["grade"] == "C"


def test_the_shipped_archive_proves_from_inside_and_prints_one_document(gateway: Gateway) -> None:
    gateway.until_healthy()
    plan = json.dumps(gateway.plan(samples=1))

    ended = execute(
        *(gateway.image, gateway.at, "python3", str(gateway.archive), "--inside", "--packed"),
        *("--plan-json", plan, "--url", gateway.url, "--metrics-url", gateway.metrics_url),
    )

    assert ended.returncode == 0, ended.stderr
    evidence = proof.unpack(ended.stdout)
    assert evidence["verdict"] == "passed"
    assert evidence["faults"]["owned"]
    assert proof.evidence_is_intact(evidence)
    assert len(ended.stdout) < proof.OUTPUT_BYTES
    assert KEY not in ended.stdout + ended.stderr + json.dumps(evidence)


def test_a_wrong_key_is_errored_and_asks_no_provider(gateway: Gateway) -> None:
    before = gateway.scripts.counters()
    plan = render_proof_plan(gateway.settings)

    ended = execute(
        *(gateway.image, gateway.at, "python3", str(gateway.archive)),
        *("--plan-json", plan, "--url", gateway.url, "--key-env", "OPENAI_API_KEY"),
    )

    assert ended.returncode == 1
    assert json.loads(ended.stdout)["verdict"] == "errored"
    assert gateway.scripts.counters() == before


def test_a_provider_that_is_down_makes_its_edges_inconclusive_until_it_is_back(
    gateway: Gateway,
) -> None:
    gateway.until_healthy()
    gateway.break_("vertex_ai", "gemini-3.5-flash", kind="status", status=500)

    found = verdicts(gateway.prove())

    assert found.pop("proof/0/vertex_ai/gemini-3.1-pro-preview") == "inconclusive"
    assert set(found.values()) == {"passed"}
    gateway.scripts.heal_all()
    gateway.until_healthy()


def test_a_provider_that_fails_for_a_moment_stops_no_release(gateway: Gateway) -> None:
    gateway.until_healthy()
    # A model without a chain of its own is tried twice, and two requests ask it at once: of three
    # failures one of them gets two.
    script = {"script": [{"kind": "status", "status": 500, "times": 3}], "then": "recover"}
    gateway.scripts.put("anthropic", "claude-haiku-4-5", parse_script(script))

    evidence = gateway.prove()

    assert evidence["verdict"] == "passed"
    (edge,) = [row for row in evidence["edges"] if row["probe"] == "proof/any"]
    controls = evidence["targets"][edge["target"]].values()
    looks = [case["looks"] for case in edge["cases"]]
    assert 2 in looks or any("direct" in control for control in controls)


def test_the_client_reads_what_the_gateway_says(gateway: Gateway) -> None:
    gateway.until_healthy()
    gateway.break_("xai", "grok-4.3", kind="status", status=500)
    with proof.gateway_client(gateway.url) as http:
        client = GatewayClient(http, KEY)
        readiness, models = client.readiness(), client.models()
        answer = client.chat("xai/grok-4.3", "who are you?")

    assert readiness.ready
    assert readiness.db == "Not connected"
    assert models["xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert (answer.status, answer.group, answer.fallbacks) == (
        200,
        "anthropic/claude-sonnet-4-6",
        1,
    )
    assert answer.text


def test_what_does_not_rescue_fails_and_the_rest_passes(broken: Gateway) -> None:
    evidence = broken.prove()

    found = verdicts(evidence)
    assert found.pop("proof/0/xai/grok-4.3") == "failed"
    assert found.pop("proof/0/openai/gpt-5.4") == "failed"
    assert set(found.values()) == {"passed"}
    assert evidence["verdict"] == "failed"


def test_a_probe_without_its_chain_is_answered_by_another_group(broken: Gateway) -> None:
    (edge,) = [row for row in broken.prove()["edges"] if row["probe"] == "proof/0/xai/grok-4.3"]

    assert "anthropic/claude-haiku-4-5 answered in place of" in edge["reasons"][0]


def test_a_negative_control_that_succeeds_is_told_as_such(broken: Gateway) -> None:
    (edge,) = [row for row in broken.prove()["edges"] if row["probe"] == "proof/0/openai/gpt-5.4"]

    assert edge["cases"][0]["negative"]["status"] == 200
    assert "although its primary is dead" in edge["reasons"][0]


def test_live_chains_other_than_the_rendered_ones_are_all_named(broken: Gateway) -> None:
    differences = broken.prove()["chains"]["differences"]

    assert [row["group"] for row in differences] == [
        "anthropic/claude-opus-4-7",
        "proof/0/xai/grok-4.3",
    ]
