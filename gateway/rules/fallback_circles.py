"""Which chains run in circles, and whether one of them leads out."""

from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from gateway.effective import EACH_TARGET_ONCE
from gateway.rules.examples import with_chains
from gateway.rules.served import Served
from gateway.subject import WILDCARD, Subject
from stacks.problem import Severity
from stacks.rule import Finding, Rule
from stacks.versions import Holds

LOOKUP = "litellm/router_utils/fallback_event_handlers.py"
Graph = Mapping[str, tuple[str, ...]]
Circle = tuple[tuple[str, ...], frozenset[str]]
_SEEN: WeakKeyDictionary[Subject, tuple[Circle, ...]] = WeakKeyDictionary()  # two rules ask


def _closed_circles(subject: Subject) -> Iterator[Finding]:
    served = Served(subject)
    for circle, members in _circles(subject):
        if not _leaves(subject, served, members) and (endpoint := _one_endpoint(subject, members)):
            yield Finding(
                subject.general_chains[circle[0]].path,
                " -> ".join((*circle, circle[0])),
                f"a circle that no chain leaves, and {endpoint} serves every group in it: when it "
                f"is down nobody is left to answer. {_goes_round(subject)}",
                "end one of these chains at a group of another provider",
            )


def _other_circles(subject: Subject) -> Iterator[Finding]:
    served = Served(subject)
    for circle, members in _circles(subject):
        leaves = _leaves(subject, served, members)
        if leaves or not _one_endpoint(subject, members):
            yield Finding(
                subject.general_chains[circle[0]].path,
                " -> ".join((*circle, circle[0])),
                f"a circle: its last step rescues nobody. {_goes_round(subject)}"
                + ("" if leaves else "; when all of them are down, nothing else is tried"),
                "leave it if these groups are to stand in for each other, otherwise end one of the "
                "chains at a group outside",
            )


def _goes_round(subject: Subject) -> str:
    if EACH_TARGET_ONCE.versions.hold(subject.version) is Holds.NO:
        return "LiteLLM goes round in it until `max_fallbacks` ends the request"
    return "LiteLLM does not go round in it: it tries each group once for a request"


def _circles(subject: Subject) -> tuple[Circle, ...]:
    """Return a shortest circle and all members of each strongly connected part of the chains."""
    if subject not in _SEEN:
        own = {s: c.targets for s, c in subject.general_chains.items() if s != WILDCARD}
        graph = {s: tuple(t for t in targets if t in own and t != s) for s, targets in own.items()}
        order = {source: position for position, source in enumerate(own)}
        _SEEN[subject] = tuple(
            (_shortest_circle(graph, min(part, key=order.__getitem__), part), part)
            for part in map(frozenset, _strongly_connected(graph))
            if len(part) > 1
        )
    return _SEEN[subject]


def _strongly_connected(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Yield the strongly connected parts (Tarjan), without recursion: chains can be long."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    held: dict[str, None] = {}
    for root in graph:
        if root in number:
            continue
        walk: list[tuple[str, Iterator[str]]] = [(root, iter(graph[root]))]
        number[root] = low[root] = len(number)
        held[root] = None
        while walk:
            node, targets = walk[-1]
            target = next((t for t in targets if t not in number or t in held), None)
            if target is None:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == number[node]:
                    part: list[str] = []
                    while not part or part[-1] != node:
                        part.append(held.popitem()[0])
                    yield tuple(part)
            elif target in number:
                low[node] = min(low[node], number[target])
            else:
                number[target] = low[target] = len(number)
                held[target] = None
                walk.append((target, iter(graph[target])))


def _shortest_circle(graph: Graph, first: str, members: frozenset[str]) -> tuple[str, ...]:
    came_from: dict[str, str] = {}
    waiting = [first]
    for node in waiting:
        for target in graph[node]:
            if target == first:
                path = [node]
                while path[-1] != first:
                    path.append(came_from[path[-1]])
                return tuple(reversed(path))
            if target in members and target not in came_from:
                came_from[target] = node
                waiting.append(target)
    return (first,)


def _leaves(subject: Subject, served: Served, members: frozenset[str]) -> bool:
    """Tell whether some chain of these groups has a target outside them that is served."""
    return any(
        target not in members and (served.elsewhere or served.as_target(target))
        for member in members
        for target in subject.general_chains[member].targets
        if target
    )


def _one_endpoint(subject: Subject, members: frozenset[str]) -> str:
    """Return the provider that alone serves these groups, `""` where there is more than one.

    Two regions or two addresses of one provider count as two.
    """
    found: set[tuple[str, ...]] = set()
    for member in members:
        if member not in subject.groups:
            return ""
        for deployment in subject.groups[member]:
            at = ("api_base", "base_url", "vertex_location", "aws_region_name", "region_name")
            where = (str(deployment.params.get(key) or "") for key in at)
            found.add((deployment.provider or "one provider", *where))
    return next(iter(found))[0] if len(found) == 1 else ""


RULES = (
    Rule(
        id="L108",
        title="Chains run in a circle at one provider, and none leaves it",
        severity=Severity.ERROR,
        about="router_settings.fallbacks",
        evidence=(
            f"{LOOKUP} (run_async_fallback)",
            "facts on LiteLLM, section 13.3: each target is tried once",
            "facts on peers, section 0: `--validate_config` accepts it",
        ),
        remedy="End one of the chains at a group of another provider.",
        failing=with_chains("[{small: [large]}, {large: [small]}]"),
        passing=with_chains("[{small: [large, sonnet]}, {large: [sonnet]}]"),
        find=_closed_circles,
    ),
    Rule(
        id="L064",
        title="Chains run in a circle",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(f"{LOOKUP} (run_async_fallback)", "facts on LiteLLM, section 13.3"),
        remedy="End one of the chains at a group outside of the circle.",
        failing=with_chains("[{small: [sonnet]}, {sonnet: [small]}]"),
        passing=with_chains("[{small: [large, sonnet]}, {large: [sonnet]}]"),
        find=_other_circles,
    ),
)
