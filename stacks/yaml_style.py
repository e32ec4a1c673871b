"""How a YAML text is written, and how a value is written to fit in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from stacks.edit import REMOVED, Moved, plain
from stacks.yaml_nodes import Node

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOOKED_AT = 2000  # nodes from which a style is told
_LONGEST_FLOW = 90  # characters of a list that is still written in one line
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass
class Style:
    """A text's habits: columns of a level and of a dash, line break, quote, lists, braces."""

    newline: str = "\n"
    indent: int = 2
    dash: int = 2
    quote: str = '"'
    flow_lists: bool = True
    brace: str = ""
    flow_quote: str | None = None
    """What texts in lists in brackets stand in."""

    def scalar(self, value: Any, quote: str | None = None) -> str:
        """Return a scalar's text, which fits anywhere; `quote` is that of its neighbours."""
        if not isinstance(value, str):
            return _dumped([value])[1:-1]
        if quote == '"' or not value.isprintable():
            return _dumped(value, default_style='"')
        text = _dumped([value])[1:-1]
        if quote == "'" and not text.startswith(("'", '"')):
            return f"'{value}'" if "'" not in value else _dumped(value, default_style='"')
        if text.startswith("'") and self.quote == '"':
            return _dumped(value, default_style='"')
        return text

    def flow(self, value: Any, quote: str | None = None) -> str:
        """Return a value in one line."""
        if isinstance(value, Moved):
            return self.flow(value.value, quote)
        if isinstance(value, dict):
            pairs = [
                f"{self.scalar(key, quote)}: {self.flow(inner, quote)}"
                for key, inner in value.items()
                if inner is not REMOVED
            ]
            return "{" + self.brace + ", ".join(pairs) + self.brace + "}" if pairs else "{}"
        if isinstance(value, list):
            quote = quote or self.flow_quote
            entries = [self.flow(inner, quote) for inner in value if inner is not REMOVED]
            return "[" + ", ".join(entries) + "]"
        return self.scalar(value, quote)

    def in_one_line(self, value: Any) -> bool:
        """Tell whether a value stands behind its key, rather than in lines of its own."""
        if isinstance(value, dict):
            return all(inner is REMOVED for inner in value.values())
        if not isinstance(value, list):
            return True
        nested = any(isinstance(plain(entry), dict | list) for entry in value)
        return not value or (self.flow_lists and not nested and len(str(value)) < _LONGEST_FLOW)

    def indented(self, text: str, column: int, to: int) -> str:
        """Return whole lines, of which the first begins in `column`, moved to another column."""
        result = []
        for number, line in enumerate(text.splitlines(keepends=True)):
            stripped = line.lstrip(" ")
            before = len(line) - len(stripped)
            if not stripped.strip("\r\n"):
                result.append(line)
            elif number == 0:
                result.append(" " * to + stripped)
            elif before >= column:
                result.append(" " * (before - column + to) + stripped)
            else:
                result.append(" " * (to + self.indent) + stripped)
        return "".join(result)


def style_of(root: Node | None, text: str) -> Style:
    """Return the habits of a text, the usual ones where it shows none."""
    style = Style()
    line_break = _LINE_BREAK.search(text)
    style.newline = line_break[0] if line_break else "\n"
    found: dict[str, Any] = {}
    for node, parent in _some(root):
        if node.flow and node.kind == "mapping" and node.children:
            found.setdefault("brace", " " if text[node.start + 1 : node.start + 2] == " " else "")
        if node.kind == "scalar" and node.style in ("'", '"'):
            found.setdefault("quote", node.style)
        if node.kind == "sequence" and all(child.kind == "scalar" for child in node.children):
            found.setdefault("flow_lists", node.flow)
            if node.flow and node.children:
                found.setdefault("flow_quote", quote_of(node))
        if parent is not None and node.children and not node.flow:
            distance = _column(node, text) - _column(parent, text)
            found.setdefault("dash" if node.kind == "sequence" else "indent", distance)
    for name, value in found.items():
        setattr(style, name, value)
    return style


def quote_of(node: Node) -> str | None:
    """Return what the first text of a node stands in: a quotation mark, or None."""
    while node.children:
        node = node.children[0]
    return node.style if node.style in ("'", '"') else None


def _some(root: Node | None) -> Iterator[tuple[Node, Node | None]]:
    """Yield the first nodes with the block mapping that they are values in, if they are."""
    waiting: list[tuple[Node, Node | None]] = [(root, None)] if root else []
    for _ in range(_LOOKED_AT):
        if not waiting:
            return
        node, parent = waiting.pop()
        yield node, parent
        if node.kind == "alias":
            continue
        outer = node if node.kind == "mapping" and not node.flow else None
        waiting += [(child, outer) for child in reversed(node.children[:_LOOKED_AT])]


def _column(node: Node, text: str) -> int:
    return node.start - max(text.rfind("\n", 0, node.start), text.rfind("\r", 0, node.start)) - 1


def _dumped(value: Any, **options: Any) -> str:
    flow: dict[str, Any] = {"default_flow_style": True, "allow_unicode": True, "width": 10**9}
    text: str = yaml.dump(value, Dumper=_DUMPER, **(flow | options))
    return text.removesuffix("\n").removesuffix("...").removesuffix("\n")
