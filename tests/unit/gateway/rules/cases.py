"""How the tests of rules read texts, and do to parsed data what `--fix` does to texts."""

import copy
import tomllib
from dataclasses import replace
from typing import Any

import yaml

from gateway.checking import check
from gateway.from_files import configuration_from_files
from stacks.configuration import Configuration
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Append, Edit, Example, Move, Put, Remove, Result


def configuration_of(example: Example) -> Configuration:
    """Return the configuration that an example's texts give."""
    configuration = configuration_from_files(
        litellm=None if example.litellm is None else _yaml(example.litellm),
        fly=None if example.fly is None else tomllib.loads(example.fly),
        database_url=example.database_url,
        secrets=example.secrets,
        environment_name=example.environment_name,
        version=example.version,
        today=example.today,
    )
    if example.settings is None:
        return configuration
    return replace(configuration, settings=example.settings)


def _yaml(text: str) -> Any:
    """Read a text as `yaml.safe_load` does, ten times as fast: every rule has several."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


def ids(configuration: Configuration, severity: Severity | None = None) -> list[str]:
    """Return the ids of the rules that a configuration breaks, in order."""
    return [
        result.rule_id
        for result in check(configuration)
        if severity is None or result.severity is severity
    ]


def litellm(text: str, **rest: Any) -> Configuration:
    """Return the configuration of one YAML text."""
    return configuration_of(Example(litellm=text, **rest))


def only(results: tuple[Result, ...], rule_id: str) -> Result:
    """Return the one result of a rule."""
    (found,) = [result for result in results if result.rule_id == rule_id]
    return found


def edited(configuration: Configuration, edits: tuple[Edit, ...]) -> Configuration:
    """Return the configuration after the edits of its texts."""
    documents: dict[str, Any] = {
        "litellm": copy.deepcopy(configuration.litellm),
        "fly": copy.deepcopy(configuration.fly),
        "database_url": copy.deepcopy(configuration.database_url),
    }
    for edit in edits:
        _apply(documents, edit)
    return replace(
        configuration,
        litellm=documents["litellm"],
        fly=documents["fly"],
        database_url=documents["database_url"],
    )


def _apply(documents: dict[str, Any], edit: Edit) -> None:
    match edit:
        case Remove(path):
            holder, key = _holder(documents, path)
            del holder[key]
        case Put(path, value):
            holder, key = _holder(documents, path, make=True)
            holder[key] = value
        case Append(path, value):
            holder, key = _holder(documents, path, make=True)
            holder.setdefault(key, []).append(value)
        case Move(path, to):
            holder, key = _holder(documents, path)
            target, name = _holder(documents, to, make=True)
            target.setdefault(name, holder[key])
            del holder[key]


def _holder(documents: dict[str, Any], path: Path, *, make: bool = False) -> tuple[Any, Any]:
    holder: Any = documents
    for part in path[:-1]:
        if make and isinstance(holder, dict) and not isinstance(holder.get(part), dict | list):
            holder[part] = {}
        holder = holder[part]
    return holder, path[-1]
