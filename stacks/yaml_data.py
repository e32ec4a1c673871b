"""What YAML's nodes mean to LiteLLM: `yaml.safe_load`'s data, and what it refuses or drops."""

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import ScalarEvent
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from stacks.problem import Severity
from stacks.source import Lines
from stacks.yaml_nodes import MOST_FAULTS, Fault, Node, Values

_PREFIX = "tag:yaml.org,2002:"
_STR, _MERGE, _VALUE = f"{_PREFIX}str", f"{_PREFIX}merge", f"{_PREFIX}value"
_RESOLVERS: Final[Mapping[Any, Any]] = Resolver.yaml_implicit_resolvers
_SCALARS = ("null", "bool", "int", "float", "binary", "timestamp", "str")
_CONSTRUCTORS: Final[Mapping[Any, Any]] = {
    f"{_PREFIX}{name}": SafeConstructor.yaml_constructors[f"{_PREFIX}{name}"] for name in _SCALARS
}
_REFUSALS = (
    ValueError,
    OverflowError,
    LookupError,
    AttributeError,
    TypeError,
    yaml.YAMLError,
)  # what safe_load lets out, value for value

MERGE: Final = object()
"""What a key `<<` is."""


class Data(Values):
    """safe_load's values; whatever it would refuse is a fault and some value all the same."""

    def __init__(self, faults: list[Fault], lines: Lines) -> None:
        self.faults = faults
        self.lines = lines
        self.constructor = SafeConstructor()
        self.plain: dict[str, Any] = {}

    def scalar(self, node: Node, event: ScalarEvent, *, is_key: bool) -> Any:
        """Return what a scalar is, MERGE for the key `<<`."""
        text: str = event.value
        tag = event.tag
        if tag is None or tag == "!":
            # A lone "!" leaves the meaning to the text, even to a quoted one.
            if (tag is None and not event.implicit[0]) or text[:1] not in _RESOLVERS:
                return text
            if not is_key and text in self.plain:
                return self.plain[text]
            tag = next((tag for tag, form in _RESOLVERS[text[:1]] if form.match(text)), _STR)
            if tag == _STR:
                self.plain[text] = text
                return text
        if is_key and tag == _MERGE:
            return MERGE
        if is_key and tag == _VALUE:
            return text
        value = self._constructed(node, event, tag)
        if is_key and (value is None or isinstance(value, bool | float | date)):
            self._fault(
                node,
                "source.key",
                text,
                f"YAML reads this key as {value!r}, and LiteLLM looks keys up by their text",
                f'quote it: "{text}"',
                Severity.WARNING,
            )
        return value

    def _constructed(self, node: Node, event: ScalarEvent, tag: str) -> Any:
        construct = _CONSTRUCTORS.get(tag)
        text: str = event.value
        if construct is None:
            if event.tag:
                self._unknown_tag(node, tag)
            else:
                self._fault(
                    node,
                    "source.value",
                    text,
                    "YAML gives this sign a meaning of its own that LiteLLM's reader refuses",
                    f'quote it: "{text}"',
                )
            return text
        try:
            value = construct(self.constructor, ScalarNode(tag, text))
        except _REFUSALS:
            kind = tag.removeprefix(_PREFIX)
            self._fault(
                node,
                "source.value",
                "",
                f"YAML reads this as {kind}, and it is none that there is: LiteLLM stops here",
                "quote it if text is meant, else mend the value",
            )
            return text
        if not event.tag:
            self.plain[text] = value
        return value

    def collection(self, node: Node) -> Any:
        """Return what a mapping or a sequence is; the last of several equal keys holds."""
        tag = (node.tag or "!").removeprefix(_PREFIX)
        if node.kind == "sequence":
            if tag in ("omap", "pairs"):
                return self._pairs(node, tag)
            if tag not in ("!", "seq"):
                self._unknown_tag(node, node.tag or "")
            return [child.data for child in node.children]
        if tag not in ("!", "map", "set"):
            self._unknown_tag(node, node.tag or "")
        mapping = self._mapping(node)
        return set(mapping) if tag == "set" else mapping

    def _mapping(self, node: Node) -> dict[Any, Any]:
        children = node.children
        keys = [key.data for key in children[::2]]
        try:
            mapping = dict(zip(keys, [child.data for child in children[1::2]], strict=True))
        except TypeError:
            mapping = dict(self._hashable(node))
            keys = list(mapping)
        if MERGE in mapping:
            return self._merged(node)
        if len(mapping) != len(keys) or len(keys) * 2 != len(children):
            self._report_duplicates(node)
        return mapping

    def _hashable(self, node: Node) -> Iterator[tuple[Any, Any]]:
        for key, value in node.pairs:
            if _hashable(key.data):
                yield key.data, value.data
            else:
                self._fault(
                    key,
                    "source.key",
                    "",
                    "a list or a mapping cannot be a key: LiteLLM's reader stops here",
                    'quote it if text is meant: braces begin a mapping, "{...}" does not',
                )

    def _merged(self, node: Node) -> dict[Any, Any]:
        """Return a mapping with a `<<`: what is merged in comes first, so its own keys hold."""
        merged: dict[Any, Any] = {}
        for key, value in node.pairs:
            if key.data is not MERGE:
                continue
            several = value.real.kind == "sequence"
            sources = value.real.children[::-1] if several else [value]
            for source in sources:
                if source.real.kind == "mapping" and isinstance(source.data, dict):
                    merged.update(source.data)
                else:
                    self._fault(
                        source,
                        "source.merge",
                        "",
                        "`<<` takes in a mapping or a list of mappings, and this is none",
                        'name an anchor of a mapping, or quote the key: "<<"',
                    )
        own = {key: value for key, value in self._hashable(node) if key is not MERGE}
        self._report_duplicates(node)
        return merged | own

    def _report_duplicates(self, node: Node) -> None:
        first: dict[Any, Node] = {}
        for key in node.children[::2]:
            if key.data is MERGE or not _hashable(key.data):
                continue
            earlier = first.setdefault(key.data, key)
            if earlier is not key:
                self._fault(
                    key,
                    "source.duplicate",
                    str(key.data)[:80],
                    f"this key stands in line {self._line(earlier)} already; LiteLLM "
                    f"takes the value in line {self._line(key)} and drops the other",
                    "keep one of the two",
                )

    def _pairs(self, node: Node, tag: str) -> list[tuple[Any, Any]]:
        pairs: list[tuple[Any, Any]] = []
        for child in node.children:
            real = child.real
            if real.kind == "mapping" and len(real.children) == 2:  # noqa: PLR2004 - key, value
                pairs.append((real.children[0].data, real.children[1].data))
            else:
                self._unknown_tag(node, f"!!{tag}")
                return []
        return pairs

    def _unknown_tag(self, node: Node, tag: str) -> None:
        spelled = tag.replace(_PREFIX, "!!")
        self._fault(
            node,
            "source.tag",
            spelled,
            "LiteLLM's reader (yaml.safe_load) knows no such tag on a value like this and stops",
            "take the tag out; an environment variable is written os.environ/NAME",
        )

    def _line(self, node: Node) -> int:
        return self.lines.place(node.start).line

    def _fault(self, node: Node, *parts: Any) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(node.start, *parts))


def _hashable(value: Any) -> bool:
    return isinstance(value, Hashable)
