"""Which characters of a YAML text change so that it says an edited tree, and no others."""

import re
from typing import Any, NoReturn

from stacks.edit import REMOVED, EditRefused, Moved
from stacks.paths import Path, spell
from stacks.source import Lines
from stacks.yaml_data import MERGE
from stacks.yaml_nodes import Node
from stacks.yaml_style import Style

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(\r\n|\r|\n|\Z)")
_TO_DASH = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*-")
_TO_COLON = re.compile(r"[ \t]*:")
_COMMENT = re.compile(r"(?:^|[ \t])#", re.MULTILINE)
_COMMENT_LINE = re.compile(r"( *)#[^\r\n]*(?:\r\n|\r|\n)")


class Writer:
    """Collects the splices, each (start, end, text) of the text as it was, that never overlap."""

    def __init__(self, lines: Lines, root: Node, style: Style, moves: dict[Path, Moved]) -> None:
        self.lines = lines
        self.text = lines.text
        self.root = root
        self.style = style
        self.moves = moves
        self.splices: list[tuple[int, int, str]] = []

    def written(self, tree: dict[Any, Any]) -> str:
        """Return the text that says `tree`; EditRefused is raised for what cannot be written."""
        self._value(self.root, tree, ())
        result = []
        position = 0
        for start, end, new in sorted(self.splices, key=lambda splice: splice[:2]):
            if start < position:
                raise EditRefused(self._line(start), "two edits concern the same characters")
            result += [self.text[position:start], new]
            position = end
        return "".join([*result, self.text[position:]])

    # --- values ---------------------------------------------------------------------------------

    def _value(self, node: Node, new: Any, path: Path) -> bool:
        """Write a changed value in its place; False where it must be replaced as a whole."""
        if node.kind == "alias" or node.anchor is not None:
            self._refuse(node, f"{spell(path)} is shared by an anchor and its aliases")
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
                self._refuse(key, f"{key.data} stands here twice")
            if wanted is REMOVED and key.data in renamed:
                self._cut(key.start, key.end, self.style.scalar(renamed[key.data], key.style))
            keep.append(wanted is not REMOVED or key.data in renamed)
            if wanted is not value.data and wanted is not REMOVED:
                inner = (*path, key.data)
                if not self._value(value, wanted, inner):
                    self._replace(node, key, value, wanted)
        merged = node.data if MERGE in keys else {}
        if any(new.get(key) is not value for key, value in merged.items() if key not in keys):
            self._refuse(node, f"a part of {spell(path)} stands at an anchor")
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
            self._colon(key)
        starts = [key.start for key in node.children[::2]]
        ends = [content_end(value, self.text) for value in node.children[1::2]]
        if node.flow:
            entries = [f"{self.style.scalar(key)}: {self._flat(it)}" for key, it in added.items()]
            self._flow(node, starts, ends, keep, entries)
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
            quote = children[-1].style if children else None
            starts = [child.start for child in children]
            entries = [self.style.flow(value, quote) for value in added]
            self._flow(node, starts, ends, keep, entries)
        else:
            self._block(node, self._dashes(node), ends, keep, added, path)

    def _replace(self, parent: Node, key: Node | None, value: Node, new: Any) -> None:
        """Write a value over another one, with the comment beside it kept."""
        self._without_anchors(value)
        end = content_end(value, self.text)
        begin = value.start if key is None else self._colon(key)
        inline = parent.flow or self.style.in_one_line(new) or key is None
        if value.start == end:
            before = self.text[begin - 1 : begin] if key is None else ":"
            text = self._flat(new) if inline else ""
            if inline:
                self._cut(begin, begin, text if before == " " else f" {text}")
        elif inline and (parent.flow or not self._breaks(begin, value.start)):
            self._cut(value.start, end, self.style.flow(new, value.style))
        elif inline:
            self._cut(begin, begin, f" {self.style.flow(new)}")
            self._cut(self._rest(begin) - len(self._break_at(begin)), end, "")
        if inline:
            return
        assert key is not None  # noqa: S101 - `inline` is True without one
        column = self._column(key.start)
        body = self._lines_of(new, column)
        if value.start != end and self._breaks(begin, value.start):
            self._cut(self._rest(begin), self._rest(end), body)
        else:
            self._cut(begin, end, "")
            self._insert_lines(self._rest(end), body)

    # --- entries of collections -----------------------------------------------------------------

    def _flow(
        self, node: Node, starts: list[int], ends: list[int], keep: list[bool], entries: list[str]
    ) -> None:
        """Take entries out of, and put entries at the end of, a collection in brackets."""
        text = self.text
        if text[node.start : node.start + 1] not in ("{", "["):
            self._refuse(node, "this pair stands in a list without braces")
        if not any(keep):
            brace = self.style.brace if node.kind == "mapping" and entries else ""
            self._cut(node.start + 1, node.end - 1, brace + ", ".join(entries) + brace)
            return
        last = max(index for index, kept in enumerate(keep) if kept)
        for index, kept in enumerate(keep):
            if kept:
                continue
            if "#" in text[ends[index] : [*starts, node.end][index + 1]]:
                self._refuse(node, "a comment stands between the entries")
            if index < last:
                self._cut(starts[index], starts[index + 1], "")
        if last < len(keep) - 1:
            self._cut(ends[last], ends[-1], "")
        if entries:
            self._append_flow(node, starts, ends, last, entries)

    def _append_flow(
        self, node: Node, starts: list[int], ends: list[int], last: int, entries: list[str]
    ) -> None:
        whole_line = self.text[self.lines.line_start(starts[last]) : starts[last]]
        if "\n" not in self.text[node.start : node.end] or whole_line.strip():
            self._cut(ends[last], ends[last], "".join(f", {entry}" for entry in entries))
            return
        comma = self.text[ends[last] :].lstrip(" \t").startswith(",")
        after = self.text.index(",", ends[last]) + 1 if comma else ends[last]
        if not comma:
            self._cut(after, after, ",")
        separator = f",{self.style.newline}{whole_line}"
        body = whole_line + separator.join(entries) + ("," if comma else "")
        self._insert_lines(self._rest(after), body + self.style.newline)

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
        first = self.lines.line_start(starts[0])
        own_line = not self.text[first : starts[0]].strip()
        column = self._column(starts[0])
        body = self._entries(added, column)
        if added and node is self.root and isinstance(added, dict):
            body = self._apart(starts, added) + body
        cuts = [index for index, kept in enumerate(keep) if not kept]
        for index in cuts:
            self._without_anchors(
                node.children[index if node.kind == "sequence" else 2 * index + 1]
            )
        kept = [index for index, it in enumerate(keep) if it]
        if not own_line and cuts[:1] == [0]:
            cuts = self._cut_behind_dash(starts, ends, kept, cuts, body)
            body = body if kept else ""
        for index in cuts:
            start = self._chunk_start(node, starts, index, path)
            self._cut(start, self._rest(ends[index]), "")
        if not kept and own_line:
            empty = f"{{}}{self.style.newline}" if node is self.root else ""
            self.splices.append((first, first, body or empty))
        elif body:
            self._insert_lines(self._rest(ends[kept[-1]]), body)

    def _cut_behind_dash(
        self, starts: list[int], ends: list[int], kept: list[int], cuts: list[int], body: str
    ) -> list[int]:
        """Take out the first entries of a block that begins behind a dash; return the others."""
        if not kept:
            self._cut(starts[0], self._rest(ends[0]), body.lstrip(" "))
            return cuts[1:]
        next_start = starts[kept[0]]
        gaps = "".join(
            self.text[self._rest(ends[index]) : self.lines.line_start(starts[index + 1])]
            for index in range(kept[0])
        )
        if not gaps.strip():
            self._cut(starts[0], next_start, "")
            return [index for index in cuts if index > kept[0]]
        dash = len(self.text[: starts[0]].rstrip(" \t"))
        self._cut(dash, self._rest(ends[0]), self.style.newline)
        return cuts[1:]

    def _chunk_start(self, node: Node, starts: list[int], index: int, path: Path) -> int:
        """Return where an entry's lines begin; of one that is moved, with the comments above."""
        start = self.lines.line_start(starts[index])
        if self.text[start : starts[index]].strip():
            raise EditRefused(self._line(start), "something else begins in this line")
        name = node.children[2 * index].data if node.kind == "mapping" else index
        if (*path, name) not in self.moves:
            return start
        return self._comments_above(start, starts[index] - start)

    def _comments_above(self, start: int, column: int) -> int:
        """Return where the comment lines directly above begin; a file's header is none."""
        top = start
        while top > 0:
            line = self.lines.line_start(top - 1)
            found = _COMMENT_LINE.fullmatch(self.text, line, top)
            if found is None or len(found[1]) != column:
                return top
            top = line
        return start

    # --- new text -------------------------------------------------------------------------------

    def _entries(self, added: dict[Any, Any] | list[Any], column: int) -> str:
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
        return start + self.style.newline + self._lines_of(value, column)

    def _flat(self, value: Any) -> str:
        """Return a value in one line; comments of what is moved there would be lost."""
        waiting = [value]
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, dict):
                waiting += inner.values()
            elif isinstance(inner, Moved):
                parent, key, node = self._found(inner.path)
                end = content_end(node, self.text)
                if not parent.flow and key is not None:
                    start = self.lines.line_start(key.start)
                    start = self._comments_above(start, key.start - start)
                    end = self._rest(end)
                else:
                    start = node.start
                if _COMMENT.search(self.text[start:end]):
                    self._refuse(
                        node, "its comments have no place in a list or mapping in brackets"
                    )
        return self.style.flow(value)

    def _lines_of(self, value: Any, column: int) -> str:
        """Return the lines of a collection that belongs to a key at `column`."""
        deeper = self.style.dash if isinstance(value, list) else self.style.indent
        return self._entries(value, column + deeper)

    def _dashed(self, value: Any, column: int) -> str:
        if isinstance(value, dict) and not self.style.in_one_line(value):
            body = self._entries(value, column + 2)
            return f"{' ' * column}- {body.lstrip(' ')}"
        return f"{' ' * column}- {self.style.flow(value)}{self.style.newline}"

    def _moved(self, key: Any, moved: Moved, column: int) -> str:
        """Return the lines of an entry that stood elsewhere, with its comments."""
        parent, key_node, value = self._found(moved.path)
        end = content_end(value, self.text)
        if key_node is None or parent.flow:
            if key_node is None and not value.flow and value.kind != "scalar":
                if _COMMENT.search(self.text[value.start : end]):
                    self._refuse(value, "this entry of a list has comments")
                return self._entry(key, moved.value, column)
            text = self.text[value.start : end] or "null"
            head = f"{' ' * column}{self.style.scalar(key)}: "
            return head + self.style.indented(text, 0, column).lstrip(" ") + self.style.newline
        line = self.lines.line_start(key_node.start)
        alone = not self.text[line : key_node.start].strip()
        source = key_node.start - line
        top = self._comments_above(line, source) if alone else line
        comments = self.text[top:line]
        name = self.text[key_node.start : key_node.end]
        if key_node.data != key:
            name = self.style.scalar(key, key_node.style)
        body = name + self.text[key_node.end : self._rest(end)]
        if not body.endswith(("\n", "\r")):
            body += self.style.newline
        if comments:
            comments = self.style.indented(comments, source, column)
        return comments + self.style.indented(body, source, column)

    def _apart(self, starts: list[int], added: dict[Any, Any]) -> str:
        """Return an empty line where the text has one before its sections."""
        newline = self.style.newline
        apart = any(self.text[:start].endswith(newline * 2) for start in starts[1:])
        section = any(not self.style.in_one_line(value) for value in added.values())
        return newline if apart and section else ""

    # --- places ---------------------------------------------------------------------------------

    def _found(self, path: Path) -> tuple[Node, Node | None, Node]:
        """Return the parent, the key and the value at a path that exists and is no alias."""
        parent, key, value = self.root, None, self.root
        for part in path:
            parent, key = value, None
            if parent.kind == "mapping":
                own = [pair for pair in parent.pairs if pair[0].data == part]
                if len(own) != 1:
                    self._refuse(parent, f"{part} stands here twice, or at an anchor")
                key, value = own[0]
            elif parent.kind == "sequence" and isinstance(part, int):
                value = parent.children[part]
            else:
                self._refuse(parent, "an alias stands here")
        self._without_anchors(value, aliases=True)
        return parent, key, value

    def _without_anchors(self, node: Node, *, aliases: bool = False) -> None:
        waiting = [node]
        while waiting:
            inner = waiting.pop()
            if inner.anchor is not None or (aliases and inner.kind == "alias"):
                self._refuse(inner, "this has an anchor, or an alias that needs one above it")
            waiting += inner.children if inner.kind != "alias" else ()

    def _dashes(self, node: Node) -> list[int]:
        dashes = []
        position = node.start
        for child in node.children:
            found = _TO_DASH.match(self.text, position)
            if found is None:
                self._refuse(child, "no dash stands before this entry")
            dashes.append(found.end() - 1)
            position = max(found.end(), content_end(child, self.text))
        return dashes

    def _colon(self, key: Node) -> int:
        """Return the offset behind a key's colon."""
        found = _TO_COLON.match(self.text, key.end)
        if found is None:
            self._refuse(key, "no colon stands behind this key (a question mark before it)")
        return found.end()

    def _rest(self, offset: int) -> int:
        """Return where the next line begins; nothing but a comment may stand before it."""
        found = _REST_OF_LINE.match(self.text, offset)
        if found is None:
            raise EditRefused(self._line(offset), "something else stands behind in this line")
        return found.end()

    def _break_at(self, offset: int) -> str:
        found = _REST_OF_LINE.match(self.text, offset)
        return found[1] if found else ""

    def _breaks(self, start: int, end: int) -> bool:
        return "\n" in self.text[start:end] or "\r" in self.text[start:end]

    def _column(self, offset: int) -> int:
        return offset - self.lines.line_start(offset)

    def _insert_lines(self, offset: int, body: str) -> None:
        if offset and self.text[offset - 1] not in "\r\n":  # the last line has no end
            body = self.style.newline + body.removesuffix(self.style.newline)
        self.splices.append((offset, offset, body))

    def _cut(self, start: int, end: int, new: str) -> None:
        self.splices.append((start, end, new))

    def _line(self, offset: int) -> str:
        return f"line {self.lines.place(offset).line}"

    def _refuse(self, node: Node, why: str) -> NoReturn:
        raise EditRefused(self._line(node.start), why)


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
