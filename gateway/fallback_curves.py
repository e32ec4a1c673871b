"""How the edges of the fallback graph are drawn: ports, badges, curves, arrow heads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.explain_lookup import Order
from gateway.fallback_graph import Edge
from gateway.fallback_layout import ROW, Layout

TIP = 7.0  # length of an arrow's head
BADGE = 16.0  # height of a badge
STEM = 8.0  # from a box to its badge
LETTER = 5.6  # width of one in a badge
OUT = 46.0  # how far an edge that runs back swings out

BADGES = {Order.GENERAL: "", Order.CONTEXT_WINDOW: " context", Order.CONTENT_POLICY: " policy"}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One edge as the template needs it, with the badge that says when it is asked."""

    state: str
    title: str
    path: str
    tip: str
    badge: str
    badge_x: float
    badge_y: float
    badge_width: float


def curves(edges: Sequence[Edge], plan: Layout, left: float, top: float) -> list[Line]:
    """Return a line for each edge; those of one source start below each other, uncrossed."""
    ports = _ports(edges, plan)
    lines = []
    for at, edge in enumerate(edges):
        shift, aside = ports[at]
        points = [(x + left, y + top) for x, y in plan.routes[edge.source, edge.target]]
        points[0] = (points[0][0], points[0][1] + shift)
        if edge.source == edge.target:
            points[-1] = (points[-1][0], points[-1][1] + ROW / 2 - 6)
        lines.append(_line(edge, points, aside))
    return lines


def _ports(edges: Sequence[Edge], plan: Layout) -> dict[int, tuple[float, float]]:
    """Return for each edge how far below the middle it starts, and how far out its badge is."""
    by_source: dict[str, list[int]] = {}
    for at, edge in enumerate(edges):
        by_source.setdefault(edge.source, []).append(at)
    found: dict[int, tuple[float, float]] = {}
    for together in by_source.values():
        together.sort(key=lambda at: (plan.routes[edges[at].source, edges[at].target][1][1], at))
        step = min(BADGE + 1, (ROW - 8) / max(len(together) - 1, 1))
        for place, at in enumerate(together):
            crowded = step < BADGE and place % 2 == 1
            shift = (place - (len(together) - 1) / 2) * step
            found[at] = shift, BADGE + 2 if crowded else 0.0
    return found


def _line(edge: Edge, points: list[Point], aside: float) -> Line:
    text = f"{edge.position + 1}{BADGES[edge.order]}"
    wide = max(BADGE, len(text) * LETTER + 8)
    reasons = f": {'; '.join(edge.reasons)}" if edge.reasons else ""
    start = STEM + aside
    return Line(
        state=str(edge.state),
        title=f"{edge.source} → {edge.target} ({edge.order}[{edge.position}]){reasons}",
        path=_curve(points, straight=start + wide),
        tip=_tip(points),
        badge=text,
        badge_x=rounded(points[0][0] + start),
        badge_y=rounded(points[0][1] - BADGE / 2),
        badge_width=rounded(wide),
    )


def _curve(points: Sequence[Point], *, straight: float) -> str:
    """Return a path through all points, level at each; the badge has a straight line below it."""
    (x, y), last = points[0], points[-1]
    drawn = [f"M {_spelled((x, y))} h {rounded(straight)}"]
    x += straight
    if len(points) == 2 and last[0] <= points[0][0] + 1:  # noqa: PLR2004 - start and end
        out = max(x, last[0] + straight) + OUT
        end = (last[0] + TIP - 1, last[1])
        drawn.append(_bend((out, y), (out, last[1]), end))
        return " ".join(drawn)
    for at, (to_x, to_y) in enumerate(points[1:], start=1):
        stop = to_x - TIP + 1 if at == len(points) - 1 else to_x
        half = (x + stop) / 2
        drawn.append(_bend((half, y), (half, to_y), (stop, to_y)))
        x, y = stop, to_y
    return " ".join(drawn)


def _bend(*points: Point) -> str:
    return f"C {' '.join(_spelled(point) for point in points)}"


def _tip(points: Sequence[Point]) -> str:
    back = TIP if points[-1][0] <= points[0][0] + 1 else -TIP
    return f"M {_spelled(points[-1])} l {back} -4 v 8 z"


def _spelled(point: Iterable[float]) -> str:
    return " ".join(f"{rounded(value):g}" for value in point)


def rounded(value: float) -> float:
    """Return a length as it is written: no eye sees more than a tenth."""
    return round(value, 1)
