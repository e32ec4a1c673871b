"""What TOML's refusals mean to whoever wrote the text: the sentence and the mended text."""

import re
from collections.abc import Iterator

from stacks.problem import Problem
from stacks.source import LONGEST_LINE, Lines, mended
from stacks.toml_nodes import Statement, scan

MOST_BREAKS = 20  # line breaks in one string, and such strings in one file, that are read on over

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_CLOSED = re.compile(r"""\"{3}.*|'{3}.*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#.*""")
_TWICE = re.compile(r"Cannot|Duplicate")
_SAID = {
    "Invalid value": "no value begins so: TOML has strings in quotes, numbers, true, false, dates",
    "Invalid statement": "neither a key nor a [table] begins with this sign unless it is quoted",
}
_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false", "none": "", "null": ""}


def stopped_at(message: str, text: str) -> int:
    """Return where tomllib stopped; its columns count from the last line feed."""
    found = _AT.search(message)
    if found is None or found[1] is None:
        return len(text.rstrip())
    start = 0
    for _ in range(int(found[1]) - 1):
        start = text.index("\n", start) + 1
    # An escape is reported behind its two characters, which may be in the next line.
    back = 2 if message.startswith("Unescaped") else 0
    return max(min(start + int(found[2]) - 1, len(text)) - back, 0)


def open_quote(text: str, offset: int) -> int | None:
    """Return where the string begins that is not closed in the line of `offset`."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", start)
    line = text[start : len(text) if end < 0 else end]
    rest = _CLOSED.sub(lambda found: " " * len(found[0]), line)
    quotes = [at for at in (rest.find('"'), rest.find("'")) if at >= 0]
    return start + min(quotes) if quotes else None


def joined(text: str, offset: int) -> tuple[int, str] | None:
    """Return where a string with a line break in it begins, and the text without these breaks.

    They become spaces, so that every offset stays; None where the quote is not closed at all.
    """
    opening = open_quote(text, offset)
    if opening is None:
        return None
    quote = text[opening]
    closing = text.find(quote, text.find("\n", opening) + 1)
    if "\n" not in text[opening:] or closing < 0:
        return None
    string = text[opening : closing + 1]
    if string.count("\n") > MOST_BREAKS or not re.match(
        r"[ \t\r]*(?:[#,\]}\n]|$)", text[closing + 1 :]
    ):
        return None
    flat = re.sub(r"\\?[ \t]*\r?\n", lambda found: " " * len(found[0]), string)
    return opening, text[:opening] + flat + text[closing + 1 :]


def broken_string(opening: int, text: str, lines: Lines) -> Problem:
    """Return the problem of a string with line breaks; `text` is the one without them."""
    first = lines.place(opening)
    end = text.find("\n", opening)
    start = text.rfind("\n", 0, opening) + 1
    line = re.sub(r"  +", " ", text[start : len(text) if end < 0 else end])
    broken = re.compile(r"\\?\r?\n").search(lines.text, opening)
    return Problem(
        str(lines.place(broken.start() if broken else opening)),
        "source.string",
        "",
        f"a line break inside the string that begins in column {first.column}: TOML allows none "
        "there, and flyctl stops here",
        mended("write it in one line", line),
    )


def syntax_problem(message: str, offset: int, lines: Lines) -> Problem:
    """Return what a refusal of tomllib is about; never raises."""
    said = _AT.sub("", message)
    twice = _defined_twice(offset, lines) if _TWICE.match(said) else None
    if said.startswith('Expected "\'"'):  # noticed at the end of the text alone
        breaks = (found.start() for found in re.finditer("\n", lines.text))
        offset = next((at for at in breaks if open_quote(lines.text, at) is not None), offset)
    quote = None if twice else open_quote(lines.text, offset)
    if twice:
        return twice
    if quote is not None:
        sign = lines.text[quote]
        place = lines.place(quote)
        line = lines.line(place.line).rstrip()
        closed = mended(f"add the closing {sign}", line if "#" in line else line + sign)
        expected = f"the string that begins here is not closed by {sign} in its line"
        return Problem(str(place), "source.quote", "", expected, closed)
    if said.startswith("Unescaped"):
        expected = "a backslash begins an escape in this string, and TOML knows none like this"
        step = "write \\\\ for a backslash, or put the text between single quotes"
        return Problem(str(lines.place(offset)), "source.escape", "", expected, step)
    place = lines.place(offset)
    line = lines.line(place.line)
    return Problem(
        str(place),
        "source.syntax",
        _sign(offset, lines),
        _SAID.get(said, said),
        _step(line, place.column),
    )


def _sign(offset: int, lines: Lines) -> str:
    """Return a control character's name, "" for anything else: values may be secrets."""
    sign = lines.text[offset : offset + 1]
    return "" if not sign or sign.isprintable() or sign in "\r\n\t" else f"U+{ord(sign):04X}"


def _step(line: str, column: int) -> str:
    found = re.fullmatch(r"(\s*[\w.-]+)\s*[=:]\s*([^\s\"'\[{#][^\"'#]*?)\s*", line)
    if not found:
        return f"mend this line at column {column}"
    key, value = found.groups()
    if re.fullmatch(r"[+-]?[1-9][0-9]*|true|false", value) and ":" in line:
        return mended("write the key, an equals sign and the value", f"{key} = {value}")
    word = _WORDS.get(value.lower(), value.lower() if value.lower() in ("true", "false") else None)
    if word == "":
        return "take the line out: TOML has no null"
    return (
        mended("quote the value", f'{key} = "{value}"')
        if word is None
        else mended("write", f"{key} = {word}")
    )


def _defined_twice(offset: int, lines: Lines) -> Problem | None:
    """Name both places of what is defined twice; None where they cannot be made out."""
    try:
        end = lines.text.find("\n", offset)
        text = lines.text if end < 0 else lines.text[:end]
        _, statements = scan(text)
    except (IndexError, ValueError, RecursionError):
        return None
    if not statements:
        return None
    last = statements[-1]
    paths = list(_paths(statements, text))
    name = paths[-1]
    for statement, path in zip(statements[:-1], paths[:-1], strict=True):
        if _clash(path, name, headers=(statement.header, last.header)):
            earlier = lines.place(statement.start)
            return Problem(
                str(lines.place(last.start)),
                "source.duplicate",
                ".".join(name)[:LONGEST_LINE],
                f"{'.'.join(path)} is defined in line {earlier.line} already; TOML allows it once",
                f"keep one of the two: line {earlier.line} or line {lines.place(last.start).line}",
            )
    return None


def _clash(path: tuple[str, ...], name: tuple[str, ...], *, headers: tuple[bool, bool]) -> bool:
    """Tell whether a definition of `path` can be what forbids a later one of `name`."""
    shorter = min(len(path), len(name))
    if path[:shorter] != name[:shorter]:
        return False
    if len(path) == len(name):
        return True
    return not headers[0] if len(path) < len(name) else not all(headers)


def _paths(statements: list[Statement], text: str) -> Iterator[tuple[str, ...]]:
    """Yield the whole name of what each statement defines; entries of `[[name]]` are counted."""
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for statement in statements:
        if not statement.header:
            yield (*table, *statement.names)
            continue
        table = ()
        for name in statement.names[:-1]:
            table = (*table, name)
            if table in counts:
                table = (*table[:-1], f"{name}[{counts[table]}]")
        table = (*table, statement.names[-1])
        if table in counts and not text.startswith("[[", statement.start):
            table = (*table[:-1], f"{table[-1]}[{counts[table]}]")
        if text.startswith("[[", statement.start):
            counts[table] = counts.get(table, -1) + 1
            table = (*table[:-1], f"{table[-1]}[{counts[table]}]")
        yield table
