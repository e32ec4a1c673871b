"""The chains that were proven as a picture: each fallback in the colour of its verdict."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from gateway.evidence.rows import proofs_of
from gateway.explain_lookup import Order
from gateway.fallback_graph import Edge, Graph, Node
from gateway.fallback_svg import Tone, svg
from gateway.proof.verdicts import Verdict, worst
from gateway.subject import WILDCARD

ORDERS = {
    "general": Order.GENERAL,
    "context_window": Order.CONTEXT_WINDOW,
    "content_policy": Order.CONTENT_POLICY,
}


class Unproven(StrEnum):
    """A fallback that no gate looked at."""

    UNPROVEN = "unproven"


TONES = (
    Tone(Verdict.PASSED, "passed", "passed", light="#1a9a5b", dark="#3ecf8e"),
    Tone(Verdict.FAILED, "failed", "failed", light="#d1344b", dark="#ff6b7d", dashes="7 4"),
    Tone(Verdict.ERRORED, "errored", "errored", light="#8b3fc7", dark="#c792ff", dashes="7 4"),
    Tone(
        Verdict.INCONCLUSIVE,
        "inconclusive",
        "inconclusive",
        light="#c77700",
        dark="#f0a329",
        dashes="3 4",
    ),
    Tone(
        Verdict.KNOWN_LIMIT,
        "known limits",
        "known limit",
        light="#5b6b80",
        dark="#8fa0b5",
        dashes="3 4",
    ),
    Tone(
        Unproven.UNPROVEN,
        "not looked at",
        "not looked at",
        light="#93a0b1",
        dark="#6d7c8f",
        dashes="2 5",
    ),
)


def picture(document: Mapping[str, Any]) -> str:
    """Return the picture as SVG; "" when the plan has no fallback at all."""
    edges = tuple(_edges(document))
    if not edges:
        return ""
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    sources = {edge.source for edge in edges}
    nodes = tuple(
        Node(name, _provider(name), known=True, chain=name in sources, retires=None, soon=False)
        for name in names
    )
    graph = Graph(document["litellm_version"], nodes, edges)
    return svg(graph, title="What the proof looked at", tones=TONES)


def _edges(document: Mapping[str, Any]) -> Iterator[Edge]:
    found: dict[tuple[str, str, int, str], list[Verdict]] = {}
    for proof in proofs_of(document):
        for record in proof["edges"]:
            found.setdefault(_key(record), []).append(Verdict(record["verdict"]))
    plan = document["plan"]
    for row in [*plan["edges"], *plan["unproven"]]:
        verdicts = found.get(_key(row))
        state: StrEnum = worst(verdicts) if verdicts else Unproven.UNPROVEN
        order = ORDERS.get(row["kind"], Order.GENERAL)
        yield Edge(row["source"], row["target"], order, row["position"], state, (), ())


def _key(record: Mapping[str, Any]) -> tuple[str, str, int, str]:
    return (record["kind"], record["source"], record["position"], record["target"])


def _provider(name: str) -> str:
    return "" if name == WILDCARD or "/" not in name else name.partition("/")[0]
