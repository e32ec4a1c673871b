"""How the fallback graph becomes a picture that stands alone: boxes, curves, colours, a legend."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import jinja2

from gateway.fallback_curves import curves, rounded
from gateway.fallback_graph import Graph, Node, State
from gateway.fallback_layout import GAP, ROW, Spot, layout
from gateway.subject import WILDCARD

TEMPLATE = Path(__file__).parent.parent / "templates" / "fallback_graph.svg.j2"

MARGIN = 28.0
TOP = 76.0  # below the heading
LETTER = 8.3  # width of one in a name, a little more than most have
SMALL_LETTER = 6.1
LONGEST = 38  # letters of a name that are shown; the whole one is its tooltip
LEAST_WIDTH = 150.0
LEAST_PICTURE = 640.0
MOST_NOTES = 16

COLOURS = {
    "openai": "#12a594",
    "anthropic": "#7c5cd6",
    "vertex_ai": "#3b82f6",
    "gemini": "#3b82f6",
    "xai": "#64748b",
    "azure": "#0891b2",
    "bedrock": "#8b5e3c",
    "mistral": "#d6409f",
    "groq": "#65a30d",
}
OTHERS = ("#a855f7", "#0ea5e9", "#84a59d", "#be6a8f", "#4f6d7a", "#9a8c98", "#2f9e62", "#5b6ee1")


@dataclass(frozen=True, slots=True)
class Tone:
    """How the edges of one state are told: `legend` names them, `note` colours their reasons.

    `light` and `dark` colour their lines; "" where the template has a colour for the state.
    """

    state: StrEnum
    counted: str
    legend: str
    note: str = ""
    light: str = ""
    dark: str = ""
    dashes: str = ""


TONES = (
    Tone(State.RISKY, "risky", "risky", " warn"),
    Tone(State.DEAD, "dead", "dead: never taken", " bad"),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box as the template needs it; `colour` is the number of a provider's colour."""

    name: str
    note: str
    tone: str
    title: str
    classes: str
    colour: int | None
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend: a provider's colour, or a state's line."""

    text: str
    colour: int | None
    state: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Note:
    """One line below the picture."""

    text: str
    tone: str
    y: float


def svg(graph: Graph, *, title: str = "Fallbacks", tones: Sequence[Tone] = TONES) -> str:
    """Return the picture; the same graph gives the same bytes. Every text in it is escaped."""
    return _template().render(_Picture(graph, title, tones).values())


class _Picture:
    """The picture under way: what stands where."""

    def __init__(self, graph: Graph, title: str, tones: Sequence[Tone]) -> None:
        self._graph = graph
        self._tones = tones
        self._title = title
        providers = sorted({node.provider for node in graph.nodes if node.provider})
        rest = [name for name in providers if name not in COLOURS]
        spare = {name: OTHERS[at % len(OTHERS)] for at, name in enumerate(rest)}
        self._providers = providers
        self._colours = [COLOURS.get(name) or spare[name] for name in providers]

    def values(self) -> dict[str, object]:
        linked = {name for edge in self._graph.edges for name in (edge.source, edge.target)}
        inside = [node for node in self._graph.nodes if node.name in linked]
        lonely = [node for node in self._graph.nodes if node.name not in linked]
        plan = layout(
            [node.name for node in inside],
            [(edge.source, edge.target) for edge in self._graph.edges],
            {node.name: _width(node) for node in inside},
        )
        width = max(LEAST_PICTURE, plan.width + 2 * MARGIN)
        nodes = [self._node(node, plan.spots[node.name]) for node in inside]
        lines = curves(self._graph.edges, plan, MARGIN, TOP)
        lonely_y = TOP + plan.height + (30.0 if inside else 4.0)
        bottom = TOP + plan.height
        if lonely:
            placed, bottom = self._grid(lonely, lonely_y + 12.0, width)
            nodes += placed
        legend_y = bottom + 24.0
        legend, after = self._legend(legend_y + 22.0, width)
        notes, height = self._notes(after + 24.0)
        return {
            "title": self._title,
            "subtitle": self._subtitle(),
            "width": rounded(max(width, self._widest(notes))),
            "height": rounded(height),
            "margin": MARGIN,
            "colours": self._colours,
            "tones": [tone for tone in self._tones if tone.light],
            "edges": lines,
            "nodes": nodes,
            "lonely_title": self._lonely_title() if lonely else "",
            "lonely_y": rounded(lonely_y),
            "legend_y": rounded(legend_y),
            "legend": legend,
            "notes": notes,
        }

    def _subtitle(self) -> str:
        graph = self._graph
        groups = sum(node.known and node.name != WILDCARD for node in graph.nodes)
        counts = [f"LiteLLM {graph.version}", _count(groups, "group"), f"{len(graph.edges)} edges"]
        counts += [
            f"{len(found)} {tone.counted}"
            for tone in self._tones
            if (found := graph.of(tone.state))
        ]
        return " · ".join(counts)

    def _lonely_title(self) -> str:
        star = [edge for edge in self._graph.edges if edge.source == WILDCARD]
        rescued = [edge for edge in star if edge.state is not State.DEAD]
        if rescued:
            return f'in no chain; "*" answers for them: {rescued[0].target}'
        return "in no chain, and nothing answers for them"

    def _node(self, node: Node, spot: Spot) -> Drawn:
        note, tone = _note(node)
        return Drawn(
            name=_short(_label(node)),
            note=note,
            tone=tone,
            title=node.name if node.name != WILDCARD else "every group without a chain of its own",
            classes=" star" if node.name == WILDCARD else "" if node.known else " missing",
            colour=self._providers.index(node.provider) if node.provider else None,
            x=rounded(spot.x + MARGIN),
            y=rounded(spot.y + TOP),
            width=rounded(spot.width),
            height=ROW,
        )

    def _grid(self, nodes: Sequence[Node], top: float, width: float) -> tuple[list[Drawn], float]:
        """Place the groups that no edge touches in rows below; return the lower end as well."""
        wide = max(_width(node) for node in nodes)
        columns = max(1, int((width - 2 * MARGIN + GAP) // (wide + GAP)))
        drawn = []
        for at, node in enumerate(nodes):
            row, column = divmod(at, columns)
            spot = Spot(node.name, 0, ROW, width=wide)
            spot.x = column * (wide + GAP)
            spot.y = top - TOP + row * (ROW + GAP)
            drawn.append(self._node(node, spot))
        rows = -(-len(nodes) // columns)
        return drawn, top + rows * (ROW + GAP) - GAP

    def _legend(self, y: float, width: float) -> tuple[list[Key], float]:
        wanted: list[tuple[str, int | None, str]] = [
            (name, at, "") for at, name in enumerate(self._providers)
        ]
        wanted.append(("asked in this order", None, ""))
        wanted += [
            (tone.legend, None, str(tone.state))
            for tone in self._tones
            if self._graph.of(tone.state)
        ]
        entries, x = [], MARGIN
        for text, colour, state in wanted:
            needed = 16 + len(text) * SMALL_LETTER + 18 + (0 if colour is not None else 10)
            if x + needed > width - MARGIN and x > MARGIN:
                x, y = MARGIN, y + 20.0
            start = x if colour is not None else x + 8
            entries.append(Key(text, colour, state, rounded(start), rounded(y)))
            x += needed
        return entries, y

    def _notes(self, y: float) -> tuple[list[Note], float]:
        """Say why an edge is dead or risky, one line for all that have one source and reason."""
        why: dict[tuple[str, str, str], list[str]] = {}
        for tone in reversed(self._tones):
            for edge in self._graph.of(tone.state) if tone.note else ():
                key = (tone.note, edge.source, "; ".join(edge.reasons))
                why.setdefault(key, []).append(edge.target)
        lines = [
            (f"{source} → {', '.join(dict.fromkeys(targets))}: {reason}", note)
            for (note, source, reason), targets in why.items()
        ]
        if len(lines) > MOST_NOTES:
            lines = [*lines[:MOST_NOTES], (f"and {len(lines) - MOST_NOTES} more", "")]
        notes = [
            Note(_short(text, 150), note, rounded(y + at * 17.0))
            for at, (text, note) in enumerate(lines)
        ]
        return notes, y + len(notes) * 17.0 + (8.0 if notes else 0.0)

    def _widest(self, notes: Iterable[Note]) -> float:
        longest = max((len(note.text) for note in notes), default=0)
        return longest * SMALL_LETTER * 0.93 + 2 * MARGIN


def _width(node: Node) -> float:
    note, _ = _note(node)
    name = len(_short(_label(node))) * LETTER
    return max(LEAST_WIDTH, name + 34, len(note) * SMALL_LETTER + 34)


def _label(node: Node) -> str:
    """Return the name without its provider's prefix, which the second line repeats."""
    if node.name == WILDCARD:
        return "* any other group"
    prefix, slash, rest = node.name.partition("/")
    return rest if slash and prefix == node.provider and rest else node.name


def _note(node: Node) -> tuple[str, str]:
    if node.name == WILDCARD:
        return "without a chain of its own", ""
    if not node.known:
        return "no such group", " bad"
    if node.retires is not None:
        return f"{node.provider} · until {node.retires.isoformat()}", " warn" if node.soon else ""
    return node.provider or "provider unknown", ""


def _short(text: str, longest: int = LONGEST) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[: half - 1]}…{text[-half:]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701 - each text is escaped by name, the rest is numbers
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
