"""That an environment deploys what was promoted to it, and nothing else."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path as FilePath
from typing import Any

import yaml

from components.bundle import Bundle, environment_neutral, make_bundle
from components.configuration import settings_path
from fly.differences import MISSING, differences
from stacks.gateway import DEFINITION
from stacks.load import Loaded, RawConfig
from stacks.paths import Path, parse
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError, Severity
from stacks.promotion import TOML, YAML, Promoted, read_promotion
from stacks.secrecy import shown
from stacks.settings import Definition, Settings

SHOWN = 3  # places of the definition: a program that renders otherwise moves many
DIGITS_OF_REVISION = 12


@dataclass(frozen=True, slots=True)
class Base:
    """What an environment's own values are laid over, and what is wrong with where it is from."""

    definition: Definition = DEFINITION
    promoted: Promoted | None = None
    problems: tuple[Problem, ...] = ()


def base_of(
    root: FilePath, environment: str, raw: RawConfig, *, deploying: bool, today: date
) -> Base:
    """Return the definition of the environment's promotion; without one, that which all share.

    `deploying`: an environment that takes promotions and names none is told. Otherwise it is read
    as if the shared definition were promoted now. Raises `ProblemError` when the promotion that is
    named cannot be read: what would be said of values over anything else is beside the point.
    """
    given = raw.values.get("promotion")
    if not isinstance(given, Mapping) or not isinstance(given.get("source"), str):
        return Base()  # no promotion, or one whose shape the loader tells about
    source, file = given["source"], given.get("file")
    if not isinstance(file, str):
        return Base(problems=(_not_promoted(environment, source),) if deploying else ())
    try:
        promoted = read_promotion(root, file, environment, source)
    except ProblemError as error:
        raise ProblemError([*raw.problems, *error.problems]) from None
    expired = tuple(_expired(promoted, gate) for gate in promoted.expired_waivers(today))
    return Base(promoted.definition, promoted, expired)


def definition_of(root: FilePath, environment: str, raw: RawConfig) -> Definition:
    """Return what the environment's values are laid over; `ProblemError` if it cannot be read."""
    base = base_of(root, environment, raw, deploying=False, today=date.min)
    if base.problems:
        raise ProblemError(base.problems)
    return base.definition


def other_bundle(loaded: Loaded, promoted: Promoted) -> tuple[Problem, ...]:
    """Return what makes the settings another bundle than the promoted one; nothing if it is it."""
    settings = loaded.settings
    bundle = make_bundle(settings)
    if (bundle.digest, bundle.image) == (promoted.bundle, promoted.image):
        return ()
    own, program = [], []
    for spelled, before, after in _moved(settings, bundle, promoted):
        place = loaded.place(spelled)
        if place.startswith(configuration_file(settings.environment)):
            own.append(_reaches_in(settings.environment, place, spelled, before, after))
        else:
            program.append(spelled)
    if not own or program:
        own.append(_renders_otherwise(promoted, bundle, program))
    return tuple(own)


def _moved(
    settings: Settings, bundle: Bundle, promoted: Promoted
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each setting behind a difference once, with a value of both sides."""
    found: dict[str, tuple[Any, Any]] = {}
    if bundle.image != promoted.image:
        found["image"] = (promoted.image, bundle.image)
    probes: dict[str, tuple[Any, Any]] = {}
    for path, before, after in _paths(bundle, promoted):
        match path:
            case ("litellm", "model_list", int(index), *_) if index >= len(settings.models):
                probes.setdefault("proof", (before, after))
            case _:
                found.setdefault(settings_path(path, settings), (before, after))
    for name in sorted(set(bundle.secret_names) ^ set(promoted.secret_names)):
        there = name in promoted.secret_names
        found.setdefault(f"secrets.{name}", (name, MISSING) if there else (MISSING, name))
    for spelled, (before, after) in (found or probes).items():
        yield spelled, before, after


def _paths(bundle: Bundle, promoted: Promoted) -> Iterator[tuple[Path, Any, Any]]:
    texts = (promoted.texts[YAML], bundle.litellm_yaml)
    litellm = (yaml.load(text, Loader=yaml.CSafeLoader) for text in texts)
    for each in differences(*litellm):
        yield ("litellm", *each.steps), each.before, each.after
    neutral = (
        environment_neutral(tomllib.loads(text), bundle.own_variables)
        for text in (promoted.texts[TOML], bundle.fly_toml)
    )
    for each in differences(*neutral):
        first, *rest = each.steps
        path = ("environment", *rest) if first == "env" else ("fly", *each.steps)
        yield path, each.before, each.after


def _not_promoted(environment: str, source: str) -> Problem:
    return Problem(
        f"{configuration_file(environment)}: gateway:promotion.file",
        "promotion.none",
        "",
        f"{environment} deploys what {source} proved and was promoted; nothing was promoted yet",
        f"gateway promote {source} {environment}",
    )


def _expired(promoted: Promoted, gate: Mapping[str, Any]) -> Problem:
    waiver = gate["waiver"]
    return Problem(
        promoted.file,
        "promotion.waiver",
        str(gate["gate"]),
        f"{waiver['by']} waived this gate until {waiver['until']} ({waiver['why']}); that is over",
        f"promote again without the waiver: gateway promote {promoted.document['source']}"
        f" {promoted.document['environment']}",
        Severity.WARNING,
    )


def _reaches_in(environment: str, place: str, spelled: str, before: Any, after: Any) -> Problem:
    path = _parsed(spelled)
    was = "nothing" if before is MISSING else shown(path, before)
    return Problem(
        place,
        "promotion.bundle",
        "" if after is MISSING else shown(path, after),
        f"the promoted bundle has {was} here, and what reaches into the bundle is the same in every"
        " environment",
        f"remove it from {configuration_file(environment)}, or change it where dev gets it too, and"
        " promote",
    )


def _renders_otherwise(promoted: Promoted, bundle: Bundle, places: list[str]) -> Problem:
    where = ", ".join(places[:SHOWN]) or "the schema of the settings"
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    at = promoted.revision[:DIGITS_OF_REVISION]
    return Problem(
        promoted.file,
        "promotion.bundle",
        bundle.digest[:12],
        f"{promoted.bundle[:12]} was promoted; this program renders another bundle of the same"
        f" definition, at {where}{more}",
        f"promote again, or deploy with the program that was promoted: git checkout {at}"
        if at
        else "promote again",
    )


def _parsed(spelled: str) -> Path:
    try:
        return parse(spelled)
    except ValueError:
        return (spelled,)
