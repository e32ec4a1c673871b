"""What follows from a graph as a whole: its circles, and what can be reached from where."""

from collections.abc import Callable, Iterator, Mapping, Sequence

Adjacent = Mapping[str, Sequence[str]]


def components(adjacent: Adjacent) -> Iterator[tuple[str, ...]]:
    """Yield the strongly connected components, each after all that it leads to.

    Tarjan's algorithm without recursion: a chain may be 10,000 groups long.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    is_open: set[str] = set()
    for root in adjacent:
        if root in number:
            continue
        work: list[tuple[str, Iterator[str]]] = [_begin(root, adjacent, number, low)]
        open_names.append(root)
        is_open.add(root)
        while work:
            name, targets = work[-1]
            target = next(targets, None)
            if target is not None:
                if target not in number:
                    work.append(_begin(target, adjacent, number, low))
                    open_names.append(target)
                    is_open.add(target)
                elif target in is_open:
                    low[name] = min(low[name], number[target])
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[name])
            if low[name] == number[name]:
                closed = _close(open_names, name)
                is_open.difference_update(closed)
                yield closed


def circles(adjacent: Adjacent) -> dict[str, int]:
    """Return a number for every name that stands in a circle; equal numbers, same circle."""
    found: dict[str, int] = {}
    for count, names in enumerate(components(adjacent)):
        if len(names) > 1:
            found |= dict.fromkeys(names, count)
    return found


def reached(adjacent: Adjacent, label: Callable[[str], str]) -> dict[str, frozenset[str]]:
    """Return the labels of all that each name leads to; a name without a label counts as none."""
    found: dict[str, frozenset[str]] = {}
    for names in components(adjacent):
        labels: set[str] = set()
        inside = set(names)
        for name in names:
            for target in adjacent.get(name, ()):
                if len(names) > 1 or target not in inside:
                    labels.add(label(target))
                labels |= found.get(target, frozenset())
        whole = frozenset(labels - {""})
        found |= dict.fromkeys(names, whole)
    return found


def _begin(
    name: str, adjacent: Adjacent, number: dict[str, int], low: dict[str, int]
) -> tuple[str, Iterator[str]]:
    number[name] = low[name] = len(number)
    return name, iter(adjacent.get(name, ()))


def _close(open_names: list[str], name: str) -> tuple[str, ...]:
    """Take the names from `name` on off the end of the list."""
    closed = [open_names.pop()]
    while closed[-1] != name:
        closed.append(open_names.pop())
    return tuple(reversed(closed))
