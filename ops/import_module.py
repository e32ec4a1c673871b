"""The settings module that an import writes: what a person would have written into it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ops.import_code import Comments, Group, Item, comment, literal, paths_in, quoted, statement
from stacks.paths import Path
from stacks.values import Rescue, ServerKind

_PARTS = {
    "image": "Image",
    "server": "Server",
    "metrics": "Metrics",
    "posthog": "PostHog",
    "litellm_settings": "LitellmSettings",
    "general_settings": "GeneralSettings",
    "router_settings": "RouterSettings",
}
_INNER = {
    "cache_params": "CacheParams",
    "retry_policy": "RetryPolicy",
    "allowed_fails_policy": "AllowedFailsPolicy",
}
_ENUMS = {"kind": ServerKind, "rescue": Rescue}
_FROM_SETTINGS = frozenset({"Definition", "Image", "Server"})
_FROM_VALUES = frozenset({"Extras", "ModelGroup", "Rescue", "ServerKind"})
_CHAINS: Path = ("router_settings", "fallbacks")
_ORDER_OF_MODEL = ("name", "provider", "model", "id", "mode")
# Arguments that ruff takes for a password's value, though they hold a secret's name (S106).
_NAMES_OF_SECRETS = ("password", "secret", "token")
_NOTE = "  # noqa: S106 (a name, not a value)"

_NOT_IN_DOCSTRINGS = str.maketrans({"\\": "/", '"': "'"})

Statement = tuple[str, Group | str, Path]


def module_text(definition: Mapping[str, Any], head: str, comments: Comments) -> str:
    """Return the module; `comments` stand above the lines of their settings paths.

    A comment whose path is not written stands above the nearest that is, at last above
    `DEFINITION`.
    """
    statements = list(_statements(definition))
    placed = placed_in(statements, comments)
    texts = [statement(name, value, path, placed) for name, value, path in statements]
    used = set(_words(statements))
    imports = [
        *_import("stacks.litellm", used - _FROM_SETTINGS - _FROM_VALUES),
        *_import("stacks.settings", used & _FROM_SETTINGS),
        *_import("stacks.values", used & _FROM_VALUES),
    ]
    docstring = '"""' + "\n".join(_docstring(head)) + '\n"""\n'
    return "\n".join([docstring, "\n".join(imports) + "\n", *texts])


def placed_in(statements: list[Statement], comments: Comments) -> Comments:
    """Return the comments by paths that are written."""
    written = {path for _, value, path in statements for path in (path, *paths_in(value))}
    placed: dict[Path, tuple[str, ...]] = {}
    for path, texts in comments.items():
        place = _nearest(path, written)
        shown = tuple(
            text for text in texts if comment(text)
        )  # one that says nothing takes no line
        if shown:
            placed[place] = (*placed.get(place, ()), *shown)
    return placed


def _nearest(path: Path, written: set[Path]) -> Path:
    """Return the longest written beginning of a path, through `extras` where it stands there."""
    here: Path = ()
    for index, part in enumerate(path):
        step = next(
            (
                (*here, *more, part)
                for more in ((), ("extras",), ("info",))
                if (*here, *more, part) in written
            ),
            None,
        )
        if step is None and not _has_children(path[: index + 1], written):
            break
        here = step if step is not None else path[: index + 1]
    while here and here not in written:
        here = here[:-1]
    return here


def _has_children(path: Path, written: set[Path]) -> bool:
    return any(each[: len(path)] == path for each in written)


def _statements(definition: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield what is assigned, in the order in which a reader wants to know it."""
    if definition.get("models"):
        models = tuple(_model(index, model) for index, model in enumerate(definition["models"]))
        yield "PROVIDERS", _providers(definition["providers"]), ("providers",)
        yield "MODELS", Group("(", ")", models), ("models",)
    chains = definition.get("router_settings", {}).get("fallbacks")
    if chains is not None:
        typed = "CHAINS: dict[ModelGroup, tuple[ModelGroup, ...]]"
        tuples = {source: tuple(targets) for source, targets in chains.items()}
        yield typed, literal(tuples, _CHAINS), _CHAINS
    for key in ("litellm_settings", "general_settings", "router_settings"):
        if key in definition:
            yield key.upper(), _call(_PARTS[key], definition[key], (key,)), (key,)
    if "sections" in definition:
        yield "SECTIONS: Extras", literal(definition["sections"], ("sections",)), ("sections",)
    if "server" in definition:
        yield "SERVER", _call("Server", definition["server"], ("server",)), ("server",)
    yield "DEFINITION", _definition(definition), ()


def _definition(definition: Mapping[str, Any]) -> Group:
    order = dict.fromkeys(("image", "server", "providers", "models", "rescue", *_PARTS, "sections"))
    items: list[Item] = []
    for key in (key for key in order if key in definition):
        value: Group | str = key.upper()
        if key in ("image", "metrics", "posthog"):
            value = _call(_PARTS[key], definition[key], (key,))
        elif key == "rescue":
            value = _enum(key, definition[key])
        own = isinstance(value, Group) or key == "rescue"
        items.append(Item(f"{key}=", value, (key,) if own else ("", key)))
    return Group("Definition(", ")", tuple(items))


def _providers(providers: Mapping[str, Any]) -> Group:
    items = (
        Item(
            f"{quoted(name)}: ", _call("Provider", fields, ("providers", name)), ("providers", name)
        )
        for name, fields in providers.items()
    )
    return Group("{", "}", tuple(items))


def _model(index: int, model: Mapping[str, Any]) -> Item:
    path: Path = ("models", index)
    first = [key for key in _ORDER_OF_MODEL if key in model]
    ordered = {key: model[key] for key in (*first, *(k for k in model if k not in first))}
    return Item("", _call("Model", ordered, path), path)


def _call(name: str, fields: Mapping[str, Any], path: Path) -> Group:
    last = {key: fields[key] for key in fields if key in ("extras", "info", "entry")}
    items = []
    for key, value in {**{k: v for k, v in fields.items() if k not in last}, **last}.items():
        here = (*path, key)
        if here == _CHAINS:
            items.append(Item("fallbacks=", "CHAINS", ("", *here)))
        elif key in _INNER and isinstance(value, Mapping):
            items.append(Item(f"{key}=", _call(_INNER[key], value, here), here))
        elif key in _ENUMS and isinstance(value, str) and name in ("Server", "Model"):
            items.append(Item(f"{key}=", _enum(key, value), here))
        else:
            secret = isinstance(value, str) and any(word in key for word in _NAMES_OF_SECRETS)
            typed = _tuples(value) if key not in last else value
            items.append(Item(f"{key}=", literal(typed, here), here, _NOTE if secret else ""))
    return Group(f"{name}(", ")", tuple(items))


def _tuples(value: Any) -> Any:
    """Write the lists of typed keys as tuples: what they are once loaded."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _enum(key: str, value: str) -> str:
    member = _ENUMS[key](value)
    return f"{type(member).__name__}.{member.name}"


def _words(statements: list[Statement]) -> Iterator[str]:
    """Yield the names that the statements use and an import has to bring."""
    for name, value, _ in statements:
        yield from (word for word in ("ModelGroup", "Extras") if word in name)
        yield from _called(value)


def _called(value: Group | str) -> Iterator[str]:
    if isinstance(value, str):
        head = value.partition(".")[0]
        if head in _FROM_VALUES:
            yield head
        return
    if value.opening[:-1]:
        yield value.opening[:-1]
    for item in value.items:
        yield from _called(item.value)


def _import(module: str, names: set[str] | frozenset[str]) -> Iterator[str]:
    if not names:
        return
    ordered = sorted(names)
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= 100:  # noqa: PLR2004 - the width of a line
        yield line
        return
    yield f"from {module} import ("
    yield from (f"    {name}," for name in ordered)
    yield ")"


def _docstring(head: str) -> Iterator[str]:
    for index, paragraph in enumerate(head.split("\n\n")):
        if index:
            yield ""
        for line in comment(" ".join(paragraph.split())):
            yield line.removeprefix("# ").translate(_NOT_IN_DOCSTRINGS)
