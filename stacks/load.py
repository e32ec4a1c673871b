"""How a stack's configuration becomes `Settings`: one pure function, every problem at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.completeness import incomplete_providers
from stacks.extras import extras_problems
from stacks.gateway import DEFINITION
from stacks.merge import canonical, merged
from stacks.paths import Path, spell
from stacks.places import Place, configuration_file, place_in
from stacks.problem import Problem, ProblemError, Severity
from stacks.secrecy import secrets_in_plain
from stacks.settings import Definition, Settings
from stacks.shape import fitted

Check = Callable[[Settings, Place], Iterable[Problem]]
"""A check of meaning: what is wrong with settings whose shape is right."""

SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class RawConfig:
    """A stack's configuration as it was found, wherever it stands.

    `values` are what stands below `gateway:`; of secrets only the names are known here.
    `problems` are what was noticed while reading.
    """

    values: Mapping[str, Any]
    secret_names: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """One environment's settings, and what is known about where they came from."""

    settings: Settings
    place: Place
    secret_names: frozenset[str]
    """The secrets that the configuration holds."""
    warnings: tuple[Problem, ...]


def load_settings(
    environment: str,
    config: RawConfig,
    *,
    checks: Sequence[Check] = (),
    definition: Definition = DEFINITION,
) -> Loaded:
    """Lay the configuration over the definition and check the whole.

    Problems of shape and of meaning are collected together; if one of them is an error,
    `ProblemError` is raised with all. The settings returned are canonical: no mapping keeps the
    order in which a file was written.
    """
    base = definition.model_dump(exclude_unset=True)
    place = place_in(environment, config.values, base)
    values = {
        key: value
        for key, value in config.values.items()
        if key != "environment" and not SECRET_NAME.fullmatch(key)
    }
    problems = [
        *config.problems,
        *_name_problems(environment, config),
        *_plain_secrets(environment, config.values, place),
    ]
    named = _ENVIRONMENT.fullmatch(environment) is not None
    tree = merged(base, values)
    tree["environment"] = environment if named else "stand-in"
    tree["fly"] = {} if tree.get("fly") is None else tree["fly"]  # each key of it is asked for
    settings, wrong = fitted(tree, base, environment, place)
    settings = canonical(settings)
    _add(problems, wrong)
    found = [
        problem
        for check in (incomplete_providers, extras_problems, *checks)
        for problem in check(settings, place)
    ]
    _add(problems, found)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ProblemError(problems)
    return Loaded(settings, place, config.secret_names, tuple(sorted(problems)))


def _add(problems: list[Problem], more: Iterable[Problem]) -> None:
    """Add what is said of other places: one key is told about once, by who noticed first."""
    told = {problem.place for problem in problems}
    problems += [problem for problem in more if problem.place not in told]


def _name_problems(environment: str, config: RawConfig) -> Iterator[Problem]:
    if not _ENVIRONMENT.fullmatch(environment):
        yield Problem(
            f"stack {environment}",
            "settings.environment",
            "",
            "the stack's name is the environment's: a lower-case letter, then up to 30 lower-case"
            " letters, digits and dashes",
            "choose another: pulumi stack init dev",
        )
    if "environment" in config.values:
        yield Problem(
            f"{configuration_file(environment)}: gateway:environment",
            "settings.unknown",
            "",
            "the environment is the stack's name and is written nowhere else",
            f"remove it: pulumi config rm -s {environment} gateway:environment",
        )


def _plain_secrets(environment: str, values: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    """Yield a problem for each secret that is not encrypted; its value is not shown."""
    paths: list[Path] = [(key,) for key in values if SECRET_NAME.fullmatch(key)]
    paths += [path for path in secrets_in_plain(values) if path not in paths]
    for path in paths:
        key = str(path[0]) if SECRET_NAME.fullmatch(str(path[0])) else "NAME"
        again = "" if key != "NAME" else ", write its name where the value was,"
        yield Problem(
            place(spell(path)),
            "settings.plain_secret",
            "",
            "a secret in plain text: values of secrets are encrypted, settings hold their names"
            " (the value is not shown)",
            f"set it with: pulumi config set -s {environment} --secret gateway:{key}{again}"
            " and replace the key at its provider if this file was shared",
        )
