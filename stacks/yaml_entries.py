"""How entries are written into a YAML text, or brought from one place of it to another."""

import re
from dataclasses import dataclass
from typing import Any

from stacks.edit import REMOVED, Moved
from stacks.paths import Path
from stacks.source import Lines
from stacks.splices import Splices
from stacks.yaml_nodes import Node
from stacks.yaml_style import Style

_TO_DASH = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*-")
_TO_COLON = re.compile(r"[ \t]*:")


@dataclass(frozen=True, slots=True)
class InBrackets:
    """The text of an entry that is written in one line already."""

    text: str


class NewText(Splices):
    """Texts for entries, with the text of what is moved taken from where it stands."""

    def __init__(self, lines: Lines, root: Node, style: Style, moves: dict[Path, Moved]) -> None:
        super().__init__(lines)
        self.root = root
        self.style = style
        self.moves = moves

    def entries(self, added: dict[Any, Any] | list[Any], column: int) -> str:
        """Return whole lines with entries at a column."""
        if isinstance(added, dict):
            pairs = [(key, value) for key, value in added.items() if value is not REMOVED]
            return "".join(self._entry(key, value, column) for key, value in pairs)
        return "".join(self._dashed(value, column) for value in added if value is not REMOVED)

    def _entry(self, key: Any, value: Any, column: int) -> str:
        if isinstance(value, Moved):
            return self._moved(key, value, column)
        start = " " * column + self.style.scalar(key) + ":"
        if self.style.in_one_line(value):
            return f"{start} {self.style.flow(value)}{self.style.newline}"
        return start + self.style.newline + self.lines_of(value, column)

    def flat(self, value: Any) -> str:
        """Return a value in one line; comments of what is moved there would be lost."""
        waiting = [value]
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, dict):
                waiting += inner.values()
            elif isinstance(inner, Moved):
                parent, key, node = self.found(inner.path)
                end = content_end(node, self.text)
                if not parent.flow and key is not None:
                    start = self.line_start(key.start)
                    start = self.comments_above(start, key.start - start)
                    end = self.next_line(end)
                else:
                    start = node.start
                if self.has_comment(start, end):
                    self.refuse(
                        node.start, "its comments have no place in a list or mapping in brackets"
                    )
        return self.style.flow(value)

    def lines_of(self, value: Any, column: int) -> str:
        """Return the lines of a collection that belongs to a key at `column`."""
        deeper = self.style.dash if isinstance(value, list) else self.style.indent
        return self.entries(value, column + deeper)

    def _dashed(self, value: Any, column: int) -> str:
        if isinstance(value, InBrackets):
            return f"{' ' * column}- {value.text}{self.style.newline}"
        if isinstance(value, dict) and not self.style.in_one_line(value):
            body = self.entries(value, column + 2)
            return f"{' ' * column}- {body.lstrip(' ')}"
        return f"{' ' * column}- {self.style.flow(value)}{self.style.newline}"

    def _moved(self, key: Any, moved: Moved, column: int) -> str:
        """Return the lines of an entry that stood elsewhere, with its comments."""
        parent, key_node, value = self.found(moved.path)
        end = content_end(value, self.text)
        if key_node is None or parent.flow:
            if key_node is None and not value.flow and value.kind != "scalar":
                if self.has_comment(value.start, end):
                    self.refuse(value.start, "this entry of a list has comments")
                return self._entry(key, moved.value, column)
            text = self.text[value.start : end] or "null"
            head = f"{' ' * column}{self.style.scalar(key)}: "
            return head + self.style.indented(text, 0, column).lstrip(" ") + self.style.newline
        line = self.line_start(key_node.start)
        alone = not self.text[line : key_node.start].strip()
        source = key_node.start - line
        top = self.comments_above(line, source) if alone else line
        comments = self.text[top:line]
        name = self.text[key_node.start : key_node.end]
        if key_node.data != key:
            name = self.style.scalar(key, key_node.style)
        body = name + self.text[key_node.end : self.next_line(end)]
        if not body.endswith(("\n", "\r")):
            body += self.style.newline
        if comments:
            comments = self.style.indented(comments, source, column)
        return comments + self.style.indented(body, source, column)

    def apart(self, starts: list[int], added: dict[Any, Any]) -> str:
        """Return an empty line where the text has one before its sections."""
        newline = self.style.newline
        apart = any(self.text.endswith(newline * 2, 0, start) for start in starts[1:])
        section = any(not self.style.in_one_line(value) for value in added.values())
        return newline if apart and section else ""

    # --- places ---------------------------------------------------------------------------------

    def found(self, path: Path) -> tuple[Node, Node | None, Node]:
        """Return the parent, the key and the value at a path that exists and is no alias."""
        parent, key, value = self.root, None, self.root
        for part in path:
            parent, key = value, None
            if parent.kind == "mapping":
                own = [pair for pair in parent.pairs if pair[0].data == part]
                if len(own) != 1:
                    self.refuse(parent.start, f"{part} stands here twice, or at an anchor")
                key, value = own[0]
            elif parent.kind == "sequence" and isinstance(part, int):
                value = parent.children[part]
            else:
                self.refuse(parent.start, "an alias stands here")
        self.without_anchors(value, aliases=True)
        return parent, key, value

    def without_anchors(self, node: Node, *, aliases: bool = False) -> None:
        """Refuse what cannot go, or cannot be elsewhere, because of anchors below it."""
        waiting = [node]
        while waiting:
            inner = waiting.pop()
            if inner.anchor is not None or (aliases and inner.kind == "alias"):
                self.refuse(inner.start, "this has an anchor, or an alias that needs one above it")
            waiting += inner.children if inner.kind != "alias" else ()

    def dashes(self, node: Node) -> list[int]:
        """Return the offsets of the dashes before the entries of a block list."""
        dashes = []
        position = node.start
        for child in node.children:
            found = _TO_DASH.match(self.text, position)
            if found is None:
                self.refuse(child.start, "no dash stands before this entry")
            dashes.append(found.end() - 1)
            position = max(found.end(), content_end(child, self.text))
        return dashes

    def colon(self, key: Node) -> int:
        """Return the offset behind a key's colon."""
        found = _TO_COLON.match(self.text, key.end)
        if found is None:
            self.refuse(key.start, "no colon stands behind this key (a question mark before it)")
        return found.end()


def content_end(node: Node, text: str) -> int:
    """Return where a value's last sign ends; a block of text ends before its line break."""
    while node.kind in ("mapping", "sequence") and not node.flow and node.children:
        node = node.children[-1]
    if node.kind != "scalar" or node.style not in ("|", ">"):
        return node.end
    body = text[node.start : node.end]
    if "+" in body.splitlines()[0]:
        return node.start + len(re.sub(r"(\r\n|\r|\n)\Z", "", body))
    return node.start + len(body.rstrip(" \t\r\n"))
