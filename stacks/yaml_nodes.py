"""How a YAML text is composed into nodes that know their characters, within bounds."""

import re
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from stacks.problem import Severity

# libyaml is some ten times as fast as PyYAML's own parser, which is the one that LiteLLM uses. They
# differ over tabs, which libyaml allows in more places, and over byte order marks inside a text.
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXACT: Any = yaml.SafeLoader
_DIFFER = re.compile("[\t\ufeff]")
_SMALL = 200_000  # characters that the slow one reads in about a second

DEEPEST = 100  # levels; safe_load itself gives up at some 300, no configuration needs 20
MOST_FAULTS = 100  # of one file; more of them help nobody
MOST_REPEATED = 1_000_000  # entries that aliases may stand for, all together


class Fault(NamedTuple):
    """What is wrong at one character; the parts of a `Problem` whose place is not yet spelled."""

    offset: int
    id: str
    value: str
    expected: str
    next_step: str
    severity: Severity = Severity.ERROR


class Node:
    """One value in the text, from `start` to `end`; `data` is what safe_load makes of it.

    `kind` is "scalar", "mapping", "sequence" or "alias". The children of a mapping are key, value,
    key, value; an alias has the node that it stands for as its only child. A collection in block
    style ends where its last child does. `weight` counts the entries that it stands for; `style` is
    a scalar's first sign, if it has one: a quotation mark, | or >. `lookup` is a mapping's index,
    made when it is first asked for.
    """

    __slots__ = (
        "anchor",
        "children",
        "data",
        "end",
        "flow",
        "kind",
        "lookup",
        "start",
        "style",
        "tag",
        "weight",
    )

    def __init__(self, kind: str, start: int, end: int) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.data: Any = None
        self.children: list[Node] = []
        self.flow = False
        self.anchor: str | None = None
        self.tag: str | None = None
        self.style: str | None = None
        self.weight = 1
        self.lookup: dict[Any, tuple[Node, Node]] | None = None

    @property
    def pairs(self) -> list[tuple["Node", "Node"]]:
        """The keys and values of a mapping, as written."""
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    @property
    def real(self) -> "Node":
        """The node itself, or what an alias stands for."""
        return self.children[0] if self.kind == "alias" else self


class Values:
    """What composing asks of whoever knows what a node's text means."""

    def scalar(self, node: Node, event: ScalarEvent, *, is_key: bool) -> Any:
        """Return what a scalar is."""
        raise NotImplementedError

    def collection(self, node: Node) -> Any:
        """Return what a mapping or a sequence is, whose children have their data."""
        raise NotImplementedError


def compose(text: str, values: Values, faults: list[Fault]) -> Node | None:
    """Return the root of the text's first document, None where there is none.

    yaml.YAMLError is raised for what is no YAML at all; anything else wrong is added to `faults`.
    """
    exact = len(text) < _SMALL and _DIFFER.search(text)
    return _Composer(values, faults).compose((_EXACT if exact else _FAST)(text))


class _Composer:
    def __init__(self, values: Values, faults: list[Fault]) -> None:
        self.values = values
        self.faults = faults
        self.anchors: dict[str, Node] = {}
        self.open: list[Node] = []
        self.repeated = 0
        self.documents = 0
        self.root: Node | None = None

    def compose(self, parser: Any) -> Node | None:
        try:
            while self._take(parser.get_event()):
                pass
        finally:
            parser.dispose()
        return self.root

    def _take(self, event: Any) -> bool:
        """Take one event in; False once nothing after it is read."""
        kind = event.__class__
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            return self._begin(event, "mapping" if kind is MappingStartEvent else "sequence")
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._finish(event)
        elif kind is AliasEvent:
            self._alias(event)
        elif kind is DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                self._fault(
                    event.start_mark.index,
                    "source.documents",
                    "---",
                    "a second document begins here; LiteLLM reads files of one",
                    "put everything into one document, without this line, or into another file",
                )
                return False
        return kind is not StreamEndEvent

    def _scalar(self, event: Any) -> None:
        node = Node("scalar", event.start_mark.index, event.end_mark.index)
        node.tag = event.tag
        node.style = event.style
        is_key = False
        if self.open:
            parent = self.open[-1]
            is_key = parent.kind == "mapping" and not len(parent.children) & 1
            parent.children.append(node)
        else:
            self.root = node
        if event.anchor:
            self._name(node, event)
        node.data = self.values.scalar(node, event, is_key=is_key)

    def _begin(self, event: Any, kind: str) -> bool:
        node = Node(kind, event.start_mark.index, event.end_mark.index)
        node.tag = event.tag
        node.flow = event.flow_style
        self._add(node)
        if event.anchor:
            self._name(node, event)
        self.open.append(node)
        if len(self.open) <= DEEPEST:
            return True
        self._fault(
            node.start,
            "source.depth",
            "",
            f"this is nested deeper than {DEEPEST} levels; LiteLLM's reader gives up at some 300",
            "take out the levels that hold nothing but another one",
        )
        self.root = None
        return False

    def _finish(self, event: Any) -> None:
        node = self.open.pop()
        children = node.children
        node.end = event.end_mark.index if node.flow or not children else children[-1].end
        node.weight = 1 + sum(child.weight for child in children)
        node.data = self.values.collection(node)

    def _alias(self, event: Any) -> None:
        node = Node("alias", event.start_mark.index, event.end_mark.index)
        target = self.anchors.get(event.anchor)
        if target is None:
            self._fault(
                node.start,
                "source.alias",
                f"*{event.anchor}",
                f"no anchor &{event.anchor} stands above",
                f'name an anchor that does, or quote the text: "*{event.anchor}"',
            )
        elif target in self.open:
            self._fault(
                node.start,
                "source.alias",
                f"*{event.anchor}",
                f"the alias stands inside &{event.anchor} itself: the value would have no end",
                "write out what is meant",
            )
            target = None
        elif self.repeated + target.weight > MOST_REPEATED:
            if self.repeated <= MOST_REPEATED:
                self._fault(
                    node.start,
                    "source.alias",
                    f"*{event.anchor}",
                    f"from here on the aliases stand for more than {MOST_REPEATED:,} entries",
                    "write out what is meant, without aliases of aliases",
                )
            self.repeated = MOST_REPEATED + 1
            target = None
        if target is None:
            target = Node("scalar", node.start, node.end)
        self.repeated += target.weight
        node.children.append(target)
        node.data = target.data
        node.weight = target.weight
        self._add(node)

    def _name(self, node: Node, event: Any) -> None:
        node.anchor = event.anchor
        if event.anchor in self.anchors:
            self._fault(
                node.start,
                "source.alias",
                f"&{event.anchor}",
                "an anchor of this name stands above, and LiteLLM's reader refuses two",
                f"give one of them another name, and to the aliases *{event.anchor} that mean it",
            )
        self.anchors[event.anchor] = node

    def _add(self, node: Node) -> None:
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node

    def _fault(self, *parts: Any) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(*parts))
