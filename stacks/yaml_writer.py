"""Which characters of a YAML text change so that it says an edited tree, and no others."""

from dataclasses import replace
from typing import Any

from stacks.edit import REMOVED, Moved
from stacks.paths import Path, spell
from stacks.yaml_data import MERGE
from stacks.yaml_entries import InBrackets, NewText, content_end
from stacks.yaml_nodes import Node
from stacks.yaml_style import quote_of


class Writer(NewText):
    """Writes the changed nodes of a tree over their text."""

    def written(self, tree: dict[Any, Any]) -> str:
        """Return the text that says `tree`; EditRefused is raised for what cannot be written."""
        self._value(self.root, tree, ())
        return self.result()

    # --- values ---------------------------------------------------------------------------------

    def _value(self, node: Node, new: Any, path: Path) -> bool:
        """Write a changed value in its place; False where it must be replaced as a whole."""
        if node.kind == "alias" or node.anchor is not None:
            self.refuse(node.start, f"{spell(path)} is shared by an anchor and its aliases")
        if node.kind == "mapping" and isinstance(new, dict) and new and type(node.data) is dict:
            self._mapping(node, new, path)
        elif (
            node.kind == "sequence"
            and isinstance(new, list)
            and len(new) >= max(1, len(node.children))
            and type(node.data) is list
        ):
            self._sequence(node, new, path)
        else:
            return False
        return True

    def _mapping(self, node: Node, new: dict[Any, Any], path: Path) -> None:
        keys = [key.data for key in node.children[::2]]
        renamed = {
            value.path[-1]: name
            for name, value in new.items()
            if isinstance(value, Moved)
            and value.path[:-1] == path
            and name not in keys
            and new.get(value.path[-1]) is REMOVED
        }
        keep = []
        for key, value in node.pairs:
            wanted = value.data if key.data is MERGE else new.get(key.data, REMOVED)
            if wanted is not value.data and keys.count(key.data) > 1:
                self.refuse(key.start, f"{key.data} stands here twice")
            if wanted is REMOVED and key.data in renamed:
                self.replace(key.start, key.end, self.style.scalar(renamed[key.data], key.style))
            keep.append(wanted is not REMOVED or key.data in renamed)
            if wanted is not value.data and wanted is not REMOVED:
                inner = (*path, key.data)
                if not self._value(value, wanted, inner):
                    self._replace(node, key, value, wanted)
        merged = node.data if MERGE in keys else {}
        if any(new.get(key) is not value for key, value in merged.items() if key not in keys):
            self.refuse(node.start, f"a part of {spell(path)} stands at an anchor")
        added = {
            key: value
            for key, value in new.items()
            if value is not REMOVED
            and key not in keys
            and key not in merged
            and key not in renamed.values()
        }
        if all(keep) and not added:
            return
        for key in () if node.flow else node.children[::2]:
            self.colon(key)
        starts = [key.start for key in node.children[::2]]
        ends = [content_end(value, self.text) for value in node.children[1::2]]
        if node.flow:
            entries = [f"{self.style.scalar(key)}: {self.flat(it)}" for key, it in added.items()]
            self._flow(node, list(zip(starts, ends, strict=True)), keep, entries)
        else:
            self._block(node, starts, ends, keep, added, path)

    def _sequence(self, node: Node, new: list[Any], path: Path) -> None:
        children = node.children
        for index, child in enumerate(children):
            wanted = new[index]
            if wanted is child.data or wanted is REMOVED:
                continue
            if not self._value(child, wanted, (*path, index)):
                self._replace(node, None, child, wanted)
        keep = [wanted is not REMOVED for wanted in new[: len(children)]]
        added = [value for value in new[len(children) :] if value is not REMOVED]
        if all(keep) and not added:
            return
        ends = [content_end(child, self.text) for child in children]
        if node.flow:
            quote = quote_of(children[-1]) if children else None
            starts = [child.start for child in children]
            entries = [self.style.flow(value, quote) for value in added]
            self._flow(node, list(zip(starts, ends, strict=True)), keep, entries)
        else:
            if children[-1].flow:
                added = self._as(children[-1], added)
            self._block(node, self.dashes(node), ends, keep, added, path)

    def _as(self, neighbour: Node, added: list[Any]) -> list[Any]:
        """Return entries written in one line as their neighbour in brackets is."""
        quote = quote_of(neighbour)
        brace = " " if self.text[neighbour.start + 1 : neighbour.start + 2] == " " else ""
        style = replace(self.style, brace=brace)
        return [InBrackets(style.flow(value, quote)) for value in added]

    def _replace(self, parent: Node, key: Node | None, value: Node, new: Any) -> None:
        """Write a value over another one, with the comment beside it kept."""
        self.without_anchors(value)
        end = content_end(value, self.text)
        begin = value.start if key is None else self.colon(key)
        inline = parent.flow or self.style.in_one_line(new) or key is None
        if value.start == end:
            before = self.text[begin - 1 : begin] if key is None else ":"
            text = self.flat(new) if inline else ""
            if inline:
                self.replace(begin, begin, text if before == " " else f" {text}")
        elif inline and (parent.flow or not self.breaks(begin, value.start)):
            self.replace(value.start, end, self.style.flow(new, value.style))
        elif inline:
            self.replace(begin, begin, f" {self.style.flow(new)}")
            self.replace(self.line_end(begin), end, "")
        if inline:
            return
        assert key is not None  # noqa: S101 - `inline` is True without one
        column = self.column(key.start)
        body = self.lines_of(new, column)
        if value.start != end and self.breaks(begin, value.start):
            self.replace(self.next_line(begin), self.next_line(end), body)
        else:
            self.replace(begin, end, "")
            self.insert_lines(self.next_line(end), body)

    # --- entries of collections -----------------------------------------------------------------

    def _flow(
        self, node: Node, entries: list[tuple[int, int]], keep: list[bool], added: list[str]
    ) -> None:
        if self.text[node.start : node.start + 1] not in ("{", "["):
            self.refuse(node.start, "this pair stands in a list without braces")
        brace = self.style.brace if node.kind == "mapping" else ""
        self.in_brackets((node.start, node.end), entries, keep, added, brace)

    def _block(
        self,
        node: Node,
        starts: list[int],
        ends: list[int],
        keep: list[bool],
        added: dict[Any, Any] | list[Any],
        path: Path,
    ) -> None:
        """Take whole lines out of a block, and put lines behind its last entry."""
        first = self.line_start(starts[0])
        own_line = not self.text[first : starts[0]].strip()
        column = self.column(starts[0])
        body = self.entries(added, column)
        if added and node is self.root and isinstance(added, dict):
            body = self.apart(starts, added) + body
        cuts = [index for index, kept in enumerate(keep) if not kept]
        for index in cuts:
            self.without_anchors(node.children[index if node.kind == "sequence" else 2 * index + 1])
        kept = [index for index, it in enumerate(keep) if it]
        if not own_line and cuts[:1] == [0]:
            cuts = self._cut_behind_dash(starts, ends, kept, cuts, body)
            body = body if kept else ""
        for index in cuts:
            start = self._chunk_start(node, starts, index, path)
            self.replace(start, self.next_line(ends[index]), "")
        if not kept and own_line:
            empty = f"{{}}{self.style.newline}" if node is self.root else ""
            self.replace(first, first, body or empty)
        elif body:
            self.insert_lines(self.next_line(ends[kept[-1]]), body)

    def _cut_behind_dash(
        self, starts: list[int], ends: list[int], kept: list[int], cuts: list[int], body: str
    ) -> list[int]:
        """Take out the first entries of a block that begins behind a dash; return the others."""
        if not kept:
            self.replace(starts[0], self.next_line(ends[0]), body.lstrip(" "))
            return cuts[1:]
        next_start = starts[kept[0]]
        gaps = "".join(
            self.text[self.next_line(ends[index]) : self.line_start(starts[index + 1])]
            for index in range(kept[0])
        )
        if not gaps.strip():
            self.replace(starts[0], next_start, "")
            return [index for index in cuts if index > kept[0]]
        dash = starts[0]
        while self.text[dash - 1] in " \t":
            dash -= 1
        self.replace(dash, self.next_line(ends[0]), self.style.newline)
        return cuts[1:]

    def _chunk_start(self, node: Node, starts: list[int], index: int, path: Path) -> int:
        """Return where an entry's lines begin; of one that is moved, with the comments above."""
        start = self.line_start(starts[index])
        if self.text[start : starts[index]].strip():
            self.refuse(start, "something else begins in this line")
        name = node.children[2 * index].data if node.kind == "mapping" else index
        if (*path, name) not in self.moves:
            return start
        return self.comments_above(start, starts[index] - start)
