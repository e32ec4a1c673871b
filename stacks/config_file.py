"""What `Pulumi.<environment>.yaml` says, read without Pulumi: of secrets only the names."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stacks.load import SECRET_NAME, RawConfig
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError, Severity

PROJECT = "gateway"
_OTHERS = frozenset({"pulumi"})  # namespaces that Pulumi itself reads


def read_config_file(root: Path, environment: str) -> RawConfig:
    """Return what the environment's file in `root` says; `ProblemError` if it is no such file."""
    name = configuration_file(environment)
    try:
        text = (root / name).read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except FileNotFoundError:
        raise ProblemError([_no_file(root, environment)]) from None
    except yaml.YAMLError as error:
        raise ProblemError([_no_yaml(name, error)]) from None
    config = document.get("config") if isinstance(document, Mapping) else None
    return raw_config(environment, config if isinstance(config, Mapping) else {})


def raw_config(environment: str, config: Mapping[Any, Any]) -> RawConfig:
    """Return the project's part of a `config:` block, in which secrets are `{secure: ...}`."""
    values: dict[str, Any] = {}
    names: set[str] = set()
    problems: list[Problem] = []
    for full, value in config.items():
        namespace, _, key = str(full).rpartition(":")
        if (namespace or PROJECT) != PROJECT:
            problems += _foreign(environment, str(full), namespace)
        elif _is_secure(value) and SECRET_NAME.fullmatch(key):
            names.add(key)
        elif _is_secure(value):
            problems.append(misplaced_secret(environment, key))
        else:
            values[key] = _plain(environment, key, value, problems)
    return RawConfig(values, frozenset(names), tuple(problems))


def misplaced_secret(environment: str, key: str) -> Problem:
    """Return the problem of a secret below a key that is not named like one."""
    return Problem(
        f"{configuration_file(environment)}: gateway:{key}",
        "settings.misplaced_secret",
        "(a secret)",
        "a secret under a key of the settings: secrets stand beside them, under names in capitals",
        f"pulumi config rm -s {environment} --path 'gateway:{key}', then"
        f" pulumi config set -s {environment} --secret gateway:NAME",
    )


def _plain(environment: str, key: str, value: Any, problems: list[Problem]) -> Any:
    """Return `value` as the engine would hand it over, without the secrets inside."""
    if isinstance(value, Mapping):
        kept = {}
        for inner, item in value.items():
            if _is_secure(item):
                problems.append(misplaced_secret(environment, f"{key}.{inner}"))
            else:
                kept[str(inner)] = _plain(environment, f"{key}.{inner}", item, problems)
        return kept
    if isinstance(value, list):
        return [_plain(environment, f"{key}[{n}]", item, problems) for n, item in enumerate(value)]
    return None if value == "" and "." not in key else value


def _is_secure(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


def _foreign(environment: str, key: str, namespace: str) -> list[Problem]:
    near = difflib.get_close_matches(namespace, [PROJECT, *_OTHERS], n=1, cutoff=0.7)
    if namespace in _OTHERS:
        return []
    rest = key.removeprefix(f"{namespace}:")
    return [
        Problem(
            f"{configuration_file(environment)}: {key}",
            "settings.namespace",
            "",
            f"only keys that begin with {PROJECT}: are read here",
            f"did you mean {PROJECT}:{rest}?" if near else "remove it, if nothing else reads it",
            Severity.ERROR if near else Severity.WARNING,
        )
    ]


def _no_file(root: Path, environment: str) -> Problem:
    known = sorted(path.name.split(".")[1] for path in root.glob("Pulumi.*.yaml"))
    near = difflib.get_close_matches(environment, known, n=1)
    return Problem(
        configuration_file(environment),
        "settings.file",
        "",
        f"no such file; environments with one: {', '.join(known) or 'none'}",
        f'did you mean "{near[0]}"?' if near else f"pulumi stack init {environment}",
    )


def _no_yaml(name: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "not readable"
    where = f"{name}, line {mark.line + 1}" if mark else name
    return Problem(where, "settings.file", "", f"this is no YAML: {what}", "correct that line")
