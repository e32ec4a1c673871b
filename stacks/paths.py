"""How a place inside the settings is spelled: as Pulumi's own `--path` spells it."""

import re
from collections.abc import Iterable

Part = str | int
Path = tuple[Part, ...]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TOKEN = re.compile(
    r"""\.?(?P<word>[A-Za-z_][A-Za-z0-9_-]*)   # a field
      | \[(?P<index>[0-9]+)\]                  # a position
      | \["(?P<key>(?:[^"\\]|\\.)*)"\]         # any other key
    """,
    re.VERBOSE,
)


def spell(path: Iterable[Part]) -> str:
    """Return `models[0].name` for `("models", 0, "name")`; keys that are no word are quoted."""
    spelled = ""
    for part in path:
        if isinstance(part, int):
            spelled += f"[{part}]"
        elif _WORD.fullmatch(part):
            spelled += f".{part}" if spelled else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            spelled += f'["{escaped}"]'
    return spelled


def parse(spelled: str) -> Path:
    """Return the parts of a spelled path; ValueError names what could not be read."""
    parts: list[Part] = []
    position = 0
    while position < len(spelled):
        token = _TOKEN.match(spelled, position)
        if token is None:
            raise ValueError(f"{spelled!r} is no path from {spelled[position:]!r} on")
        if token["index"] is not None:
            parts.append(int(token["index"]))
        elif token["key"] is not None:
            parts.append(re.sub(r"\\(.)", r"\1", token["key"], flags=re.DOTALL))
        else:
            parts.append(token["word"])
        position = token.end()
    return tuple(parts)
