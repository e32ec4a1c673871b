"""What would be promoted: one environment's proven bundle, as another one would deploy it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from components.bundle import Bundle, make_bundle
from components.promoted import Base
from components.suppressing import suppressions_in
from components.validate import load_over
from gateway.own_variables import VERTEX, vertex_variables
from stacks.config_file import read_config_file
from stacks.load import Loaded, RawConfig
from stacks.paths import spell
from stacks.places import DEFINITION_FILE
from stacks.problem import Problem, ProblemError
from stacks.promotion import TOML, YAML, Promoted
from stacks.secrecy import secrets_in_plain
from stacks.settings import SCHEMA_VERSION, Definition, Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A bundle on its way; `loaded` is None when the target's settings have `problems`."""

    source: str
    target: str
    definition: Definition
    image: str
    bundle: Bundle
    """As the source renders it, with the image pinned: its digest is what is promoted."""
    loaded: Loaded | None
    problems: tuple[Problem, ...]
    overlays: Mapping[str, Mapping[str, Any]]
    """What each of both environments says in its own file; secrets are not among it."""

    @property
    def settings(self) -> Settings | None:
        """What the target would deploy."""
        return None if self.loaded is None else self.loaded.settings

    def document(self) -> dict[str, Any]:
        """Return what a promotion file says of the bundle itself."""
        settings = self.settings
        bundle = self.bundle if settings is None else make_bundle(settings)
        return {
            "environment": self.target,
            "source": self.source,
            "bundle": self.bundle.digest,
            "image": self.image,
            "settings_schema": SCHEMA_VERSION,
            "definition": self.definition.model_dump(mode="json"),
            "secret_names": list(self.bundle.secret_names),
            "texts": {YAML: bundle.litellm_yaml, TOML: bundle.fly_toml},
            "overlays": {name: dict(values) for name, values in self.overlays.items()},
        }


def make_candidate(
    root: Path, source: Settings, target: str, *, image_digest: str, today: date
) -> Candidate:
    """Return the candidate; `image_digest` is what Fly reported for the source's machines.

    A digest that the source pins is what its machines were made with and what was proven, and is
    kept: of an index, Fly may report the digest of the part for its own platform.
    Raises `ProblemError` when the definition holds what may be a secret: it would be in the file.
    """
    image = source.image.model_copy(update={"digest": source.image.digest or image_digest})
    pinned = source.model_copy(update={"image": image})
    definition = shared_definition(pinned)
    bundle = make_bundle(pinned)
    raw = read_config_file(root, target)
    overlays = {
        source.environment: read_config_file(root, source.environment).values,
        target: _without_pointer(raw.values),
    }
    plain = [*secrets_in_plain(definition.model_dump(mode="json"))]
    if plain:
        raise ProblemError([_secret(spell(path)) for path in plain])
    raw = replace(raw, values=_without_pointer(raw.values))
    base = Base(definition, _provisional(source.environment, target, definition, bundle))
    loaded, problems = _loaded(root, base, target, raw, today)
    return Candidate(
        source.environment, target, definition, image.reference, bundle, loaded, problems, overlays
    )


def shared_definition(settings: Settings) -> Definition:
    """Return an environment's definition with every default written out, without what is its own.

    A later program may have other defaults: what was promoted has those of its own day.
    """
    tree = {name: settings.model_dump(mode="json")[name] for name in Definition.model_fields}
    for field in vertex_variables(settings):
        tree["providers"][VERTEX][field] = None
    return Definition.model_validate(tree)


def _loaded(
    root: Path, base: Base, target: str, raw: RawConfig, today: date
) -> tuple[Loaded | None, tuple[Problem, ...]]:
    try:
        entries = suppressions_in([root])
        return load_over(base, target, raw, today=today, suppressions=entries), ()
    except ProblemError as error:
        return None, error.problems


def _provisional(source: str, target: str, definition: Definition, bundle: Bundle) -> Promoted:
    """Return the candidate as if it had been promoted, for the very check that a deployment has."""
    document = {
        "environment": target,
        "source": source,
        "bundle": bundle.digest,
        "image": bundle.image,
        "texts": {YAML: bundle.litellm_yaml, TOML: bundle.fly_toml},
        "secret_names": list(bundle.secret_names),
        "program": {},
        "gates": [],
    }
    return Promoted("the bundle to be promoted", document, definition)


def _without_pointer(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out which promotion is deployed: that is what changes, and no property of it."""
    promotion = values.get("promotion")
    if not isinstance(promotion, Mapping):
        return dict(values)
    kept = {key: value for key, value in promotion.items() if key != "file"}
    return {**values, "promotion": kept}


def _secret(spelled: str) -> Problem:
    return Problem(
        f"{DEFINITION_FILE}: {spelled}",
        "promotion.secret",
        "",
        "this has the form of a secret, and a promotion's file is read by many (the value is not"
        " shown); nothing was written",
        "name a secret here instead, deploy and promote again; replace the key at its provider",
    )
