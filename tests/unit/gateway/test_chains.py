import pytest
from hypothesis import strategies as st

from gateway.chains import (
    EdgeKind,
    edges,
    effective_chain,
    general_chains,
    nearest,
)
from stacks.gateway import CHAINS
from tests.unit.gateway.example import bare, chained, example

GROUPS = [f"p{index}/model-{index}" for index in range(6)]

chains_of_later_groups = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(GROUPS[index + 1 :]), min_size=1, unique=True)
        for index, name in enumerate(GROUPS[:-1])
    },
)


def test_every_target_of_every_chain_is_an_edge() -> None:
    declared = {(edge.source, edge.position, edge.target) for edge in edges(example())}

    assert declared == {
        (source, position, target)
        for source, targets in CHAINS.items()
        for position, target in enumerate(targets)
    }


def test_a_probe_is_named_by_position_and_source() -> None:
    named = {(edge.source, edge.position): edge.probe for edge in edges(example())}

    assert named["openai/gpt-5.5", 0] == "proof/0/openai/gpt-5.5"
    assert named["openai/gpt-5.5", 1] == "proof/1/openai/gpt-5.5"
    assert named["*", 0] == "proof/any"


def test_no_probe_is_a_wildcard_group() -> None:
    settings = chained({"*": ["a/one", "a/two"], "b/three": ["a/one"]})

    assert not [edge for edge in edges(settings) if "*" in (edge.probe or "")]


def test_edges_of_the_other_kinds_have_probes_of_their_own() -> None:
    settings = example(
        router_settings={"context_window_fallbacks": {"xai/grok-4.3": ["openai/gpt-5.5"]}}
    )
    (edge,) = [edge for edge in edges(settings) if edge.kind is EdgeKind.CONTEXT_WINDOW]

    assert (edge.source, edge.target) == ("xai/grok-4.3", "openai/gpt-5.5")
    assert edge.probe == "proof/context-window/0/xai/grok-4.3"


def test_default_fallbacks_are_the_wildcard_chain() -> None:
    settings = bare(litellm_settings={"default_fallbacks": ["a/one"]})

    assert general_chains(settings) == {"*": ("a/one",)}


def test_default_fallbacks_are_lost_where_the_database_sync_puts_the_routers_list_back() -> None:
    settings = bare(
        litellm_settings={"default_fallbacks": ["a/one"]},
        general_settings={"store_model_in_db": True},
        router_settings={"fallbacks": {"b/two": ["a/one"]}},
    )

    assert general_chains(settings) == {"b/two": ("a/one",)}


def test_the_routers_own_wildcard_wins_over_default_fallbacks() -> None:
    settings = bare(
        litellm_settings={"default_fallbacks": ["a/one"]},
        router_settings={"fallbacks": {"*": ["b/two"]}},
    )

    assert general_chains(settings) == {"*": ("b/two",)}


@pytest.mark.parametrize(
    ("group", "chain"),
    [
        ("openai/gpt-5.5", ("a",)),
        ("gpt-5.5", ("a",)),  # a name without its prefix finds the chain of the full one
        ("openai/short", ("b",)),  # and the other way round
        ("family/short", ("c",)),  # that is no provider
        ("small", ("c",)),  # whose model it is cannot be told
        ("unlisted", ("c",)),
    ],
)
def test_a_chain_is_looked_up_as_litellm_does(group: str, chain: tuple[str, ...]) -> None:
    chains = {"openai/gpt-5.5": ("a",), "short": ("b",), "openai/small": ("d",), "*": ("c",)}

    assert effective_chain(chains, group, "1.106.2") == chain


def test_without_a_wildcard_an_unlisted_group_has_no_chain() -> None:
    assert effective_chain({"a": ("b",)}, "c", "1.106.2") == ()


def test_a_misspelt_name_finds_its_neighbour() -> None:
    groups = ["anthropic/claude-sonnet-4-6", "xai/grok-4.3"]

    assert nearest("anthropic/claude-sonet-4-6", groups) == "anthropic/claude-sonnet-4-6"
    assert nearest("mistral", groups) is None
