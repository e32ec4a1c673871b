"""How edits are made in a DATABASE_URL: its parameters one by one, all else as it stands."""

from collections.abc import Sequence
from urllib.parse import quote, unquote_plus

from stacks.configuration import Document
from stacks.edit import EditRefused
from stacks.paths import spell
from stacks.rule import Edit, Put, Remove


def edited_url(text: str, edits: Sequence[Edit]) -> str:
    """Return the text of a file that holds one URL, with the edits of its parameters made."""
    body = text.rstrip()
    address, mark, query = body.partition("?")
    pieces = query.split("&") if mark else []
    for edit in edits:
        if edit.path[:1] != (Document.DATABASE_URL,):
            continue
        name = str(edit.path[1]) if len(edit.path) == 2 else ""  # noqa: PLR2004 - document, name
        match edit:
            case Remove() if name:
                pieces = [piece for piece in pieces if _name(piece) != name]
            case Put(value=value) if name:
                written = f"{quote(name, safe='')}={quote(str(value), safe='')}"
                there = [_name(piece) for piece in pieces]
                if name not in there:
                    pieces = [*pieces, written]
                pieces = [written if _name(piece) == name else piece for piece in pieces]
            case _:
                raise EditRefused(spell(edit.path), "a URL has parameters, and each has one value")
    return address + ("?" if pieces else "") + "&".join(pieces) + text[len(body) :]


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0])
