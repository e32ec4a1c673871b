"""Which lines of a TOML text change so that it says an edited tree, and no others."""

from collections.abc import Mapping
from typing import Any

from stacks.edit import REMOVED, Moved, plain
from stacks.paths import Path, spell
from stacks.toml_entries import NewText
from stacks.toml_nodes import Node, Statement


class Writer(NewText):
    """Writes the changed tables of a tree over their text."""

    def written(
        self, before: Mapping[str, Any], tree: dict[Any, Any], moves: dict[Path, Moved]
    ) -> str:
        """Return the text that says `tree`; EditRefused is raised for what cannot be written."""
        self.moved = set(moves)
        self._table(self.root, before, tree, ())
        result = self.result()
        # A text whose first lines went begins with no empty line that was not there before.
        return result if self.text[:1] in ("\r", "\n") else result.removeprefix(self.newline)

    # --- tables under headers -------------------------------------------------------------------

    def _table(self, node: Node, old: Any, new: dict[str, Any], path: Path) -> None:
        """Write the changes of a table made by a header or by dotted keys."""
        assert isinstance(node.entries, dict)  # noqa: S101 - its kind says so
        added = {}
        renamed = self._renamed(node, new, path)
        for name, inner in node.entries.items():
            wanted = new.get(name, REMOVED)
            if name in renamed or self._change(inner, old[name], wanted, (*path, name)):
                continue
            self._remove((*path, name))
            if wanted is not REMOVED:
                added[name] = wanted
        for name, value in new.items():
            if name not in node.entries and value is not REMOVED and name not in renamed.values():
                added[name] = value
        if added:
            self._add(node, added, path)

    def _change(self, node: Node, old: Any, new: Any, path: Path) -> bool:
        """Write a changed value in its place; False where its lines have to go."""
        if new is old:
            return True
        if new is REMOVED:
            return False
        if node.kind == "table" and isinstance(new, dict) and new:
            self._table(node, old, new, path)
        elif node.kind == "tables" and isinstance(new, list) and len(new) >= len(node.entries) > 0:
            return self._tables(node, old, new, path)
        elif node.kind == "inline" and isinstance(new, dict) and new:
            self._inline(node, old, new, path)
        elif node.kind == "array" and isinstance(new, list) and len(new) >= len(node.entries):
            self._array(node, old, new, path)
        elif node.kind in ("table", "tables"):
            return False
        else:
            self.replace(node.start, node.end, self.value(new, self.text[node.start]))
        return True

    def _tables(self, node: Node, old: Any, new: list[Any], path: Path) -> bool:
        assert isinstance(node.entries, list)  # noqa: S101 - its kind says so
        if not all(isinstance(it, dict) and it for it in new if it is not REMOVED):
            return False
        for index, inner in enumerate(node.entries):
            if new[index] is REMOVED:
                self._remove((*path, index))
            elif new[index] is not old[index]:
                self._table(inner, old[index], new[index], (*path, index))
        names = [part for part in path if isinstance(part, str)]
        sections = [self.section(names, it, "[[", "]]") for it in new[len(node.entries) :]]
        if sections:
            self._insert_sections(path, sections)
        return True

    def _renamed(self, node: Node, new: dict[str, Any], path: Path) -> dict[str, str]:
        """Rename keys in place that are moved within their table; return old and new names."""
        renamed: dict[str, str] = {}
        assert isinstance(node.entries, dict)  # noqa: S101 - its kind says so
        for name, value in new.items():
            if not isinstance(value, Moved) or value.path[:-1] != path or name in node.entries:
                continue
            old = str(value.path[-1])
            if new.get(old) is not REMOVED:
                continue
            for span in self.names_of(value.path):
                self.replace(*span, self.key(name))
            renamed[old] = name
        return renamed

    def _remove(self, path: Path) -> None:
        """Take out the lines of whatever defines `path`, or anything below it."""
        numbers = [number for number, _ in self.defining(path)]
        if not numbers:
            self.refuse(0, f"{spell(path)} has no lines of its own")
        runs = [[numbers[0], numbers[0]]]
        for number in numbers[1:]:
            if number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        for first, last in runs:
            statement = self.statements[first]
            start = self.line_start(statement.start)
            if path in self.moved:
                start = self.comments_above(start, statement.start - start)
            if statement.header:
                start = self._without_empty_line(start)
            self.replace(start, self.next_line(self.statements[last].end), "")

    def _without_empty_line(self, start: int) -> int:
        """Return the offset of the empty line before a section, if one is there."""
        if self.text.endswith(self.newline * 2, 0, start):
            return start - len(self.newline)
        return start

    # --- new lines ------------------------------------------------------------------------------

    def _add(self, node: Node, added: dict[str, Any], path: Path) -> None:
        """Put keys behind the last one of a table, and tables behind its last section."""
        own = [statement for statement in node.statements if not statement.header]
        header = next((it for it in node.statements if it.header), None)
        dotted = [
            statement
            for _, statement in self.defining(path)
            if not statement.header and len(self.paths[id(statement.table)]) < len(path)
        ]
        names = [part for part in path if isinstance(part, str)]
        if dotted:
            table = self.paths[id(dotted[-1].table)]
            prefix = ".".join(self.key(str(part)) for part in path[len(table) :]) + "."
            self._insert_pairs(dotted[-1], {prefix: added})
            return
        pairs = {name: value for name, value in added.items() if not self.in_sections(value)}
        rest = {name: value for name, value in added.items() if name not in pairs}
        if pairs and (own or header):
            self._insert_pairs(own[-1] if own else header, {"": pairs})
        elif pairs and node is self.root:
            body = self.pairs(pairs, "")
            offset = self._before_sections()
            end = self.newline if self.statements else ""
            self.insert_lines(offset, body + end, rank=-1)  # before any header put there
        elif pairs:
            first = next(statement for _, statement in self.defining(path))
            start = self.line_start(first.start)
            start = self.comments_above(start, first.start - start)
            self.insert_lines(start, self.section(names, pairs, "[", "]") + self.newline)
        if rest:
            self._insert_sections(path, list(self.sections(names, rest)))

    def _insert_pairs(self, last: Statement | None, groups: dict[str, dict[str, Any]]) -> None:
        """Put `key = value` lines behind a statement, indented as it or its neighbours are."""
        assert last is not None  # noqa: S101 - one of the two was found
        indentation = self.indentation(last.start) or ""
        if last.header:
            following = [
                it for it in self.statements if not it.header and it.table is not self.root
            ]
            inner = (self.indentation(following[0].start) or "") if following else ""
            indentation += inner
        body = "".join(
            self.pairs(
                {f"{prefix}{self.key(key)}": value for key, value in pairs.items()},
                indentation,
                keys=True,
            )
            for prefix, pairs in groups.items()
        )
        self.insert_lines(self.next_line(last.end), body, rank=-1)

    def _insert_sections(self, path: Path, sections: list[str]) -> None:
        """Put sections behind the last line of a table and all that is below it."""
        last = [statement for _, statement in self.defining(path)][-1:]
        if not last:
            self.insert_lines(len(self.text), self.newline.join(sections))
            return
        body = "".join(self.newline + section for section in sections)
        offset = self.next_line(last[0].end)
        if self.text[offset - 1] not in "\r\n":
            body = self.newline + body.removesuffix(self.newline)
        self.replace(offset, offset, body)

    def _before_sections(self) -> int:
        """Return where the keys of no table end: before the first header and its comments."""
        if not self.statements:
            return len(self.text)
        start = self.line_start(self.statements[0].start)
        return self.comments_above(start, self.statements[0].start - start)

    # --- values in brackets ---------------------------------------------------------------------

    def _inline(self, node: Node, old: Any, new: dict[str, Any], path: Path) -> None:
        keep = []
        for statement in node.statements:
            name = statement.names[0]
            wanted = new.get(name, REMOVED)
            if len(statement.names) > 1:
                self.replace(node.start, node.end, self.value(plain(new)))
                return
            keep.append(wanted is not REMOVED)
            if wanted is not REMOVED:
                self._change_or_replace(statement.node, old[name], wanted, (*path, name))
        added = {
            name: value
            for name, value in new.items()
            if value is not REMOVED and isinstance(node.entries, dict) and name not in node.entries
        }
        if all(keep) and not added:
            return
        spans = [(statement.start, statement.end) for statement in node.statements]
        pairs = [f"{self.key(name)} = {self.value(it)}" for name, it in added.items()]
        self.in_brackets((node.start, node.end), spans, keep, pairs, " ")

    def _array(self, node: Node, old: Any, new: list[Any], path: Path) -> None:
        assert isinstance(node.entries, list)  # noqa: S101 - its kind says so
        entries = node.entries
        for index, inner in enumerate(entries):
            if new[index] is not REMOVED:
                self._change_or_replace(inner, old[index], new[index], (*path, index))
        keep = [wanted is not REMOVED for wanted in new[: len(entries)]]
        quote = self.text[entries[-1].start] if entries else ""
        added = [self.value(it, quote) for it in new[len(entries) :] if it is not REMOVED]
        if all(keep) and not added:
            return
        spans = [(inner.start, inner.end) for inner in entries]
        self.in_brackets((node.start, node.end), spans, keep, added)

    def _change_or_replace(self, node: Node, old: Any, new: Any, path: Path) -> None:
        if not self._change(node, old, new, path):
            self.replace(node.start, node.end, self.value(new))
