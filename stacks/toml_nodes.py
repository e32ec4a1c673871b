"""Which characters of a TOML text each of its keys and values takes; of a text that is TOML.

The text has been read by `tomllib` before: nothing is checked here, and nothing converted but keys.
"""

import re
import tomllib
from typing import Any

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:[^"\\]|\\.)*"' + r"|'[^']*'", re.DOTALL
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# A date may have a space before its time: 1979-05-27 07:32:00.
_BARE_VALUE = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")

Keys = list[tuple[str, tuple[int, int]]]
"""The names of a dotted key, each with its characters."""


class Node:
    """One value: its characters from `start` to `end`, and the key that it was first named by.

    `kind` is "value", "array", "inline" (a table in braces), "table" (made by a header or by a
    dotted key) or "tables" (an array of tables). A table's own lines are its `statements`.
    """

    __slots__ = ("end", "entries", "key", "kind", "start", "statements")

    def __init__(self, kind: str, start: int, end: int, key: tuple[int, int]) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.key = key
        self.entries: dict[str, Node] | list[Node] = [] if kind in ("array", "tables") else {}
        self.statements: list[Statement] = []


class Statement:
    """One `key = value`, or a header in brackets, with its characters and those of its names."""

    __slots__ = ("end", "header", "names", "node", "spans", "start", "table")

    def __init__(self, start: int, end: int, keys: Keys, node: Node, table: Node) -> None:
        self.start = start
        self.end = end
        self.names = [name for name, _ in keys]
        self.spans = [span for _, span in keys]
        self.node = node
        self.table = table
        self.header = False


def scan(text: str) -> tuple[Node, list[Statement]]:
    """Return the root table of a text that tomllib has read, and its statements in order."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.root = Node("table", 0, len(text), (0, 0))
        self.statements: list[Statement] = []

    def scan(self) -> tuple[Node, list[Statement]]:
        text = self.text
        table = self.root
        position = self._skip(0)
        while position < len(text):
            start = position
            if text[position] == "[":
                table, position, keys = self._header(position)
                statement = Statement(start, position, keys, table, table)
                statement.header = True
            else:
                node, position, keys = self._pair(position, table)
                statement = Statement(start, position, keys, node, table)
            table.statements.append(statement)
            self.statements.append(statement)
            position = self._skip(position)
        return self.root, self.statements

    def _skip(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def _header(self, position: int) -> tuple[Node, int, Keys]:
        several = self.text.startswith("[[", position)
        keys, position = self._keys(position + (2 if several else 1))
        table = self.root
        for name, span in keys[:-1]:
            table = _inner(table, name, span)
        name, span = keys[-1]
        if several:
            tables = _entry(table, name, Node("tables", span[0], span[1], span))
            node = Node("table", span[0], span[1], span)
            if isinstance(tables.entries, list):
                tables.entries.append(node)
        else:
            node = _inner(table, name, span)
        return node, position + (2 if several else 1), keys

    def _keys(self, position: int) -> tuple[Keys, int]:
        """Return the names of a dotted key with their characters, and where it ends."""
        keys = []
        while True:
            position = self._blank(position)
            quoted = self.text[position] in "\"'"
            found = (_STRING if quoted else _BARE_KEY).match(self.text, position)
            if found is None:
                raise ValueError(position)
            name = _unquoted(found[0]) if quoted else found[0]
            keys.append((name, found.span()))
            position = self._blank(found.end())
            if self.text[position] != ".":
                return keys, position
            position += 1

    def _blank(self, position: int) -> int:
        found = _BLANK.match(self.text, position)
        return found.end() if found else position

    def _pair(self, position: int, table: Node) -> tuple[Node, int, Keys]:
        keys, position = self._keys(position)
        for name, span in keys[:-1]:
            table = _inner(table, name, span)
        name, span = keys[-1]
        node = self._value(self._blank(position + 1), span)
        _entry(table, name, node)
        return node, node.end, keys

    def _value(self, position: int, key: tuple[int, int]) -> Node:
        sign = self.text[position]
        if sign == "[":
            return self._array(position, key)
        if sign == "{":
            return self._inline(position, key)
        found = (_STRING if sign in "\"'" else _BARE_VALUE).match(self.text, position)
        if found is None:
            raise ValueError(position)
        return Node("value", position, found.end(), key)

    def _array(self, position: int, key: tuple[int, int]) -> Node:
        node = Node("array", position, position, key)
        position = self._skip(position + 1)
        while self.text[position] != "]":
            entry = self._value(position, (position, position))
            entry.key = (entry.start, entry.end)
            if isinstance(node.entries, list):
                node.entries.append(entry)
            position = self._skip(entry.end)
            if self.text[position] == ",":
                position = self._skip(position + 1)
        node.end = position + 1
        return node

    def _inline(self, position: int, key: tuple[int, int]) -> Node:
        node = Node("inline", position, position, key)
        position = self._skip(position + 1)
        while self.text[position] != "}":
            start = position
            value, position, keys = self._pair(position, node)
            node.statements.append(Statement(start, position, keys, value, node))
            position = self._skip(position)
            if self.text[position] == ",":
                position = self._skip(position + 1)
        node.end = position + 1
        return node


def _inner(table: Node, name: str, span: tuple[int, int]) -> Node:
    """Return the table of a name, made where it is missing; of several, the last."""
    node = _entry(table, name, Node("table", span[0], span[1], span))
    if node.kind == "tables" and isinstance(node.entries, list):
        return node.entries[-1]
    return node


def _entry(table: Node, name: str, node: Node) -> Node:
    if not isinstance(table.entries, dict):  # of a text that tomllib refused
        return node
    return table.entries.setdefault(name, node)


def _unquoted(key: str) -> str:
    if key[0] == "'" or "\\" not in key:
        return key[1:-1]
    value: Any = tomllib.loads(f"k = {key}")["k"]
    return str(value)
