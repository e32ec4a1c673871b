"""The whole fallback structure: who can answer for whom, and which promises are dead or risky."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from gateway.explain_lookup import Chains, Kind, Lookup, Order, Served
from gateway.fallback_cycles import circles, reached
from gateway.models import facts_of
from gateway.subject import WILDCARD, Chain, Subject
from stacks.configuration import Configuration
from stacks.paths import Path

SOON = timedelta(days=90)
NOTHING = "(nothing)"  # the target that is written as something that names no group

Retires = Callable[[str, str], date | None]
"""The day after which a provider no longer serves a model, by model and provider."""


class State(StrEnum):
    """What an edge is worth.

    DEAD: LiteLLM never takes it. RISKY: it takes it, and it helps less than it promises.
    """

    FINE = "fine"
    RISKY = "risky"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Node:
    """A name that stands in a chain or in the model list; `"*"` is every group without a chain.

    `known` is False for a name that nothing serves. `chain` tells whether its errors have a chain
    of their own, `soon` whether it retires within `SOON` of the configuration's day.
    """

    name: str
    provider: str
    known: bool
    chain: bool
    retires: date | None
    soon: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """One declared target; `position` counts from 0 in its chain, `path` is where it stands.

    `state` is a `State`, or whatever else a picture is to tell of its edges.
    """

    source: str
    target: str
    order: Order
    position: int
    state: StrEnum
    reasons: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class Graph:
    """Every group and every declared edge, each edge once, in the order of the file."""

    version: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def of(self, state: StrEnum) -> tuple[Edge, ...]:
        """Return the edges of one state."""
        return tuple(edge for edge in self.edges if edge.state is state)


def known_retirement(model: str, provider: str) -> date | None:
    """Return the day that the catalogue of models knows; an inferred one is left to the rules."""
    facts = facts_of(model, provider)
    return facts.retires if facts is not None and not facts.retires_inferred else None


def fallback_graph(configuration: Configuration, *, retires: Retires = known_retirement) -> Graph:
    """Return the graph; never raises, and takes time linear in the configuration's size."""
    return _Drawing(configuration, retires).graph()


class _Drawing:
    """The graph under way."""

    def __init__(self, configuration: Configuration, retires: Retires) -> None:
        self._subject = Subject(configuration)
        self._today = configuration.today
        self._lookup = Lookup(self._subject)
        self._retires = retires
        self._served: dict[str, Served] = {}

    def graph(self) -> Graph:
        edges = tuple(self._edges())
        names = dict.fromkeys(self._subject.groups)
        for edge in edges:
            names.setdefault(edge.source)
            names.setdefault(edge.target)
        return Graph(self._subject.version, tuple(self._node(name) for name in names), edges)

    def _node(self, name: str) -> Node:
        served = self._find(name)
        known = name == WILDCARD or served.kind not in (Kind.NOTHING, Kind.DEFAULT)
        own = self._lookup.general.specific(name) is not None or name == WILDCARD
        day = self._retirement(served)
        return Node(name, self._provider(name), known, own, day, self._is_soon(day))

    def _edges(self) -> Iterator[Edge]:
        for order in Order:
            chains = [chain for chain in self._subject.chains if _order(chain) is order]
            alive = {chain.path: why for chain in chains if not (why := self._unread(chain, order))}
            adjacent: dict[str, list[str]] = {}
            for chain in chains:
                if chain.path in alive:
                    known = (name for name in chain.targets if name and self._serves(name))
                    adjacent.setdefault(chain.source, []).extend(known)
            in_circle = circles(adjacent)
            providers = reached(adjacent, self._provider)
            for chain in chains:
                yield from self._of_chain(chain, order, in_circle, providers)

    def _of_chain(
        self,
        chain: Chain,
        order: Order,
        in_circle: Mapping[str, int],
        providers: Mapping[str, frozenset[str]],
    ) -> Iterator[Edge]:
        unread = self._unread(chain, order)
        before: Counter[str] = Counter()
        for position, target in enumerate(chain.targets):
            dead = unread or self._dead(chain, target, before)
            before[target] += 1
            reasons = (
                (dead,)
                if dead
                else tuple(self._risks(chain.source, target, order, in_circle, providers))
            )
            state = State.DEAD if dead else State.RISKY if reasons else State.FINE
            name = target or NOTHING
            place = chain.at(position)
            yield Edge(chain.source, name, order, position, state, reasons, place)

    def _unread(self, chain: Chain, order: Order) -> str:
        """Return why LiteLLM does not read the whole chain, "" if it does."""
        if chain.key == "default_fallbacks" and self._subject.default_fallbacks_are_lost:
            return "`default_fallbacks` is dropped at the first sync with the database"
        if chain.source != WILDCARD and not self._has_source(chain.source):
            return f"no group is called {chain.source}"
        if chain.key != "default_fallbacks" and chain.section != self._section(order):
            return f"the list in `{self._section(order)}` replaces this one whole"
        chains: Chains = self._lookup.exclusive(order) or self._lookup.general
        taken = chains.exact(chain.source)
        if taken is not None and taken.path != chain.path:
            return f"another entry for {chain.source} is taken"
        return ""

    def _section(self, order: Order) -> str:
        """Return the section whose list of this kind is read; the other one's is not."""
        router = self._subject.router_settings
        given = order.value in router if order is Order.GENERAL else router.get(order.value)
        return "router_settings" if given else "litellm_settings"

    def _dead(self, chain: Chain, target: str, before: Counter[str]) -> str:
        if not target:
            return "names no group"
        if target == chain.source:
            return "a group is never its own target"
        if before[target]:
            return "named before in this chain: each target is tried once"
        return "" if self._serves(target) else self._find(target).how

    def _risks(
        self,
        source: str,
        target: str,
        order: Order,
        in_circle: Mapping[str, int],
        providers: Mapping[str, frozenset[str]],
    ) -> Iterator[str]:
        day = self._retirement(self._find(target))
        if day is not None and self._is_soon(day):
            verb = "retired" if day <= self._today else "retires"
            yield f"{target} {verb} {day.isoformat()}"
        if source in in_circle and in_circle.get(source) == in_circle.get(target):
            yield "in a circle: each target is tried once, so it promises more than there is"
        own = self._provider(source)
        if order is Order.GENERAL and source != WILDCARD and own:
            others = providers.get(source, frozenset()) - {own}
            if not others:
                yield f"the whole chain stays with {own}: an outage there takes all of it"

    def _is_soon(self, day: date | None) -> bool:
        return day is not None and self._today != date.min and day - self._today <= SOON

    def _retirement(self, served: Served) -> date | None:
        days = (self._retires(one.model, one.provider) for one in served.deployments)
        return min((day for day in days if day is not None), default=None)

    def _provider(self, name: str) -> str:
        served = self._find(name)
        if not served.found or served.kind is Kind.DEFAULT:
            return ""
        one = served.deployments[0]
        return one.provider or one.model.partition("/")[0] * ("/" in one.model)

    def _has_source(self, name: str) -> bool:
        return self._serves(name) or self._subject.is_served(name, as_source=True)

    def _serves(self, name: str) -> bool:
        return self._find(name).kind not in (Kind.NOTHING, Kind.DEFAULT)

    def _find(self, name: str) -> Served:
        if name not in self._served:
            self._served[name] = self._lookup.target(name)
        return self._served[name]


def _order(chain: Chain) -> Order:
    return Order.GENERAL if chain.key == "default_fallbacks" else Order(chain.key)
