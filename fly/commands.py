"""How flyctl splits a command line into words: POSIX quotes, no variables, no patterns."""

from collections.abc import Iterator

SPACES = " \t\r\n"
_CLOSING = "a closing quote was expected before the end"


def split(line: str) -> list[str]:
    r"""Split a command line; raises ValueError for an open quote or a last backslash.

    Unlike Python's shlex, a backslash within double quotes escapes whatever follows it, and a `#`
    that begins a word drops the rest of its line.
    """
    words: list[str] = []
    rest = iter(line)
    for first in rest:
        if first in SPACES:
            continue
        if first == "#":
            for char in rest:
                if char == "\n":
                    break
            continue
        words.append("".join(_word(first, rest)))
    return words


def _word(first: str, rest: Iterator[str]) -> list[str]:
    """Read one word whose first character was taken, up to the space that ends it."""
    word: list[str] = []
    char: str | None = first
    while char is not None and char not in SPACES:
        match char:
            case "'":
                word += _until_quote(rest, "'", escapes=False)
            case '"':
                word += _until_quote(rest, '"', escapes=True)
            case "\\":
                word.append(_escaped(rest))
            case _:
                word.append(char)
        char = next(rest, None)
    return word


def _until_quote(rest: Iterator[str], quote: str, *, escapes: bool) -> list[str]:
    quoted: list[str] = []
    for char in rest:
        if char == quote:
            return quoted
        quoted.append(_escaped(rest) if escapes and char == "\\" else char)
    raise ValueError(_CLOSING)


def _escaped(rest: Iterator[str]) -> str:
    char = next(rest, None)
    if char is None:
        msg = "the backslash at the end escapes nothing"
        raise ValueError(msg)
    return char
