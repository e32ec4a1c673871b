"""What a settings key expects, in words and with an example, read from the models themselves."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from stacks.paths import Path, spell
from stacks.settings import Settings

Node = Mapping[str, Any]


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of `Settings`; what it holds is not to be changed."""
    return Settings.model_json_schema()


def node_at(path: Path) -> Node | None:
    """Return the schema of the key at `path`, None where no such key exists."""
    node: Node | None = schema()
    for part in path:
        if node is None:
            return None
        node = _child(resolved(node), part)
    return node


def keys_at(path: Path) -> tuple[str, ...]:
    """Return the keys that the mapping at `path` knows; none where it takes any."""
    node = node_at(path)
    keys = resolved(node).get("properties", ()) if node else ()
    return tuple(key for key in keys if path or key != "environment")


def places_of(key: str) -> tuple[str, ...]:
    """Return every spelled place at which a key of this name exists, outside of lists."""
    return tuple(spell(path) for path in _paths(schema(), ()) if path[-1] == key)


def expectation(path: Path) -> str:
    """Return what may stand at `path`, as the object of "expected ..."."""
    node = node_at(path)
    return words(node) if node is not None else "nothing here"


def key_expectation(path: Path) -> str:
    """Return what the keys of the mapping at `path` are, as the object of "expected ..."."""
    node = node_at(path)
    return _text(resolved(node).get("propertyNames", {})) if node is not None else "no key"


def example(path: Path) -> Any:
    """Return a value that may stand at `path`, None where the models give none."""
    node = node_at(path)
    if node is None:
        return None
    inner = resolved(node)
    default = node.get("default")
    if default is not None and not isinstance(default, dict | list):
        return default
    for choices in (node.get("examples"), inner.get("examples"), inner.get("enum")):
        if choices:
            return choices[0]
    return None


def resolved(node: Node) -> Node:
    """Return what `node` refers to, without "or null"."""
    if "$ref" in node:
        return resolved(schema()["$defs"][node["$ref"].rpartition("/")[2]])
    for branch in node.get("anyOf", ()):
        if branch.get("type") != "null":
            return resolved(branch)
    return node


def words(node: Node) -> str:
    """Return in words what a schema accepts."""
    inner = resolved(node)
    if "enum" in inner:
        said = "one of " + ", ".join(map(str, inner["enum"]))
    elif "const" in inner:
        said = str(inner["const"])
    elif inner.get("type") == "integer":
        unit = inner.get("description")
        said = f"{_bounds(inner)} ({unit})" if unit else _bounds(inner)
    elif inner.get("type") == "boolean":
        said = "true or false"
    elif inner.get("type") == "array":
        said = f"a list, each item {words(inner['items'])}"
    elif inner.get("type") == "object":
        said = _mapping(inner)
    else:
        said = _text(inner)
    null = any(branch.get("type") == "null" for branch in node.get("anyOf", ()))
    return f"{said}, or null" if null else said


def _text(node: Node) -> str:
    form = f"a text of the form {node['pattern']}" if "pattern" in node else "a text"
    said = str(node.get("description", form)).split("\n", maxsplit=1)[0].rstrip(".")
    return f"{said}, for example {node['examples'][0]}" if node.get("examples") else said


def _mapping(node: Node) -> str:
    if "properties" in node:
        return "a mapping with any of the keys " + ", ".join(node["properties"])
    said = str(node.get("description", ""))
    if said.startswith("a mapping"):
        return said
    values = node.get("patternProperties", {"": node.get("additionalProperties")})
    value = words(next(iter(values.values())) or {})
    return f"a mapping of {_text(node.get('propertyNames', {}))} to {value}"


def _bounds(node: Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f"a whole number from {low} to {high}"
    return f"a whole number of at least {low}" if low is not None else "a whole number"


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(part, int):
        items: Node | None = node.get("items")
        return items
    properties: Mapping[str, Node] = node.get("properties", {})
    if part in properties:
        return properties[part]
    if patterns := node.get("patternProperties"):
        found: Node = next(iter(patterns.values()))
        return found
    additional = node.get("additionalProperties")
    return additional if isinstance(additional, Mapping) else None


def _paths(node: Node, path: Path) -> Iterator[Path]:
    for key, child in resolved(node).get("properties", {}).items():
        yield (*path, key)
        yield from _paths(child, (*path, key))
