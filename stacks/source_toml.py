"""How fly.toml is read: tomllib's data, the places of its keys, and what is wrong with the text."""

import re
import tomllib
from functools import cache
from typing import Any

from stacks.paths import Path
from stacks.problem import Problem, Severity
from stacks.source import Lines, Place, Source, decoded, uncollected
from stacks.toml_nodes import Node, scan
from stacks.toml_syntax import MOST_BREAKS, broken_string, joined, stopped_at, syntax_problem

DEEPEST = 100  # levels, as in YAML

_DIGITS = re.compile(r"\d{4300,}")


def read_toml(raw: bytes, file: str) -> Source:
    """Return what a TOML file says; never raises. `data` is {} where the text is no TOML.

    A line break inside a basic string is an error, and read on over: the string goes on.
    """
    text, problem = decoded(raw, file)
    if text is None:
        return Source(file, {}, (problem,) if problem else ())
    lines = Lines(text, file)
    problems = [_byte_order_mark(file)] if raw.startswith(b"\xef\xbb\xbf") else []
    text, data = _loaded(text, lines, problems)
    if data is None:
        return Source(file, {}, tuple(problems))
    if text.count("[") + text.count("{") > DEEPEST and _depth_exceeds(data):
        return Source(file, {}, (*problems, _beyond(lines)))
    if not data:
        problems.append(_empty(file))

    @cache
    def root() -> Node:
        with uncollected():
            return scan(text)[0]

    return Source(file, data, tuple(problems), lambda path: _find(root(), path, lines))


def _loaded(text: str, lines: Lines, problems: list[Problem]) -> tuple[str, dict[str, Any] | None]:
    """Return the text that was read in the end, and its data; what was wrong is in `problems`."""
    for _ in range(MOST_BREAKS + 1):
        try:
            with uncollected():
                return text, tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            offset = stopped_at(str(error), text)
            whole = joined(text, offset)
            if whole is None:
                problems.append(syntax_problem(str(error), offset, lines))
                break
            opening, text = whole
            problems.append(broken_string(opening, text, lines))
        except (RecursionError, ValueError):
            problems.append(_beyond(lines))
            break
    return text, None


def _find(root: Node, path: Path, lines: Lines) -> Place | None:
    node = root
    for part in path:
        entries = node.entries
        if isinstance(entries, dict):
            found = entries.get(str(part))
        else:
            found = entries[part] if isinstance(part, int) and 0 <= part < len(entries) else None
        if found is None:
            break
        node = found
    return None if node is root else lines.place(node.key[0])


def _byte_order_mark(file: str) -> Problem:
    return Problem(
        str(Place(file, 1, 1)),
        "source.encoding",
        "UTF-8 with a byte order mark",
        "flyctl's TOML reader stops at the mark (pelletier/go-toml #1118)",
        f"save the file without it: `sed -i '1s/^\\xEF\\xBB\\xBF//' {file}`",
    )


def _beyond(lines: Lines) -> Problem:
    number = _DIGITS.search(lines.text)
    if number:
        return Problem(
            str(lines.place(number.start())),
            "source.value",
            "",
            "this number has more than 4300 digits",
            "quote it if text is meant",
        )
    return Problem(
        str(Place(lines.file, 1, 1)),
        "source.depth",
        "",
        f"lists and tables are nested deeper than {DEEPEST} levels",
        "take out the levels that hold nothing but another one",
    )


def _depth_exceeds(data: dict[str, Any]) -> bool:
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        level = [
            entry
            for value in level
            if isinstance(value, dict | list)
            for entry in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _empty(file: str) -> Problem:
    return Problem(
        str(Place(file, 1, 1)),
        "source.empty",
        "",
        "nothing is written here: the app gets neither services nor a command",
        'write at least `app = "NAME"` and an `[http_service]`',
        Severity.WARNING,
    )
