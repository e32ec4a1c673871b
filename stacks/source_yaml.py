"""How LiteLLM's YAML is read: the data that the proxy gets, its places, and what is wrong."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from stacks.paths import Part, Path
from stacks.problem import Problem, Severity
from stacks.source import Lines, Place, Source, decoded, uncollected
from stacks.yaml_data import MERGE, Data
from stacks.yaml_nodes import MOST_FAULTS, Fault, Node, compose
from stacks.yaml_syntax import syntax_fault

# What PyYAML's reader takes; anything else ends its reading.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_MORE = f"{MOST_FAULTS} things are wrong up to here; what else there is was left out"


def read_yaml(raw: bytes, file: str) -> Source:
    """Return what a YAML file says, read as the proxy reads it; never raises.

    `data` is {} where the text is no YAML or its top level no mapping.
    """
    text, problem = decoded(raw, file)
    if text is None:
        return Source(file, {}, (problem,) if problem else ())
    lines = Lines(text, file)
    faults: list[Fault] = []
    root = nodes(lines, faults)
    if root is not None:
        faults += _about_the_top(root)
    elif not faults:
        faults.append(_empty())
    faults.sort(key=lambda fault: fault.offset)
    if len(faults) >= MOST_FAULTS:
        faults.append(faults[-1]._replace(id="source.more", value="", expected=_MORE))
    problems = tuple(_problem(fault, lines) for fault in faults)
    return Source(
        file,
        _mapping(root),
        problems,
        lambda path: None if root is None else _find(root, path, lines),
    )


def nodes(lines: Lines, faults: list[Fault]) -> Node | None:
    """Return the root of a text's nodes, None where it has none; what is wrong is in `faults`."""
    text = lines.text
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        faults.append(_control_character(unprintable))
        return None
    try:
        with uncollected():
            return compose(text, Data(faults, lines), faults)
    except yaml.YAMLError as error:
        faults.append(syntax_fault(error, lines))
        return None
    except RecursionError:
        faults.append(Fault(0, "source.depth", "", "this is nested too deeply", "flatten it"))
        return None


def child(node: Node, part: Part) -> tuple[Node, Node] | None:
    """Return the key and the value, or the entry twice, that `part` names below a node."""
    node = node.real
    if node.kind == "sequence":
        if isinstance(part, int) and 0 <= part < len(node.children):
            return node.children[part], node.children[part]
        return None
    if node.lookup is None:
        node.lookup = _lookup(node)
    return node.lookup.get(part) or _merged_child(node, part)


def _lookup(node: Node) -> dict[Any, tuple[Node, Node]]:
    """Return a mapping's own entries by key; one that is no text also by its text."""
    own = [pair for pair in node.pairs if pair[0].kind == "scalar" and pair[0].data is not MERGE]
    return {str(key.data): (key, value) for key, value in own} | {
        key.data: (key, value) for key, value in own
    }


def _merged_child(node: Node, part: Part) -> tuple[Node, Node] | None:
    for key, value in reversed(node.pairs):
        if key.data is MERGE:
            several = value.real.kind == "sequence"
            for source in value.real.children if several else [value]:
                if source.real.kind == "mapping" and (found := child(source, part)):
                    return found
    return None


def _find(root: Node, path: Path, lines: Lines) -> Place:
    node = root
    offset = root.start
    for part in path:
        found = child(node, part)
        if found is None:
            break
        offset, node = found[0].start, found[1]
    return lines.place(offset)


def _mapping(root: Node | None) -> Mapping[str, Any]:
    return root.data if root is not None and isinstance(root.data, dict) else {}


def _about_the_top(root: Node) -> list[Fault]:
    if isinstance(root.data, dict):
        return []
    if root.data is None:
        return [_empty()]
    what = {"sequence": "a list"}.get(root.kind, "a single value")
    return [
        Fault(
            root.start,
            "source.top",
            "",
            f"the top level is {what}; LiteLLM expects a mapping with keys such as model_list",
            "begin with a key: `model_list:` and the list below it",
        )
    ]


def _empty() -> Fault:
    return Fault(
        0,
        "source.empty",
        "",
        'nothing is written here; LiteLLM stops with "Config cannot be None or Empty."',
        "write at least `model_list: []`",
    )


def _control_character(found: re.Match[str]) -> Fault:
    return Fault(
        found.start(),
        "source.character",
        f"U+{ord(found[0]):04X}",
        "YAML allows no such control character, and LiteLLM's reader stops at it",
        f'take it out; inside double quotes it can be written as "\\u{ord(found[0]):04x}"',
    )


def _problem(fault: Fault, lines: Lines) -> Problem:
    place = str(lines.place(fault.offset))
    return Problem(
        place, fault.id, fault.value, fault.expected, fault.next_step, Severity(fault.severity)
    )
