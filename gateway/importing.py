"""How LiteLLM's YAML becomes the shared definition's settings, and what of it stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from gateway.importing_models import import_models
from gateway.render import CHAIN_KEYS, DATABASE_KEYS, GENERAL_REFERENCES, ROUTER_REFERENCES
from stacks.extras import REFERENCE, SECTIONS, texts
from stacks.importing import Change, Kind, same
from stacks.litellm import (
    CacheParams,
    Extensible,
    GeneralSettings,
    LitellmSettings,
    RouterSettings,
)
from stacks.load import SECRET_NAME

PARTS: Mapping[str, tuple[type[Extensible], tuple[str, ...]]] = {
    "litellm_settings": (LitellmSettings, ()),
    "general_settings": (GeneralSettings, GENERAL_REFERENCES),
    "router_settings": (RouterSettings, ROUTER_REFERENCES),
}


@dataclass(slots=True)
class Imported:
    """What a LiteLLM YAML became: plain data for `Definition`, and what was done on the way."""

    definition: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """Secrets that nothing in the file names, though its models need them, and what for."""

    @property
    def needs_database(self) -> bool:
        """Tell whether the file says that there is a database."""
        general = self.definition.get("general_settings", {})
        return bool(DATABASE_KEYS & {*general, *general.get("extras", {})})


def import_litellm(tree: Mapping[str, Any]) -> Imported:
    """Return what a YAML's data says as settings.

    `tree` is plain (`stacks.importing.plain`) and without secrets (`stacks.literal_secrets`). A
    key that has no setting, or a value that its setting does not take, is kept among the extras.
    """
    made = Imported()
    for name, (part, references) in PARTS.items():
        section = tree.get(name)
        if isinstance(section, Mapping) and section:
            fields = typed(part, section, ("litellm", name), made.changes, references)
            made.definition[name] = fields
        elif section:
            _lost(made, name, "this section is no mapping; LiteLLM cannot read it")
    chains = made.definition.get("router_settings", {}).get("fallbacks", {})
    models = tree.get("model_list")
    if isinstance(models, list):
        found = import_models(models, frozenset(chains) - {"*"})
        made.definition |= found.definition
        made.changes += found.changes
        made.secrets |= found.secrets
    elif models:
        _lost(made, "model_list", "this is no list of models; LiteLLM cannot read it")
    sections = {key: value for key, value in tree.items() if key not in SECTIONS}
    if sections:
        made.definition["sections"] = sections
        for key in sections:
            said = f"kept as it stands in sections.{key}"
            made.changes.append(Change(("litellm", key), Kind.EXTRA, said))
    return made


def typed(
    part: type[Extensible],
    values: Mapping[str, Any],
    path: tuple[str | int, ...],
    changes: list[Change],
    references: tuple[str, ...] = (),
    base: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of a `part` that say `values`, the rest of them below `extras`.

    `references` are the fields that hold the name of a secret, `base` what the part needs to be
    made at all.
    """
    fields: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    for key, value in values.items():
        if key == "cache_params" and isinstance(value, Mapping):
            inner = typed(CacheParams, value, (*path, key), [])
            clashes = "type" in inner.get("extras", {})
            candidate: Any = None if clashes else inner
        else:
            candidate = _candidate(key, value, references)
        if candidate is not None and _taken(part, key, candidate, base or {}):
            fields[key] = candidate
        else:
            extras[key] = value
            changes.append(Change((*path, key), Kind.EXTRA, "kept as it stands among the extras"))
    return fields | ({"extras": extras} if extras else {})


def _candidate(key: str, value: Any, references: tuple[str, ...]) -> Any:
    """Return what the field of this name would hold; None where it cannot hold the value."""
    if key in references:
        name = value.removeprefix(REFERENCE) if isinstance(value, str) else ""
        return name if value == f"{REFERENCE}{name}" and SECRET_NAME.fullmatch(name) else None
    if any(text.startswith(REFERENCE) for _, text in texts(value)):
        return None  # only extras are looked through for the secrets that they refer to
    return chain_mapping(value) if key in CHAIN_KEYS else value


def chain_mapping(value: Any) -> dict[str, Any] | None:
    """Return a list of one-key mappings as one mapping; None where it says more than that."""
    if not isinstance(value, list) or not all(isinstance(e, Mapping) for e in value):
        return None
    if any(len(entry) != 1 for entry in value):
        return None  # LiteLLM reads the first key of an entry only
    merged = {source: targets for entry in value for source, targets in entry.items()}
    return merged if len(merged) == len(value) else None


def _taken(part: type[Extensible], key: str, value: Any, base: Mapping[str, Any]) -> bool:
    if key not in part.model_fields or key == "extras":
        return False
    try:
        made = part.model_validate({**base, key: value})
    except ValidationError:
        return False
    given = made.given().get(key)
    if isinstance(value, dict) and "extras" in value:
        value = {k: v for k, v in value.items() if k != "extras"} | value["extras"]
    defaults = {"type": "redis"} if key == "cache_params" else {}
    return same(given, {**defaults, **value} if defaults else value)


def _lost(made: Imported, name: str, text: str) -> None:
    made.changes.append(Change(("litellm", name), Kind.LOST, f"{text}; it is left out"))
