"""What is wrong with the shape of a configuration, told all at once, and settings in its stead.

A wrong key must not hide the other problems: it is told, then put aside (the definition's value,
the default or a stand-in takes its place), so that the checks of meaning can still run.
"""

import difflib
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stacks.expectation import example, expectation, key_expectation, keys_at, places_of
from stacks.paths import Part, Path, spell
from stacks.places import Place
from stacks.problem import Problem, ProblemError
from stacks.secrecy import shown
from stacks.settings import Settings

_ROUNDS = 12  # each puts every wrong key of one depth aside, and settings are less deep

# What stands in for a missing or wrong value that has no default, for the checks' sake only.
_STAND_INS: dict[tuple[str, ...], Any] = {
    ("fly",): {},
    ("fly", "organization"): "stand-in",
    ("fly", "app"): "stand-in",
    ("fly", "regions"): {"iad": 1},
    ("models", "*"): {"name": "stand-in", "provider": "openai"},
    ("models", "*", "name"): "stand-in",
    ("models", "*", "provider"): "openai",
}


def fitted(
    tree: Mapping[str, Any], base: Mapping[str, Any], environment: str, place: Place
) -> tuple[Settings, tuple[Problem, ...]]:
    """Return settings for `tree` and a problem for each key that had to be put aside.

    `base` is what the definition says; its values replace wrong ones. `tree` is left as it is.
    """
    tree = _copied(tree)
    problems: dict[Path, Problem] = {}
    for _ in range(_ROUNDS):
        try:
            return Settings.model_validate(tree), tuple(problems.values())
        except ValidationError as error:
            aside: set[Path] = set()
            for details in error.errors(include_url=False):
                path = _path(details["loc"])
                null = _null(details)
                # It is no news that a mapping is wrong whose wrong keys have been told.
                if not null and not any(known[: len(path)] == path for known in problems):
                    problems[path] = _problem(details, path, environment, place)
                target = _whole(path)
                if not any(target[:n] in aside for n in range(1, len(target) + 1)):
                    _put_aside(tree, {} if null else base, target)
                    aside.add(target)
    raise ProblemError(problems.values())


def _path(location: tuple[Part, ...]) -> Path:
    """Return pydantic's location without its mark for "the key itself"."""
    return location[:-1] if location and location[-1] == "[key]" else location


def _null(details: ErrorDetails) -> bool:
    """Say whether the error is a null that says "as the default", or "without this key"."""
    location = details["loc"]
    return (
        details["input"] is None
        and details["type"] not in {"missing", "extra_forbidden"}
        and not (location and isinstance(location[-1], int))
    )


def _problem(details: ErrorDetails, path: Path, environment: str, place: Place) -> Problem:
    kind, where = details["type"], place(spell(path))
    if kind == "extra_forbidden":
        return _unknown(path, details["input"], environment, where)
    key = shlex.quote(f"gateway:{spell(path)}")
    if kind == "missing":
        asked = _example(path).replace("gateway-dev", f"gateway-{environment}")
        command = f"pulumi config set -s {environment} --path {asked}"
        return Problem(where, "settings.missing", "", f"required: {expectation(path)}", command)
    if details["loc"][-1] == "[key]":
        return Problem(
            where,
            "settings.key",
            "",
            f"{shown(path[:-1], path[-1])} cannot be a key here: expected"
            f" {key_expectation(path[:-1])}",
            f"rename it, or remove it: pulumi config rm -s {environment} --path {key}",
        )
    if example(path) is not None:
        step = f"pulumi config set -s {environment} --path {_example(path)}"
    else:
        step = f"correct it, or remove it: pulumi config rm -s {environment} --path {key}"
    value = shown(path, details["input"])
    return Problem(where, "settings.value", value, f"expected {expectation(path)}", step)


def _unknown(path: Path, value: Any, environment: str, where: str) -> Problem:
    key, siblings = str(path[-1]), keys_at(path[:-1])
    near = difflib.get_close_matches(key, siblings, n=1, cutoff=0.6)
    elsewhere = places_of(key)
    if near:
        step = f'did you mean "{near[0]}"? Rename the key'
    elif elsewhere:
        step = f"move it to gateway:{elsewhere[0]}"
    else:
        quoted = shlex.quote(f"gateway:{spell(path)}")
        step = f"remove it: pulumi config rm -s {environment} --path {quoted}"
    known = f"known here: {', '.join(siblings)}" if siblings else "nothing can stand here"
    return Problem(
        where,
        "settings.unknown",
        shown(path, value),
        f"no setting has this name; {known}",
        f"{step} (docs/settings.md lists every key)",
    )


def _example(path: Path) -> str:
    """Return `KEY VALUE` for a `pulumi config set --path` that works as written."""
    value = example(path)
    if path == ("fly", "regions"):
        path, value = (*path, "iad"), 1
    return f"{shlex.quote(f'gateway:{spell(path)}')} {shlex.quote(str(value))}"


def _copied(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _copied(item) for key, item in tree.items()}
    return [_copied(item) for item in tree] if isinstance(tree, list | tuple) else tree


def _pattern(path: Path) -> tuple[str, ...]:
    return tuple("*" if isinstance(part, int) else part for part in path)


def _whole(path: Path) -> Path:
    """Return the path to put aside: a wrong item without a stand-in takes its list along."""
    while isinstance(path[-1], int) and _pattern(path) not in _STAND_INS:
        path = path[:-1]
    return path


def _put_aside(tree: Any, base: Mapping[str, Any], path: Path) -> None:
    """Replace the value at `path` by the definition's, a stand-in or nothing."""
    for part in path[:-1]:
        tree = tree[part]
    last = path[-1]
    known, value = _value_at(base, path)
    if known and (not isinstance(tree, Mapping) or tree.get(last) != _copied(value)):
        tree[last] = _copied(value)
    elif _pattern(path) in _STAND_INS:
        tree[last] = _copied(_STAND_INS[_pattern(path)])
    else:
        tree.pop(last, None)


def _value_at(tree: Any, path: Path) -> tuple[bool, Any]:
    for part in path:
        if isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
        else:
            return False, None
    return True, tree
