"""What may stand among the extras of settings: references, but no key twice and no secret."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stacks.litellm import Extensible, Model
from stacks.paths import Part, Path, spell
from stacks.places import Place
from stacks.problem import Problem
from stacks.secrecy import secrets_in_plain
from stacks.settings import Settings

REFERENCE = "os.environ/"
_REFERENCES = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
SECTIONS = ("model_list", "litellm_settings", "general_settings", "router_settings")
# What of a model stands elsewhere than in `litellm_params`, under its own or another name.
_NOT_PARAMETERS = frozenset({"name", "provider", "id", "mode", "rescue", "extras", "info", "entry"})
_OF_ENTRY = frozenset({"model_name", "litellm_params", "model_info"})


def extras_problems(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield each key that is given twice, and each secret in plain text; its value is not shown."""
    for path, instead in _clashes(settings):
        yield Problem(
            place(spell(path)),
            "settings.extras",
            "",
            f"this is given twice: `{instead}` says it too",
            f"remove either; extras are for what `{instead}` cannot say",
        )
    for path, extras in all_extras(settings):
        for inner in secrets_in_plain(extras, path):
            yield Problem(
                place(spell(inner)),
                "settings.plain_secret",
                "",
                "a secret in plain text: extras name secrets, as os.environ/NAME (the value is not"
                " shown)",
                f"pulumi config set -s {settings.environment} --secret gateway:NAME, write"
                " os.environ/NAME where the value was, and replace the key at its provider if this"
                " file was shared",
            )


def references(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the NAME of each os.environ/NAME among LiteLLM's extras, and where it stands."""
    for path, extras in all_extras(settings):
        if path[0] != "fly":
            for inner, value in texts(extras, path):
                for name in referred(value):
                    yield name, spell(inner)


def referred(text: str) -> tuple[str, ...]:
    """Return each NAME of os.environ/NAME in a text; in a header one may stand behind a word."""
    return tuple(_REFERENCES.findall(text))


def all_extras(settings: Settings) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every mapping of extras that holds something, with its path."""
    parts: list[tuple[Path, Mapping[str, Any]]] = [
        ((key, "extras"), getattr(settings, key).extras) for key in SECTIONS[1:]
    ]
    cache = settings.litellm_settings.cache_params
    if cache is not None:
        parts.append((("litellm_settings", "cache_params", "extras"), cache.extras))
    parts += [(("providers", name, "extras"), p.extras) for name, p in settings.providers.items()]
    for index, model in enumerate(settings.models):
        parts += [
            (("models", index, key), getattr(model, key)) for key in ("extras", "info", "entry")
        ]
    fly = settings.fly
    parts += [
        (("sections",), settings.sections),
        (("fly", "extras"), fly.extras),
        (("fly", "vm"), fly.vm),
        (("fly", "check", "extras"), fly.check.extras),
    ]
    return ((path, extras) for path, extras in parts if extras)


def texts(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every text in a tree, with its path."""
    if isinstance(tree, str):
        yield path, tree
        return
    children: list[tuple[Part, Any]] = []
    if isinstance(tree, Mapping):
        children = [(str(key), item) for key, item in tree.items()]
    elif isinstance(tree, list | tuple):
        children = list(enumerate(tree))
    for part, item in children:
        yield from texts(item, (*path, part))


def _clashes(settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield the path of each extra whose key is given elsewhere too, and where that is."""
    for path, part in _extensible(settings):
        given = part.model_fields_set if isinstance(part, Model) else type(part).model_fields
        known = {key for key in given if getattr(part, key) is not None} - {"extras"}
        if isinstance(part, Model):
            known = (known - _NOT_PARAMETERS) | {"model"}
        for key in part.extras:
            if key in known:
                yield (*path, "extras", key), spell((*path, key))
    for index, model in enumerate(settings.models):
        for key in sorted({"id", "mode"} & model.model_fields_set & set(model.info)):
            yield ("models", index, "info", key), spell(("models", index, key))
        for key in sorted(_OF_ENTRY & set(model.entry)):
            yield ("models", index, "entry", key), spell(("models", index))
    for key in settings.sections:
        if key in SECTIONS:
            yield ("sections", key), "models" if key == "model_list" else key
    yield from _callbacks(settings)


def _callbacks(settings: Settings) -> Iterator[tuple[Path, str]]:
    extras = settings.litellm_settings.extras
    added = {"callbacks": ("metrics", settings.metrics)}
    for key in ("success_callback", "failure_callback"):
        added[key] = ("posthog", settings.posthog)  # type: ignore[assignment]
    for key, (name, part) in added.items():
        if part is not None and key in extras:
            yield ("litellm_settings", "extras", key), name


def _extensible(settings: Settings) -> Iterator[tuple[Path, Extensible]]:
    for key in SECTIONS[1:]:
        yield (key,), getattr(settings, key)
    if settings.litellm_settings.cache_params is not None:
        yield ("litellm_settings", "cache_params"), settings.litellm_settings.cache_params
    for name, provider in settings.providers.items():
        yield ("providers", name), provider
    for index, model in enumerate(settings.models):
        yield ("models", index), model
