"""How edits are made in a YAML text so that nothing but what they concern changes."""

import re
from collections.abc import Callable, Iterable, Sequence

import yaml

from stacks.configuration import Document
from stacks.edit import EditRefused, Tree, alike, plain, raised, with_edits
from stacks.problem import Severity
from stacks.rule import Edit
from stacks.source import Lines
from stacks.source_yaml import nodes
from stacks.yaml_nodes import Fault, Node
from stacks.yaml_style import style_of
from stacks.yaml_writer import Writer

_MARK = "\ufeff"


def edited_yaml(
    text: str, edits: Iterable[Edit], on_refusal: Callable[[EditRefused], None] = raised
) -> str:
    """Return the text with the edits of LiteLLM's document made; the others do nothing.

    Comments, order, quotes, line breaks and everything that no edit concerns stay as they are. An
    edit that cannot be made without breaking something is given to `on_refusal`, which raises it
    unless told otherwise; the others are made all the same.
    """
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    return mark + with_edits(body, edits, _edited, on_refusal)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    lines = Lines(text, "")
    root = _read(lines)
    if root is not None and not isinstance(root.data, dict | None):
        raise EditRefused(_line(lines, root.start), "the top level is no mapping")
    data = {} if root is None or root.data is None else root.data
    tree = Tree(data, Document.LITELLM)
    tree.apply(edits)
    if tree.unchanged():
        return text
    if root is None or not root.children:
        result = _begun(text, tree, root)
    else:
        result = Writer(lines, root, style_of(root, text), tree.moves()).written(tree.root)
    now = _read(Lines(result, ""))
    if now is None or not alike(now.data, plain(tree.root)):
        raise EditRefused(_first_change(text, result), "the text cannot be edited safely here")
    return result


def _begun(text: str, tree: Tree, root: Node | None) -> str:
    """Return a text that said nothing so far: its comments, and below them what is new."""
    said = yaml.safe_dump(plain(tree.root), sort_keys=False, allow_unicode=True, width=10**9)
    before, after = (text, "") if root is None else (text[: root.start], text[root.end :])
    lacks_end = before != "" and not before.endswith(("\n", "\r"))
    return before + ("\n" if lacks_end else "") + said + re.sub(r"\A(\r\n|\r|\n)", "", after)


def _read(lines: Lines) -> Node | None:
    faults: list[Fault] = []
    root = nodes(lines, faults)
    fatal = [fault for fault in faults if fault.severity is Severity.ERROR]
    if root is None and fatal:
        raise EditRefused(_line(lines, fatal[0].offset), fatal[0].expected)
    return root


def _line(lines: Lines, offset: int) -> str:
    return f"line {lines.place(offset).line}"


def _first_change(text: str, result: str) -> str:
    for number, (before, after) in enumerate(
        zip(text.splitlines(), result.splitlines(), strict=False), 1
    ):
        if before != after:
            return f"line {number}"
    return "the last line"
