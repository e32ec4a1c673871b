"""How the fallback graph is written for Mermaid, which GitHub draws inside a document."""

from collections.abc import Iterator
from enum import StrEnum

from gateway.explain_lookup import Order
from gateway.fallback_graph import Graph, Node, State
from gateway.subject import WILDCARD

LABELS = {Order.GENERAL: "", Order.CONTEXT_WINDOW: " context", Order.CONTENT_POLICY: " policy"}
STYLES: dict[StrEnum, str] = {
    State.RISKY: "stroke:#e08a00,stroke-width:2px",
    State.DEAD: "stroke:#d1344b,stroke-width:2px,stroke-dasharray:6 4",
}
STROKES = ("#7c5cd6", "#12a594", "#3b82f6", "#64748b", "#8b5e3c", "#d6409f", "#65a30d", "#0891b2")
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./:,'→·")


def mermaid(graph: Graph) -> str:
    """Return the text of one diagram; the same graph gives the same text."""
    return "\n".join(_lines(graph)) + "\n"


def escaped(text: str) -> str:
    """Return a text for a quoted label: all that Mermaid might read is written as its code."""
    return "".join(sign if sign in PLAIN else f"#{ord(sign)};" for sign in text)


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    number = {node.name: f"n{at}" for at, node in enumerate(graph.nodes)}
    providers: dict[str, list[str]] = {}
    for node in graph.nodes:
        yield f'  {number[node.name]}["{escaped(_label(node))}"]'
        if node.provider:
            providers.setdefault(node.provider, []).append(number[node.name])
    for edge in graph.edges:
        arrow = "-.->" if edge.state is State.DEAD else "-->"
        label = escaped(f"{edge.position + 1}{LABELS[edge.order]}")
        yield f'  {number[edge.source]} {arrow}|"{label}"| {number[edge.target]}'
    for at, edge in enumerate(graph.edges):
        if edge.state in STYLES:
            yield f"  linkStyle {at} {STYLES[edge.state]}"
    missing = [number[node.name] for node in graph.nodes if not node.known]
    if missing:
        yield "  classDef missing stroke:#d1344b,stroke-dasharray:4 3"
        yield f"  class {','.join(missing)} missing"
    for at, (_, members) in enumerate(sorted(providers.items())):
        yield f"  classDef p{at} stroke:{STROKES[at % len(STROKES)]},stroke-width:2px"
        yield f"  class {','.join(members)} p{at}"


def _label(node: Node) -> str:
    if node.name == WILDCARD:
        return "* any other group"
    if not node.known:
        return f"{node.name} (no such group)"
    return node.name
