"""How plain data becomes Python that reads as if `ruff format` had written it."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.paths import Path

WIDTH = 100
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LEAST_COMMENT = 40  # columns of text that a comment has, however deep it stands

Comments = Mapping[Path, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """One argument, entry or key: what stands before its value, and its path in the settings."""

    prefix: str
    value: "Group | str"
    path: Path
    note: str = ""
    """What stands behind it on its line, such as `# noqa: S106 (a name, not a value)`."""


@dataclass(frozen=True, slots=True)
class Group:
    """Something in brackets: a call, a tuple, a list, a mapping."""

    opening: str
    closing: str
    items: tuple[Item, ...] = field(default=())

    @property
    def in_one_line(self) -> str:
        """The text without a line break."""
        parts = [f"{item.prefix}{one_line(item.value)}" for item in self.items]
        comma = "," if self.opening == "(" and len(parts) == 1 else ""
        return f"{self.opening}{', '.join(parts)}{comma}{self.closing}"


def one_line(value: Group | str) -> str:
    """Return a value's text without a line break."""
    return value if isinstance(value, str) else value.in_one_line


def literal(value: Any, path: Path = ()) -> Group | str:
    """Return what Python reads as `value`: texts, numbers, lists and mappings."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        items = tuple(
            Item(f"{quoted(key)}: ", literal(item, (*path, key)), (*path, key))
            for key, item in value.items()
        )
        return Group("{", "}", items)
    if isinstance(value, list):
        return Group("[", "]", _entries(value, path))
    if isinstance(value, tuple):
        return Group("(", ")", _entries(value, path))
    return repr(value)


def _entries(values: list[Any] | tuple[Any, ...], path: Path) -> tuple[Item, ...]:
    return tuple(
        Item("", literal(item, (*path, index)), (*path, index)) for index, item in enumerate(values)
    )


def quoted(text: str) -> str:
    """Return a text in double quotes, unless single ones need fewer backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return f"{quote}{''.join(_character(each, quote) for each in text)}{quote}"


def _character(each: str, quote: str) -> str:
    if each == quote:
        return f"\\{quote}"
    if each in _ESCAPES:
        return _ESCAPES[each]
    if each.isprintable():
        return each
    code = ord(each)
    if code <= 0xFF:  # noqa: PLR2004 - what two hexadecimal digits can say
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - or four


def statement(name: str, value: Group | str, path: Path, comments: Comments) -> str:
    """Return `name = value`, each comment above the line that it is about."""
    lines = [*_comments(path, "", comments), *_lines(f"{name} = ", value, "", "", comments)]
    return "\n".join(lines) + "\n"


def paths_in(value: Group | str) -> Iterator[Path]:
    """Yield the path of every item, at every depth."""
    for item in value.items if isinstance(value, Group) else ():
        yield item.path
        yield from paths_in(item.value)


def _lines(
    prefix: str, value: Group | str, suffix: str, indent: str, comments: Comments
) -> Iterator[str]:
    line = f"{indent}{prefix}{one_line(value)}{suffix}"
    code = line.partition("  # ")[0]
    if isinstance(value, str) or not value.items:
        yield line
        return
    said = any(path in comments for path in paths_in(value)) or _noted(value)
    if len(code) <= WIDTH and not said:
        yield line
        return
    yield f"{indent}{prefix}{value.opening}"
    inner = f"{indent}    "
    for item in value.items:
        yield from _comments(item.path, inner, comments)
        yield from _lines(item.prefix, item.value, f",{item.note}", inner, comments)
    yield f"{indent}{value.closing}{suffix}"


def _noted(value: Group) -> bool:
    return any(
        item.note or (isinstance(item.value, Group) and _noted(item.value)) for item in value.items
    )


def _comments(path: Path, indent: str, comments: Comments) -> Iterator[str]:
    for text in comments.get(path, ()):
        yield from comment(text, indent)


def comment(text: str, indent: str = "") -> list[str]:
    """Return a comment's lines; what no line can show is left out."""
    shown = "".join(each if each.isprintable() or each in " \n" else "?" for each in text)
    width = max(WIDTH - len(indent) - 2, _LEAST_COMMENT)
    lines = textwrap.wrap(shown, width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in lines]
