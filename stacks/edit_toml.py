"""How edits are made in a TOML text so that nothing but what they concern changes."""

import tomllib
from collections.abc import Callable, Iterable, Sequence

from stacks.configuration import Document
from stacks.edit import EditRefused, Tree, alike, plain, raised, with_edits
from stacks.rule import Edit
from stacks.source import Lines
from stacks.toml_nodes import scan
from stacks.toml_writer import Writer

_MARK = "\ufeff"


def edited_toml(
    text: str, edits: Iterable[Edit], on_refusal: Callable[[EditRefused], None] = raised
) -> str:
    """Return the text with the edits of fly.toml made; the others do nothing.

    As `edited_yaml`: comments, order, quotes and line breaks stay, and an edit that cannot be made
    is given to `on_refusal`.
    """
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    return mark + with_edits(body, edits, _edited, on_refusal)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    try:
        data = tomllib.loads(text)
        root, statements = scan(text)
    except (ValueError, RecursionError) as error:
        raise EditRefused("the whole file", f"this is no TOML: {error}") from error
    tree = Tree(data, Document.FLY)
    tree.apply(edits)
    if tree.unchanged():
        return text
    result = Writer(Lines(text, ""), root, statements).written(data, tree.root, tree.moves())
    try:
        now = tomllib.loads(result)
    except (ValueError, RecursionError):
        now = None
    if now is None or not alike(now, plain(tree.root)):
        raise EditRefused("the whole file", "the text cannot be edited safely here")
    return result
