"""How pairs and tables are written into a TOML text, or brought from one place of it to another."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from stacks.edit import REMOVED, Moved
from stacks.paths import Path
from stacks.source import Lines
from stacks.splices import Splices
from stacks.toml_nodes import Node, Statement

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class NewText(Splices):
    """Texts for tables, with the text of what is moved taken from where it stands."""

    def __init__(self, lines: Lines, root: Node, statements: list[Statement]) -> None:
        super().__init__(lines)
        self.root = root
        self.statements = statements
        self.paths: dict[int, Path] = {}
        self.places: dict[Path, Node] = {}
        self._place(root, ())
        self.order = {id(statement.node): number for number, statement in enumerate(statements)}
        self.quote = "'" if re.search(r"= *'", self.text) and '= "' not in self.text else '"'
        self.moved: set[Path] = set()
        self._defining: dict[Path, list[tuple[int, Statement]]] = {}
        for number, statement in enumerate(statements):
            path = self.paths[id(statement.node)]
            for length in range(len(path) + 1):
                self._defining.setdefault(path[:length], []).append((number, statement))

    def _place(self, node: Node, path: Path) -> None:
        self.paths[id(node)] = path
        self.places[path] = node
        entries = node.entries
        for name, inner in entries.items() if isinstance(entries, dict) else enumerate(entries):
            self._place(inner, (*path, name))

    def defining(self, path: Path) -> list[tuple[int, Statement]]:
        """Return the statements, with their numbers, that define `path` or what is below it."""
        return self._defining.get(path, [])

    def names_of(self, path: Path) -> Iterator[tuple[int, int]]:
        """Yield where the last part of a path is written, in headers and in dotted keys."""
        for _, statement in self.defining(path):
            table = () if statement.header else self.paths[id(statement.table)]
            below = [part for part in path[len(table) :] if isinstance(part, str)]
            if below:
                yield statement.spans[len(below) - 1]

    def pairs(self, pairs: dict[str, Any], indentation: str, *, keys: bool = False) -> str:
        """Return the lines of keys with values; `keys` tells that the names are keys already."""
        lines = []
        for name, value in pairs.items():
            key = name if keys else self.key(name)
            if isinstance(value, Moved):
                lines.append(self._moved(key, value, indentation))
            else:
                lines.append(f"{indentation}{key} = {self.value(value)}{self.newline}")
        return "".join(lines)

    def _moved(self, key: str, moved: Moved, indentation: str) -> str:
        """Return the lines of a pair that stood elsewhere, with its comments."""
        node = self.places[moved.path]
        if node.kind in ("table", "tables"):
            return f"{indentation}{key} = {self.value(moved)}{self.newline}"
        value = self.text[node.start : node.end]
        number = self.order.get(id(node))
        if number is None:
            return f"{indentation}{key} = {value}{self.newline}"
        statement = self.statements[number]
        start = self.line_start(statement.start)
        top = self.comments_above(start, statement.start - start)
        comments = "".join(
            indentation + line.lstrip(" \t")
            for line in self.text[top:start].splitlines(keepends=True)
        )
        rest = self.text[node.end : self.next_line(statement.end)]
        if not rest.endswith(("\n", "\r")):
            rest += self.newline
        return f"{comments}{indentation}{key} = {value}{rest}"

    def sections(self, names: list[str], tables: dict[str, Any]) -> Iterator[str]:
        """Yield the sections that say tables, and lists of tables, below a table."""
        for name, value in tables.items():
            inner = [*names, name]
            if isinstance(value, Moved):
                self._refuse_comments(value)
                value = value.value  # noqa: PLW2901 - the same, without its text
            if isinstance(value, dict):
                yield self.section(inner, value, "[", "]")
            else:
                for entry in value:
                    if entry is not REMOVED:
                        yield self.section(inner, entry, "[[", "]]")

    def section(self, names: list[str], table: dict[str, Any], opening: str, closing: str) -> str:
        """Return a table's lines under a header, and those of the tables below it."""
        entries = {name: value for name, value in table.items() if value is not REMOVED}
        pairs = {name: it for name, it in entries.items() if not self.in_sections(it)}
        rest = {name: it for name, it in entries.items() if name not in pairs}
        header = f"{opening}{'.'.join(map(self.key, names))}{closing}{self.newline}"
        if not pairs and rest and opening == "[":
            header = ""
        body = [self.pairs(pairs, self.habit())] if pairs or header else []
        first = [header + "".join(body)] if header or pairs else []
        return self.newline.join([*first, *self.sections(names, rest)])

    def habit(self) -> str:
        """Return how far keys stand below their header in this text."""
        below = (it for it in self.statements if not it.header and it.table is not self.root)
        first = next(below, None)
        return (self.indentation(first.start) or "") if first else ""

    def in_sections(self, value: Any) -> bool:
        """Tell whether a value is written under headers of its own."""
        if isinstance(value, Moved):
            return self.places[value.path].kind in ("table", "tables")
        if isinstance(value, dict):
            return any(it is not REMOVED for it in value.values())
        tables = [it for it in value if it is not REMOVED] if isinstance(value, list) else []
        return bool(tables) and all(isinstance(it, dict) and it for it in tables)

    def _refuse_comments(self, moved: Moved) -> None:
        for _, statement in self.defining(moved.path):
            start = self.line_start(statement.start)
            top = self.comments_above(start, statement.start - start)
            if self.has_comment(top, self.next_line(statement.end)):
                self.refuse(top, "a table that is to be moved has comments")

    def key(self, name: str) -> str:
        """Return a key's text."""
        return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)

    def value(self, value: Any, quote: str = "") -> str:
        """Return a value in one line; `quote` is that of its neighbours or of what was there."""
        if isinstance(value, Moved):
            self._refuse_comments(value)
            return self.value(value.value)
        if isinstance(value, str):
            return self._string(value, quote if quote in ("'", '"') else self.quote)
        if isinstance(value, bool | int | float):
            return repr(value).lower()
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        return self._in_brackets(value)

    def _in_brackets(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [
                f"{self.key(str(name))} = {self.value(it)}"
                for name, it in value.items()
                if it is not REMOVED
            ]
            return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self.value(it) for it in value if it is not REMOVED) + "]"
        return self.refuse(0, f"TOML has no {type(value).__name__}")

    def _string(self, text: str, quote: str) -> str:
        if quote == "'" and "'" not in text and text.isprintable():
            return f"'{text}'"
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
