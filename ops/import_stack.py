"""The `Pulumi.<environment>.yaml` that an import writes: what is the environment's own."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ops.import_code import Comments, comment
from stacks.paths import Path

_ORDER = ("store", "fly", "postgres", "redis", "secrets")
_OWN_KEYS = (*_ORDER, "environment")
# What no fly.toml says, by settings path: told where it has to be written.
MISSING: Mapping[Path, str] = {
    ("fly", "organization"): "the slug that `fly orgs list` prints, for example acme",
    ("fly", "app"): "the Fly app's name, for example acme-ai-gateway-dev",
    ("fly", "regions"): "a region code and its number of machines, for example iad: 2",
}


def stack_text(own: Mapping[str, Any], comments: Comments) -> str:
    """Return the file's text: what it lacks stands in it as a comment."""
    lines = ["config:"]
    rest = {path: list(texts) for path, texts in comments.items() if path[:1] and _is_own(path)}
    for key in (*_ORDER, *(k for k in own if k not in _ORDER)):
        if key not in own:
            continue
        lines += _comments((key,), rest, "  ", own[key])
        if key == "fly":
            lines += [
                line
                for path, said in missing(own).items()
                for line in comment(f"{path[1]} is still to be set here: {said}", "  ")
            ]
        lines += _entry(f"gateway:{key}", own[key], (key,), rest, "  ")
    return "\n".join(lines) + "\n"


def missing(own: Mapping[str, Any]) -> dict[Path, str]:
    """Return what has to be said of an environment and is not."""
    return {path: said for path, said in MISSING.items() if path[1] not in own.get("fly", {})}


def _is_own(path: Path) -> bool:
    return path[0] in _OWN_KEYS


def _entry(
    key: str, value: Any, path: Path, comments: dict[Path, list[str]], indent: str
) -> Iterator[str]:
    shown = _scalar(key)
    if not isinstance(value, Mapping) or not value:
        yield f"{indent}{shown}: {_flow(value)}"
        return
    yield f"{indent}{shown}:"
    for inner, item in value.items():
        here = (*path, inner)
        yield from _comments(here, comments, f"{indent}  ", item)
        yield from _entry(str(inner), item, here, comments, f"{indent}  ")


def _comments(
    path: Path, comments: dict[Path, list[str]], indent: str, value: Any
) -> Iterator[str]:
    """Yield the comments of a path, and those below it that have no line of their own."""
    for place in list(comments):
        below = place[: len(path)] == path
        own_line = below and len(place) > len(path) and _has(value, place[len(path)])
        if below and not own_line:
            for text in comments.pop(place):
                yield from comment(text, indent)


def _has(value: Any, key: Any) -> bool:
    return isinstance(value, Mapping) and key in value


def _scalar(key: str) -> str:
    return _flow(key)


def _flow(value: Any) -> str:
    """Return a value in one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return str(text).removesuffix("\n").removesuffix("\n...")
