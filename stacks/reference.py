"""The reference of all settings, `docs/settings.md`, written from the models themselves.

`python -m stacks.reference` writes it anew; a test compares the file with the models.
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from stacks.expectation import Node, resolved, schema, words
from stacks.gateway import DEFINITION
from stacks.values import Frozen

TARGET = Path(__file__).parent.parent / "docs" / "settings.md"

_HEAD = """\
# Settings

<!-- Written by `python -m stacks.reference` from the models in stacks/; a test compares them. -->

Every key of an environment. What all environments share is written in `stacks/gateway.py`, what is
one environment's own in `Pulumi.<environment>.yaml` below `gateway:`, so `fly.memory_mb` is
`gateway:fly.memory_mb` there:

    pulumi config set -s dev --path gateway:fly.memory_mb 8192

The file's values are laid over the definition: mappings deeply, lists and single values replaced.
`null` says "none" where a key can be none, removes a key of a mapping (a chain, a provider), and
means "as the default" elsewhere. The order of the keys in a mapping means nothing. Values of
secrets are never settings: `pulumi config set -s dev --secret gateway:XAI_API_KEY` keeps one,
encrypted, beside them.

In the tables, a default with `*` is what `stacks/gateway.py` says.
"""


def reference() -> str:
    """Return the text of `docs/settings.md`."""
    definition = DEFINITION.model_dump(mode="json", exclude_unset=True)
    sections = [_HEAD]
    for title, path, node, written in _tables("", schema(), definition):
        rows = list(_rows(path, title, node, written))
        if rows:
            heading = f"## {path or 'The environment itself'}\n\n{_summary(node)}"
            table = "| key | expected | default | what it means |\n| --- | --- | --- | --- |\n"
            sections.append(f"{heading}\n\n{table}{chr(10).join(rows)}\n")
    return "\n".join(sections)


def _tables(
    path: str, node: Node, written: Any
) -> Iterator[tuple[str, str, Node, Mapping[str, Any]]]:
    """Yield each mapping with known keys: its class, its path, itself, what the definition says."""
    inner = resolved(node)
    known = written if isinstance(written, Mapping) else {}
    yield str(inner.get("title", "")), path, inner, known
    for key, child in inner["properties"].items():
        below, spelled = _inside(child), f"{path}.{key}" if path else key
        if "properties" in below[0]:
            yield from _tables(
                spelled + below[1], below[0], known.get(key) if not below[1] else None
            )


def _inside(node: Node) -> tuple[Node, str]:
    """Return what a key leads to, through lists and mappings, and how that is spelled."""
    inner = resolved(node)
    if "items" in inner:
        return resolved(inner["items"]), "[n]"
    for children in (inner.get("patternProperties"), inner.get("additionalProperties")):
        if isinstance(children, Mapping) and children:
            pattern = "patternProperties" in inner and children is inner["patternProperties"]
            child = next(iter(children.values())) if pattern else children
            return resolved(child), ".<name>"
    return inner, ""


def _rows(path: str, title: str, node: Node, written: Mapping[str, Any]) -> Iterator[str]:
    said = _docstrings().get(title, {})
    for key, child in sorted(node["properties"].items(), key=lambda item: item[0] == "extras"):
        if "properties" in _inside(child)[0] or (not path and key == "environment"):
            continue
        spelled = f"{path}.{key}" if path else key
        default = _default(key, child, node, written)
        choices = resolved(child)
        meaning = said.get(key) or (choices.get("description", "") if "enum" in choices else "")
        cells = (f"`{spelled}`", words(child), default, " ".join(meaning.split()))
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(key: str, child: Node, node: Node, written: Mapping[str, Any]) -> str:
    if key in written:
        value, mark = written[key], " *"
    elif key in node.get("required", ()):
        return "required"
    else:
        value, mark = child.get("default"), ""
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return f"{len(value)} entries{mark}"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`{mark}"


def _summary(node: Node) -> str:
    return str(node.get("description", "")).split("\n\n", maxsplit=1)[0].replace("\n", " ")


def _docstrings() -> dict[str, dict[str, str]]:
    """Return what stands below each field of each class, by class and field.

    Pydantic keeps it only where the field's type has no description of its own.
    """
    return {model.__name__: _of_class(model) for model in _subclasses(Frozen)}


def _subclasses(model: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in model.__subclasses__():
        yield child
        yield from _subclasses(child)


def _of_class(model: type[Frozen]) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed([cls for cls in model.__mro__ if issubclass(cls, Frozen)]):
        found |= _own(base)
    return found


@cache
def _own(model: type[Frozen]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = " ".join(said.split())
            case _:
                pass
    return found


def main() -> int:
    """Write the reference where it belongs."""
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
