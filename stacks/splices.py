"""Which characters of a text are replaced, so that all others stay as they are."""

import re
from typing import NoReturn

from stacks.edit import EditRefused
from stacks.source import Lines

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(\r\n|\r|\n|\Z)")
_COMMENT_LINE = re.compile(r"([ \t]*)#[^\r\n]*(?:\r\n|\r|\n)")
_COMMENT = re.compile(r"(?:^|[ \t])#", re.MULTILINE)
_TO_COMMA = re.compile(r"[ \t\r\n]*,")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Splices:
    """Collects replacements, each of the text as it was; where two meet, the first comes first."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.text = lines.text
        line_break = _LINE_BREAK.search(self.text)
        self.newline = line_break[0] if line_break else "\n"
        self._splices: list[tuple[int, int, int, str]] = []

    def result(self) -> str:
        """Return the text with every replacement made."""
        parts = []
        position = 0
        for start, end, _, new in sorted(self._splices, key=lambda splice: splice[:3]):
            if start < position:
                self.refuse(start, "two edits concern the same characters")
            parts += [self.text[position:start], new]
            position = end
        return "".join([*parts, self.text[position:]])

    def replace(self, start: int, end: int, new: str) -> None:
        """Put `new` over the characters from `start` to `end`."""
        self._splices.append((start, end, 0, new))

    def insert_lines(self, offset: int, body: str, rank: int = 0) -> None:
        """Put whole lines where a line begins, or behind a last line that has no end.

        Of several at one place, those of a lower rank come first.
        """
        if offset and self.text[offset - 1] not in "\r\n":
            body = self.newline + body.removesuffix(self.newline)
        self._splices.append((offset, offset, rank, body))

    def refuse(self, offset: int, why: str) -> NoReturn:
        """Raise the refusal of an edit at `offset`."""
        raise EditRefused(f"line {self.lines.place(offset).line}", why)

    # --- places ---------------------------------------------------------------------------------

    def line_start(self, offset: int) -> int:
        """Return where the line of a character begins."""
        return self.lines.line_start(offset)

    def column(self, offset: int) -> int:
        """Return how many characters stand before one in its line."""
        return offset - self.lines.line_start(offset)

    def indentation(self, offset: int) -> str | None:
        """Return the space before the first sign of a line; None if it is not the first."""
        before = self.text[self.line_start(offset) : offset]
        return None if before.strip(" \t") else before

    def next_line(self, offset: int) -> int:
        """Return where the next line begins; nothing but a comment may stand before it."""
        found = _REST_OF_LINE.match(self.text, offset)
        if found is None:
            self.refuse(offset, "something else stands behind in this line")
        return found.end()

    def line_end(self, offset: int) -> int:
        """Return where a line's own break begins, behind the comment if there is one."""
        found = _REST_OF_LINE.match(self.text, offset)
        return found.start(1) if found else offset

    def breaks(self, start: int, end: int) -> bool:
        """Tell whether a line ends between two offsets."""
        return _LINE_BREAK.search(self.text, start, end) is not None

    def has_comment(self, start: int, end: int) -> bool:
        """Tell whether a comment may stand between two offsets."""
        return _COMMENT.search(self.text[start:end]) is not None

    def comments_above(self, start: int, indentation: int) -> int:
        """Return where the comment lines directly above a line begin; a file's header is none."""
        top = start
        while top > 0:
            line = self.line_start(top - 1)
            found = _COMMENT_LINE.fullmatch(self.text, line, top)
            if found is None or len(found[1]) != indentation:
                return top
            top = line
        return start

    # --- lists and mappings in brackets ---------------------------------------------------------

    def in_brackets(
        self,
        span: tuple[int, int],
        entries: list[tuple[int, int]],
        keep: list[bool],
        added: list[str],
        brace: str = "",
    ) -> None:
        """Take entries out of brackets that stand at `span`, and put others at the end.

        `brace` is the space behind an opening brace of which nothing is kept.
        """
        start, end = span
        if not any(keep):
            self.replace(start + 1, end - 1, brace + ", ".join(added) + brace if added else "")
            return
        last = max(index for index, kept in enumerate(keep) if kept)
        for index, kept in enumerate(keep):
            if kept:
                continue
            following = entries[index + 1][0] if index + 1 < len(entries) else end
            if "#" in self.text[entries[index][1] : following]:
                self.refuse(entries[index][0], "a comment stands between the entries")
            if index < last:
                self.replace(entries[index][0], following, "")
        if last < len(keep) - 1:
            self.replace(entries[last][1], entries[-1][1], "")
        if added:
            self._append_in_brackets(span, entries[last], added)

    def _append_in_brackets(
        self, span: tuple[int, int], last: tuple[int, int], added: list[str]
    ) -> None:
        start, end = last
        indentation = self.indentation(start)
        found = _TO_COMMA.match(self.text, end)
        after = found.end() if found else end
        own_line = indentation is not None and _REST_OF_LINE.match(self.text, after)
        if not self.breaks(*span) or not own_line:
            self.replace(end, end, "".join(f", {entry}" for entry in added))
            return
        if not found:
            self.replace(after, after, ",")
        separator = f",{self.newline}{indentation}"
        body = f"{indentation}" + separator.join(added) + ("," if found else "")
        self.insert_lines(self.next_line(after), body + self.newline)
