"""Where each group and each edge of the fallback graph is drawn: layers from left to right."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ROW = 46.0  # height of a box
GAP = 14.0  # between two boxes of a layer
BEND = 16.0  # height that a passing edge takes in a layer
BETWEEN = 110.0  # width between two layers
APART = 34.0  # between two parts of the graph that have nothing in common
MOST_BENDS = 1_000  # a graph whose edges pass more layers is drawn with straighter ones
SHAPE = 1.3  # how much wider than high a picture of many parts should be
SWEEPS = 8  # more change nothing that an eye would see

Pair = tuple[str, str]


@dataclass(slots=True)
class Spot:
    """The place of one box, or of the bend where an edge passes a layer (`name` is "" then)."""

    name: str
    layer: int
    height: float
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    neighbours: list["Spot"] = field(default_factory=list, repr=False)

    @property
    def middle(self) -> float:
        """The height at which edges meet it."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes by name, and for each pair the points that its edge goes through, ends included."""

    spots: Mapping[str, Spot]
    routes: Mapping[Pair, tuple[tuple[float, float], ...]]
    width: float
    height: float


def layout(names: Sequence[str], pairs: Sequence[Pair], widths: Mapping[str, float]) -> Layout:
    """Place `names`; a pair that closes a circle runs backwards. Linear but for the sorting."""
    forward = _without_circles(names, pairs)
    layers = _layers(names, forward)
    spots = {name: Spot(name, layers[name], ROW, width=widths[name]) for name in names}
    passed = sum(layers[target] - layers[source] - 1 for source, target in forward)
    bent = passed <= MOST_BENDS
    bends = {pair: _connect(pair, spots, bent=bent) for pair in dict.fromkeys(forward)}
    boxes = []
    for part in _parts(names, pairs):
        columns = _columns(part, spots, bends, forward)
        _order(columns)
        for sweep in range(SWEEPS + 1):
            for column in columns if sweep % 2 == 0 else reversed(columns):
                _align(column)
        boxes.append(_Box(columns))
    _even(boxes)
    width, height = _pack(boxes)
    routes = {pair: _route(spots, bends.get(pair, ()), pair) for pair in dict.fromkeys(pairs)}
    return Layout(spots, routes, width, height)


def _without_circles(names: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
    """Leave out the pairs that lead back to where a walk came from."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    for source, target in pairs:
        targets[source].append(target)
    state: dict[str, bool] = {}  # True while a walk is inside, False afterwards
    back: set[Pair] = set()
    for root in names:
        if root in state:
            continue
        state[root] = True
        work: list[tuple[str, Iterator[str]]] = [(root, iter(targets[root]))]
        while work:
            inside, rest = work[-1]
            following = next(rest, None)
            if following is None:
                state[inside] = False
                work.pop()
            elif state.get(following):
                back.add((inside, following))
            elif following not in state:
                state[following] = True
                work.append((following, iter(targets[following])))
    return [pair for pair in pairs if pair not in back]


def _layers(names: Sequence[str], forward: Sequence[Pair]) -> dict[str, int]:
    """Return the longest way to each name; a source stands right before its nearest target."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    waiting = dict.fromkeys(names, 0)
    for source, target in forward:
        targets[source].append(target)
        waiting[target] += 1
    found = dict.fromkeys(names, 0)
    sources = [name for name in names if not waiting[name]]
    ready = list(sources)
    while ready:
        name = ready.pop()
        for target in targets[name]:
            found[target] = max(found[target], found[name] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for name in sources:
        if targets[name]:
            found[name] = min(found[target] for target in targets[name]) - 1
    return found


def _connect(pair: Pair, spots: Mapping[str, Spot], *, bent: bool) -> tuple[Spot, ...]:
    """Make the bends of an edge, and make neighbours of all that it connects."""
    source, target = spots[pair[0]], spots[pair[1]]
    passed = range(source.layer + 1, target.layer) if bent else ()
    between = tuple(Spot("", layer, BEND) for layer in passed)
    line = (source, *between, target)
    for left, right in pairwise(line):
        left.neighbours.append(right)
        right.neighbours.append(left)
    return between


def _parts(names: Sequence[str], pairs: Sequence[Pair]) -> list[list[str]]:
    """Return the names in groups that edges connect, in the order of their first names."""
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for source, target in pairs:
        leader[find(target)] = find(source)
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(find(name), []).append(name)
    return list(parts.values())


def _columns(
    part: Sequence[str],
    spots: Mapping[str, Spot],
    bends: Mapping[Pair, tuple[Spot, ...]],
    forward: Sequence[Pair],
) -> list[list[Spot]]:
    inside = set(part)
    members = [spots[name] for name in part]
    for pair in dict.fromkeys(forward):
        if pair[0] in inside:
            members += bends[pair]
    columns: dict[int, list[Spot]] = {}
    for spot in members:
        columns.setdefault(spot.layer, []).append(spot)
    return [columns[layer] for layer in sorted(columns)]


def _order(columns: list[list[Spot]]) -> None:
    """Sort each layer by where its neighbours are, there and back, so that few edges cross."""
    for column in columns:
        _stack(column)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=_pull)
            _stack(column)


def _align(column: list[Spot]) -> None:
    """Give each box the height it wants; boxes that would overlap share the mean of their wishes.

    The pool-adjacent-violators method: linear, and no order is ever changed.
    """
    blocks: list[tuple[float, int, float, list[Spot]]] = []  # mean wish, count, height, members
    for spot in column:
        wish = _pull(spot) - spot.height / 2
        block = (wish, 1, spot.height + GAP, [spot])
        while blocks and blocks[-1][0] + blocks[-1][2] > block[0]:
            mean, count, height, members = blocks.pop()
            wished = mean * count + (block[0] - height) * block[1]
            both = count + block[1]
            members.extend(block[3])
            block = (wished / both, both, height + block[2], members)
        blocks.append(block)
    for start, _, _, members in blocks:
        y = start
        for spot in members:
            spot.y = y
            y += spot.height + GAP


def _pull(spot: Spot) -> float:
    """Return the mean height of a box's neighbours, or its own where it has none."""
    if not spot.neighbours:
        return spot.middle
    return sum(other.middle for other in spot.neighbours) / len(spot.neighbours)


def _stack(column: list[Spot]) -> None:
    y = 0.0
    for spot in column:
        spot.y = y
        y += spot.height + GAP


class _Box:
    """One part of the graph with its upper left corner at 0, 0."""

    def __init__(self, columns: list[list[Spot]]) -> None:
        self.columns = columns
        self.spots = [spot for column in columns for spot in column]
        self.width = 0.0
        top = min(spot.y for spot in self.spots)
        for spot in self.spots:
            spot.y -= top
        self.height = max(spot.y + spot.height for spot in self.spots)

    def move(self, x: float, y: float) -> None:
        """Move all of it."""
        for spot in self.spots:
            spot.x += x
            spot.y += y


def _even(boxes: Sequence[_Box]) -> None:
    """Give the layers of all parts their places from left to right, as wide as the widest box."""
    widths: list[float] = []
    for box in boxes:
        for at, column in enumerate(box.columns):
            wide = max(spot.width for spot in column)
            widths[at:] = [max([wide, *widths[at : at + 1]]), *widths[at + 1 :]]
    lefts = [0.0]
    for wide in widths:
        lefts.append(lefts[-1] + wide + BETWEEN)
    for box in boxes:
        for at, column in enumerate(box.columns):
            for spot in column:
                spot.x, spot.width = lefts[at], widths[at]
        box.width = lefts[len(box.columns)] - BETWEEN


def _pack(boxes: Sequence[_Box]) -> tuple[float, float]:
    """Stand the parts below each other, in as many columns as make a picture wider than high."""
    widest = max((box.width for box in boxes), default=0.0)
    whole = sum(box.height + APART for box in boxes)
    count = max(1, round(math.sqrt(whole * SHAPE / max(widest + BETWEEN, 1.0))))
    room = max(whole / count, max((box.height for box in boxes), default=0.0))
    x = y = right = bottom = 0.0
    for box in boxes:
        if y and y + box.height > room:
            x, y = right + BETWEEN / 2, 0.0
        box.move(x, y)
        right = max(right, x + box.width)
        y += box.height + APART
        bottom = max(bottom, y - APART)
    return right, bottom


def _route(
    spots: Mapping[str, Spot], bends: Sequence[Spot], pair: Pair
) -> tuple[tuple[float, float], ...]:
    source, target = spots[pair[0]], spots[pair[1]]
    points = [(source.x + source.width, source.middle)]
    for bend in bends:
        points += [(bend.x, bend.middle), (bend.x + bend.width, bend.middle)]
    end = (target.x, target.middle)
    if target.layer <= source.layer:  # back to the left: it comes in from the right
        end = (target.x + target.width, target.middle)
    return (*points, end)
