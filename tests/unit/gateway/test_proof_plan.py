import ast
import json
import sys
from pathlib import Path

from gateway import proof, proof_plan
from gateway.proof_plan import expected_chains, proof_command, proof_script, render_proof_plan
from tests.unit.gateway.example import bare, chained, example


def test_the_plan_holds_every_general_edge_with_its_probe_and_endpoint() -> None:
    plan = proof_plan.proof_plan(example())

    assert {
        "kind": "general",
        "source": "xai/grok-4.3",
        "position": 0,
        "target": "anthropic/claude-sonnet-4-6",
        "probe": "proof/0/xai/grok-4.3",
        "endpoint": "chat",
    } in plan["edges"]
    assert len(plan["edges"]) == 8
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

    assert proof_plan.proof_plan(settings)["edges"][0]["endpoint"] == "embeddings"


def test_edges_of_a_kind_without_a_proof_are_named_as_unproven() -> None:
    settings = example(
        router_settings={"content_policy_fallbacks": {"xai/grok-4.3": ["openai/gpt-5.5"]}}
    )

    assert proof_plan.proof_plan(settings)["unproven"] == [
        {
            "kind": "content_policy",
            "source": "xai/grok-4.3",
            "position": 0,
            "target": "openai/gpt-5.5",
        }
    ]


def test_every_group_is_expected_to_have_the_chain_that_litellm_finds_for_it() -> None:
    chains = expected_chains(example())

    assert chains["xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert chains["proof/0/xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert chains["openai/gpt-5.4-nano"] == ("anthropic/claude-haiku-4-5",)
    assert chains["proof/any"] == ("anthropic/claude-haiku-4-5",)


def test_without_a_wildcard_an_unlisted_group_is_expected_to_have_none() -> None:
    assert expected_chains(chained({"a/one": ["a/two"]}))["a/two"] == ()


def test_wildcard_groups_are_not_expected_in_the_list() -> None:
    settings = bare(models=[{"name": "openai/*", "provider": "openai"}])

    assert expected_chains(settings) == {}


def test_the_rendered_plan_reads_back_and_equal_settings_give_equal_bytes() -> None:
    assert json.loads(render_proof_plan(example())) == proof_plan.proof_plan(example())
    assert render_proof_plan(example()) == render_proof_plan(example())


def test_no_secret_is_in_the_plan() -> None:
    assert "KEY" not in render_proof_plan(example())


def test_the_script_needs_nothing_but_the_standard_library_and_httpx() -> None:
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(proof_script()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) == {"httpx"}


def test_the_script_is_the_module_itself() -> None:
    assert proof_script() == Path(proof.__file__).read_text(encoding="utf-8")


def test_the_command_asks_the_servers_own_port_and_reads_its_metrics() -> None:
    assert proof_command(example()) == (
        *("python3", "/app/gateway_proof.py"),
        *("--url", "http://127.0.0.1:4000"),
        *("--metrics-url", "http://127.0.0.1:4001/metrics/"),
    )


def test_another_name_of_the_master_key_is_told_to_the_script() -> None:
    command = proof_command(example(general_settings={"master_key": "MY_KEY"}, metrics=None))

    assert command[-2:] == ("--key-env", "MY_KEY")
