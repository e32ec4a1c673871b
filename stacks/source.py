"""What a text says as plain data, where each of it stands, and what was wrong with the text."""

import gc
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from stacks.paths import Path
from stacks.problem import Problem, Severity

LONGEST_LINE = 300  # characters of a line that a problem quotes

_LINE_BREAK = re.compile(r"\r\n?|\n")
_MAYBE_SECRET = re.compile(r"key|password|secret|token|credential|url|dsn|sk-|://", re.IGNORECASE)
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


class Place(NamedTuple):
    """A position in a file; line and column count from 1, columns count characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Lines:
    """The lines of a text, to turn an offset into a place; a byte order mark is not in `text`."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]

    def place(self, offset: int) -> Place:
        """Return the place of the character at `offset`."""
        line = bisect_right(self._starts, offset)
        return Place(self.file, line, offset - self._starts[line - 1] + 1)

    def line_start(self, offset: int) -> int:
        """Return where the line of the character at `offset` begins."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def line(self, number: int) -> str:
        """Return a line's text without its break; "" for one that is not there."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place."""
        return self._starts[min(line, len(self._starts)) - 1] + column - 1


@dataclass(frozen=True, eq=False)
class Source:
    """One text that was read; with problems that are errors, `data` holds what could be made out.

    `data` is what the program that reads the file makes of it: LiteLLM's `yaml.safe_load`, or
    TOML's reader. `locate` is `place` for paths that may name what is missing.
    """

    file: str
    data: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    locate: Callable[[Path], Place | None] = field(default=lambda _: None, repr=False)

    def place(self, path: Path) -> Place:
        """Return where the key or the list entry at `path` stands, else its nearest ancestor.

        `path` is without a leading `Document`. The file differs from `file` for what came out of
        an included one.
        """
        return self.locate(path) or Place(self.file, 1, 1)

    def at(self, path: Path) -> tuple[int, int]:
        """Return `place` as line and column alone."""
        _, line, column = self.place(path)
        return line, column

    @property
    def readable(self) -> bool:
        """True when the program that reads this file would get as far as its data."""
        return all(problem.severity is not Severity.ERROR for problem in self.problems)


def decoded(raw: bytes, file: str) -> tuple[str | None, Problem | None]:
    """Return the text of a file without its byte order mark, or None and the reason."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return None, Problem(
                str(Place(file, 1, 1)),
                "source.encoding",
                encoding,
                f"the file begins with the byte order mark of {encoding}; it is read as UTF-8",
                f"save it as UTF-8: `iconv -f {encoding} -t UTF-8 {file}`",
            )
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), None
    except UnicodeDecodeError as error:
        return None, _not_utf_8(raw.removeprefix(b"\xef\xbb\xbf"), error.start, file)


def _not_utf_8(raw: bytes, offset: int, file: str) -> Problem:
    before = raw[:offset].decode("utf-8")
    place = Lines(before, file).place(len(before))
    meant = raw[offset : offset + 1].decode("windows-1252", errors="replace")
    guess = f" ({meant!r} in Windows-1252)" if meant.isprintable() else ""
    return Problem(
        str(place),
        "source.encoding",
        f"byte 0x{raw[offset]:02X}",
        f"this is not UTF-8{guess}; the file is read as UTF-8",
        f"save it as UTF-8: `iconv -f WINDOWS-1252 -t UTF-8 {file}`",
    )


def mended(step: str, line: str) -> str:
    """Return a next step with the mended line, unless it is too long or may hold a secret."""
    shown = line.strip()
    if not shown.isprintable() or not 0 < len(shown) <= LONGEST_LINE or _MAYBE_SECRET.search(shown):
        return step
    return f"{step}: `{shown}`"


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector while a text is taken apart.

    It would walk all that has been read again and again, and find nothing: half the time of a
    large file.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
