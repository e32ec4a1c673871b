import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof, proof_plan
from gateway.chains import EdgeKind, edges
from gateway.proof.faults import FAULTS
from gateway.proof.forms import FORMS
from gateway.proof_plan import expected_chains, proof_command, render_proof_plan
from gateway.settings_checks import MOST_PLAN_BYTES
from stacks.values import ProofFault, ProofForm
from tests.unit.gateway.example import bare, chained, example
from tests.unit.gateway.stub_gateway import StubFaults, StubGateway
from tests.unit.gateway.stub_gateway import edges as stub_edges
from tests.unit.gateway.stub_gateway import plan as stub_plan


def test_the_plan_holds_every_general_edge_with_its_probe_and_endpoint() -> None:
    plan = proof_plan.proof_plan(example())

    assert {
        "kind": "general",
        "source": "xai/grok-4.3",
        "position": 0,
        "target": "anthropic/claude-sonnet-4-6",
        "probe": "proof/0/xai/grok-4.3",
        "speaks": "xai",
        "attempts": 1,
        "forms": ["chat", "chat_stream"],
        "faults": ["refused", "rate_limit"],
    } in plan["edges"]
    assert len(plan["edges"]) == len(edges(example()))
    assert plan["litellm_version"] == "1.106.2"


def test_the_plan_is_of_the_schema_that_the_script_knows() -> None:
    assert proof_plan.proof_plan(example())["schema"] == proof.SCHEMA


def test_an_embedding_edge_is_asked_for_embeddings() -> None:
    settings = bare(
        models=[
            {"name": "o/embed", "provider": "openai", "mode": "embedding"},
            {"name": "o/embed-2", "provider": "openai", "mode": "embedding"},
        ],
        router_settings={"fallbacks": {"o/embed": ["o/embed-2"]}},
    )

    assert proof_plan.proof_plan(settings)["edges"][0]["forms"] == ["embeddings"]


@pytest.mark.parametrize("kind", ["context_window", "content_policy"])
def test_an_edge_of_an_error_class_is_asked_with_that_error_alone(kind: str) -> None:
    chains = {"xai/grok-4.3": ["openai/gpt-5.5"]}
    plan = proof_plan.proof_plan(example(router_settings={f"{kind}_fallbacks": chains}))

    (row,) = [row for row in plan["edges"] if row["kind"] == kind]
    assert row["faults"] == [kind]
    assert plan["chains"][kind]["xai/grok-4.3"] == ["openai/gpt-5.5"]
    assert plan["chains"][kind]["openai/gpt-5.4"] == []
    assert plan["unproven"] == []


def test_only_kinds_that_are_declared_are_compared() -> None:
    assert set(proof_plan.proof_plan(example())["chains"]) == {"general"}


def test_the_chain_of_a_wildcard_group_is_named_as_unproven() -> None:
    settings = bare(
        models=[{"name": "openai/*", "provider": "openai"}],
        router_settings={"fallbacks": {"openai/*": ["openai/gpt-5.4"]}},
    )

    (row,) = proof_plan.proof_plan(settings)["unproven"]

    assert (row["source"], row["target"]) == ("openai/*", "openai/gpt-5.4")
    assert "wildcard" in row["why"]


def test_the_closed_port_is_always_the_first_fault() -> None:
    plan = proof_plan.proof_plan(example(proof={"faults": ["reset"]}))

    assert plan["edges"][0]["faults"] == ["refused", "reset"]


def test_a_hang_is_waited_for_as_often_as_litellm_tries() -> None:
    plan = proof_plan.proof_plan(example(rescue="retry-once"))
    attempts = {row["probe"]: row["attempts"] for row in plan["edges"]}

    assert attempts["proof/0/xai/grok-4.3"] == 2
    assert attempts["proof/any"] == 1  # by TimeoutErrorRetries 0 of the router's policy


def test_the_breaker_is_the_one_that_the_router_declares() -> None:
    breaker = proof_plan.proof_plan(example())["breaker"]

    assert breaker == {
        "probe": "proof/breaker",
        "target": "openai/gpt-5.4",
        "allowed_fails": 2,
        "cooldown_s": 30,
        "counted_by": 1,
    }


def test_workers_without_a_redis_count_failures_each_for_itself() -> None:
    settings = example(router_settings={"redis_host": None}, server={"workers": 3})

    assert proof_plan.proof_plan(settings)["breaker"]["counted_by"] == 3


def test_the_names_of_forms_and_faults_are_those_of_the_proof() -> None:
    assert {form.value for form in ProofForm} == set(FORMS) - {"embeddings"}
    assert {fault.value for fault in ProofFault} == {
        name for name, fault in FAULTS.items() if "general" in fault.for_kinds
    }


def test_every_group_is_expected_to_have_the_chain_that_litellm_finds_for_it() -> None:
    chains = expected_chains(example())[EdgeKind.GENERAL]

    assert chains["xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert chains["proof/0/xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert chains["openai/gpt-5.4-nano"] == ("anthropic/claude-haiku-4-5",)
    assert chains["proof/any"] == ("anthropic/claude-haiku-4-5",)


def test_without_a_wildcard_an_unlisted_group_is_expected_to_have_none() -> None:
    assert expected_chains(chained({"a/one": ["a/two"]}))[EdgeKind.GENERAL]["a/two"] == ()


def test_wildcard_groups_are_not_expected_in_the_list() -> None:
    settings = bare(models=[{"name": "openai/*", "provider": "openai"}])

    assert expected_chains(settings) == {EdgeKind.GENERAL: {}}


def test_the_rendered_plan_reads_back_and_equal_settings_give_equal_bytes() -> None:
    assert json.loads(render_proof_plan(example())) == proof_plan.proof_plan(example())
    assert render_proof_plan(example()) == render_proof_plan(example())


def test_no_secret_is_in_the_plan() -> None:
    assert "KEY" not in render_proof_plan(example())


def test_the_command_asks_the_servers_own_port_and_reads_its_metrics() -> None:
    assert proof_command(example()) == (
        *("python3", "/app/gateway_proof.pyz", "--inside", "--packed"),
        *("--url", "http://127.0.0.1:4000"),
        *("--metrics-url", "http://127.0.0.1:4001/metrics/"),
    )


def test_another_name_of_the_master_key_is_told_to_the_script() -> None:
    command = proof_command(example(general_settings={"master_key": "MY_KEY"}, metrics=None))

    assert command[-2:] == ("--key-env", "MY_KEY")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_the_small_form_of_a_plan_reads_back(document: object) -> None:
    assert proof.unpack_plan(proof.pack_plan(json.dumps(document))) == document


@pytest.mark.parametrize("text", ["", "%%%", "e30=", proof.pack_plan("{}")[:-4]])
def test_what_is_no_small_form_of_a_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json, base64 and zlib each word it their way
        proof.unpack_plan(text)


def long_names(count: int) -> dict[str, list[str]]:
    """Return as many edges, in chains of five targets with long names."""
    names = [
        f"provider-{n % 7}/a-rather-long-model-name-{n:04d}-preview" for n in range(count // 5)
    ]
    return {
        name: [names[(at + step) % len(names)] for step in range(1, 6)]
        for at, name in enumerate(names)
    }


def test_a_plan_of_far_more_edges_than_anybody_has_is_a_short_argument() -> None:
    settings = chained(
        long_names(500), proof={"forms": list(ProofForm), "faults": list(ProofFault)}
    )
    text = render_proof_plan(settings)

    assert len(proof_plan.proof_plan(settings)["edges"]) == 500
    assert len(text) > MOST_PLAN_BYTES  # so it could not be an argument as it stands
    assert len(proof.pack_plan(text)) < MOST_PLAN_BYTES / 8


def test_a_proof_sends_as_many_requests_as_its_plan_says() -> None:
    for owned, faults in ((False, ["refused"]), (True, ["refused", "rate_limit", "reset"])):
        gateway = StubGateway(faults=StubFaults() if owned else None)
        asked = stub_plan(edges=stub_edges(forms=["chat", "chat_stream"], faults=faults), samples=3)

        assert gateway.prove(plan=asked)["requests"] == proof.requests_of(
            proof.read_plan(asked), owned=owned
        )
