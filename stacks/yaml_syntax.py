"""What the parser's refusals mean to whoever wrote the YAML: the sentence and the mended text."""

import re

import yaml

from stacks.source import LONGEST_LINE, Lines, mended
from stacks.yaml_nodes import Fault

_KEY = re.compile(r"""^(\s*(?:-\s+)*)("[^"]*"|'[^']*'|[^\s:#][^:#]*):\s+(.*?)(\s+#.*)?$""")


def syntax_fault(error: yaml.YAMLError, lines: Lines) -> Fault:
    """Return what a refusal of the parser is about; never raises."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Fault(0, "source.syntax", "", f"this is no YAML: {_first_line(error)}", _LOOK)
    problem = str(getattr(error, "problem", None) or "")
    context = str(getattr(error, "context", None) or "")
    context_mark = getattr(error, "context_mark", None)
    began = None if context_mark is None else context_mark.index
    offset = min(mark.index, len(lines.text))
    return (
        _bad_sign(offset, problem, lines)
        or _unclosed(offset, began, problem, context, lines)
        or _alias(began, context, lines)
        or _second_colon(offset, problem, lines)
        or _indentation(offset, problem, context, lines)
        or Fault(offset, "source.syntax", "", _sentence(problem, context), _LOOK)
    )


_LOOK = "mend this line, or the one above it"


def _bad_sign(offset: int, problem: str, lines: Lines) -> Fault | None:
    if "cannot start any token" not in problem and "tab character" not in problem:
        return None
    sign = lines.text[offset : offset + 1]
    line = _line(offset, lines)
    if sign == "\t":
        spaced = line.replace("\t", "  ").rstrip()
        return Fault(
            offset,
            "source.tab",
            "",
            "a tab stands where YAML allows only spaces",
            mended("put spaces there", spaced),
        )
    expected = f"no value begins with {sign} unless it is quoted"
    return Fault(offset, "source.syntax", sign, expected, mended("quote it", _quoted(line)))


def _unclosed(
    offset: int, began: int | None, problem: str, context: str, lines: Lines
) -> Fault | None:
    if began is None:
        return None
    if "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
        quote = lines.text[began : began + 1]
        expected = f"the quote {quote} that begins here is never closed"
        line = lines.line(lines.place(began).line).rstrip()
        closed = line + quote if line.count(quote) % 2 and " #" not in line else ""
        return Fault(
            began, "source.quote", "", expected, mended(f"add the closing {quote}", closed)
        )
    if "flow" in context and began < offset:
        bracket = "]" if "sequence" in context else "}"
        expected = (
            f"the list or mapping that begins in line {lines.place(began).line} expects "
            f"a comma or {bracket} here"
        )
        if offset >= len(lines.text.rstrip()):
            began_at = lines.place(began)
            expected = f"the bracket that begins here is never closed by {bracket}"
            return Fault(
                lines.offset(*began_at[1:]), "source.bracket", "", expected, f"add the {bracket}"
            )
        return Fault(offset, "source.bracket", "", expected, f"add the comma or the {bracket}")
    return None


def _alias(began: int | None, context: str, lines: Lines) -> Fault | None:
    if "scanning an alias" not in context or began is None:
        return None
    line = _line(began, lines)
    column = lines.place(began).column - 1
    word = re.match(r"\*[^\s,\]}:]*", line[column:])
    text = word[0] if word else "*"
    quoted = f'{line[:column]}"{text}"{line[column + len(text) :]}'
    expected = "* begins an alias in YAML, and no name of an anchor follows"
    return Fault(began, "source.alias", text, expected, mended("quote it", quoted))


def _second_colon(offset: int, problem: str, lines: Lines) -> Fault | None:
    if "mapping values are not allowed" not in problem:
        return None
    line = _line(offset, lines)
    if _KEY.match(line) and _key_end(line) < lines.place(offset).column - 1:
        expected = "a second colon with a space behind it: YAML takes what stands before for a key"
        return Fault(
            offset, "source.syntax", "", expected, mended("quote the value", _quoted(line))
        )
    expected = (
        "a key stands here where none can: the line above it already has a value, or the "
        "indentation is deeper than its neighbours'"
    )
    step = "indent this line as its neighbours are; a key is followed by a colon and a space"
    return Fault(offset, "source.indentation", _key(line), expected, step)


def _indentation(offset: int, problem: str, context: str, lines: Lines) -> Fault | None:
    if "parsing a block" not in context:
        return None
    what = "a list" if "collection" in context or "sequence" in context else "a mapping"
    expected = f"{what} above goes on to here, and this line is no part of it: {problem}"
    step = "give it the indentation of the entries that it belongs to"
    value = _key(_line(offset, lines))
    return Fault(offset, "source.indentation", value, expected, step)


def _sentence(problem: str, context: str) -> str:
    said = " ".join(part for part in (context, problem) if part)
    return f"this is no YAML: {said}" if said else "this is no YAML"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _line(offset: int, lines: Lines) -> str:
    return lines.line(lines.place(offset).line)


def _key(line: str) -> str:
    """Return a line's key, "" where it has none: values may be secrets."""
    found = _KEY.match(line)
    return found[2][:LONGEST_LINE] if found else ""


def _key_end(line: str) -> int:
    found = _KEY.match(line)
    return found.end(2) if found else len(line)


def _quoted(line: str) -> str:
    """Return a line whose value is quoted, "" where it is not plain what the value is."""
    found = _KEY.match(line)
    if found is None:
        return ""
    start, key, value, comment = found.groups()
    if value[:1] in "\"'[{|>&*!" or not value:
        return ""
    escaped = value.replace("'", "''")
    return f"{start}{key}: '{escaped}'{comment or ''}"
