"""The fallback structure as a graph, and the two texts that it is drawn with."""

import re
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fallback_cycles import circles, components, reached
from gateway.fallback_graph import Edge, Graph, State, fallback_graph
from gateway.fallback_layout import GAP, layout
from gateway.fallback_mermaid import escaped, mermaid
from gateway.fallback_svg import svg
from gateway.subject import Subject
from stacks.configuration import Configuration
from tests.unit.gateway.explained import configuration, original

A, B, C = "openai/a", "openai/b", "xai/c"


def graph(*names: str, today: date = date.min, **router: Any) -> Graph:
    found = configuration(*names, router=router, today=today)
    return fallback_graph(found, retires=lambda model, _: RETIRES.get(model))


RETIRES = {C: date(2026, 8, 15)}


def only(found: Graph) -> Edge:
    (edge,) = found.edges
    return edge


def test_the_published_chains_show_their_dead_star_and_their_lonely_providers() -> None:
    found = fallback_graph(original())
    dead = [(edge.source, edge.target) for edge in found.of(State.DEAD)]
    assert dead == [("*", "anthropic/claude-haiku-4-5")]
    risky = {edge.source for edge in found.of(State.RISKY)}
    assert "openai/gpt-5.4" in risky
    assert "openai/gpt-5.5" not in risky  # its second target is another provider's


@pytest.mark.parametrize(
    ("router", "reason"),
    [
        ({"fallbacks": [{A: ["openai/typo"]}]}, "nothing serves this name"),
        ({"fallbacks": [{A: [A]}]}, "a group is never its own target"),
        ({"fallbacks": [{A: [{"weight": 1}]}]}, "names no group"),
        ({"fallbacks": [{"openai/typo": [C]}]}, "no group is called openai/typo"),
    ],
)
def test_an_edge_that_is_never_taken_is_dead(router: dict[str, Any], reason: str) -> None:
    edge = only(graph(A, C, **router))
    assert edge.state is State.DEAD
    assert reason in edge.reasons[0]


def test_a_second_entry_for_a_name_is_dead_and_for_the_star_the_first_one() -> None:
    found = graph(A, B, C, fallbacks=[{A: [C]}, {A: [B]}, {"*": [B]}, {"*": [C]}])
    assert [edge.state for edge in found.edges] == [
        State.FINE,
        State.DEAD,
        State.DEAD,
        State.FINE,
    ]


def test_a_target_that_is_named_twice_is_tried_once() -> None:
    found = graph(A, C, fallbacks=[{A: [C, C]}])
    assert [edge.state for edge in found.edges] == [State.FINE, State.DEAD]


def test_the_list_of_the_other_section_is_dead() -> None:
    found = fallback_graph(
        configuration(A, C, router={"fallbacks": [{A: [C]}]}, litellm={"fallbacks": [{C: [A]}]})
    )
    assert [edge.state for edge in found.edges] == [State.FINE, State.DEAD]
    assert "replaces this one whole" in found.edges[1].reasons[0]


def test_a_chain_that_stays_with_one_provider_is_risky_unless_a_hop_leads_out_of_it() -> None:
    assert only(graph(A, B, fallbacks=[{A: [B]}])).state is State.RISKY
    led_out = graph(A, B, C, fallbacks=[{A: [B]}, {B: [C]}])
    assert [edge.state for edge in led_out.edges] == [State.FINE, State.FINE]
    window = graph(A, B, context_window_fallbacks=[{A: [B]}])
    assert only(window).state is State.FINE  # a longer window of the same provider is the point


def test_a_circle_is_risky() -> None:
    found = graph(A, C, fallbacks=[{A: [C]}, {C: [A]}])
    assert {edge.state for edge in found.edges} == {State.RISKY}


@pytest.mark.parametrize(
    ("today", "state", "verb"),
    [
        (date(2026, 8, 15), State.RISKY, "retired"),
        (date(2026, 7, 1), State.RISKY, "retires"),
        (date(2026, 1, 1), State.FINE, ""),
        (date.min, State.FINE, ""),
    ],
)
def test_a_target_near_its_retirement_is_risky(today: date, state: State, verb: str) -> None:
    edge = only(graph(A, C, today=today, fallbacks=[{A: [C]}]))
    assert edge.state is state
    assert verb in "".join(edge.reasons)


def test_the_catalogue_knows_retirements_that_the_price_map_missed() -> None:
    found = fallback_graph(
        configuration(A, "xai/grok-code-fast-1", router={"fallbacks": []}, today=date(2026, 9, 1))
    )
    retires = {node.name: node.retires for node in found.nodes}
    assert retires[A] is None
    assert retires["xai/grok-code-fast-1"] is not None
    assert retires["xai/grok-code-fast-1"] <= date(2026, 8, 15)


def test_a_wildcard_an_alias_and_a_name_without_prefix_are_known() -> None:
    router: dict[str, Any] = {
        "model_group_alias": {"best": C},
        "fallbacks": [{"gpt": ["best"]}, {C: ["openai/anything"]}],
    }
    found = graph("openai/*", "openai/gpt", C, **router)
    assert State.DEAD not in {edge.state for edge in found.edges}
    assert {node.provider for node in found.nodes if node.name == "best"} == {"xai"}


def test_components_come_after_what_they_lead_to() -> None:
    adjacent = {"a": ["b"], "b": ["c", "a"], "c": ["d"]}
    assert [set(names) for names in components(adjacent)] == [{"d"}, {"c"}, {"a", "b"}]
    assert circles(adjacent)["a"] == circles(adjacent)["b"]
    assert reached(adjacent, str.upper)["b"] == {"A", "B", "C", "D"}


NAMES = st.sampled_from(["a/1", "a/2", "b/1", "b/2", "c", "*", "a/*", "ghost", "<&\"'>", "]|--"])
CHAIN_LIST = st.lists(
    st.dictionaries(NAMES, st.lists(st.one_of(NAMES, st.none()), max_size=3), max_size=2),
    max_size=4,
)
DECLARED = st.fixed_dictionaries(
    {
        "model_list": st.lists(
            st.builds(lambda name: {"model_name": name, "litellm_params": {"model": name}}, NAMES),
            max_size=5,
        ),
        "router_settings": st.fixed_dictionaries(
            {}, optional={"fallbacks": CHAIN_LIST, "context_window_fallbacks": CHAIN_LIST}
        ),
        "litellm_settings": st.fixed_dictionaries(
            {}, optional={"fallbacks": CHAIN_LIST, "default_fallbacks": st.lists(NAMES)}
        ),
    }
)


@given(DECLARED)
def test_every_declared_edge_appears_exactly_once(litellm: dict[str, Any]) -> None:
    found = fallback_graph(Configuration(litellm=litellm), retires=lambda *_: None)
    declared = [
        chain.at(position)
        for chain in Subject(Configuration(litellm=litellm)).chains
        for position, _ in enumerate(chain.targets)
    ]
    places = Counter(edge.path for edge in found.edges)
    # Two lists of one chain may stand at one place: a mapping with a key twice is one to YAML.
    assert places == Counter(declared)
    known = {node.name for node in found.nodes}
    assert all(edge.source in known and edge.target in known for edge in found.edges)


@given(DECLARED)
def test_the_picture_is_xml_that_names_every_group(litellm: dict[str, Any]) -> None:
    found = fallback_graph(Configuration(litellm=litellm), retires=lambda *_: None)
    picture = svg(found)
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own text
    boxes = [one for one in root.iter() if one.get("class", "").startswith("box")]
    assert len(boxes) == len(found.nodes)
    lines = [one for one in root.iter() if one.get("class", "").startswith("tip")]
    assert len(lines) == len(found.edges)
    assert "nan" not in picture


@given(DECLARED)
def test_mermaid_gets_one_line_for_each_node_and_edge_and_no_foreign_sign(
    litellm: dict[str, Any],
) -> None:
    found = fallback_graph(Configuration(litellm=litellm), retires=lambda *_: None)
    lines = mermaid(found).splitlines()
    assert lines[0] == "flowchart LR"
    nodes = [line for line in lines if re.fullmatch(r'  n\d+\["[^"<>\[\]|]*"\]', line)]
    edges = [
        line for line in lines if re.fullmatch(r'  n\d+ (-->|-\.->)\|"[^"<>\[\]|]*"\| n\d+', line)
    ]
    assert (len(nodes), len(edges)) == (len(found.nodes), len(found.edges))


def test_mermaid_texts_hold_no_sign_that_ends_a_label() -> None:
    assert escaped('a"]|b#<i>') == "a#34;#93;#124;b#35;#60;i#62;"


def test_a_hundred_groups_do_not_lie_on_each_other() -> None:
    names = [f"p{at % 7}/model-{at}" for at in range(100)]
    pairs = [(names[at], names[(at * 7 + 3) % 100]) for at in range(0, 100, 2)]
    plan = layout(names, pairs, dict.fromkeys(names, 180.0))
    boxes = sorted(plan.spots.values(), key=lambda spot: (spot.x, spot.y))
    for one, other in pairwise(boxes):
        if one.x == other.x:
            assert one.y + one.height + GAP <= other.y + 0.01
        else:
            assert one.x + one.width < other.x
    assert max(spot.x + spot.width for spot in boxes) <= plan.width
    assert 0.3 < plan.width / plan.height < 6


def test_edges_of_one_source_start_below_each_other() -> None:
    found = graph(A, B, C, fallbacks=[{A: [B, C]}])
    starts = re.findall(r'class="edge \w+" d="M ([\d.]+) ([\d.]+)', svg(found))
    assert len(set(starts)) == 2


def test_the_same_configuration_gives_the_same_picture() -> None:
    assert svg(fallback_graph(original())) == svg(fallback_graph(original()))
