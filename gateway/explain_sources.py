"""Which of the places that could say a value does say it, and on what line of the configuration."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gateway.subject import Deployment, Subject, reference
from stacks.paths import Path, spell

MOST = 1_000_000.0  # what is larger counts as this much: nobody waits or tries so long


class Sourced(NamedTuple):
    """A number that LiteLLM works with, and where it comes from.

    `source` is the spelled key (`router_settings.num_retries`), a variable (`env JITTER`), or
    LiteLLM's own default in words, for which `path` is None. `path` begins with a `Document`.
    """

    value: float
    source: str
    path: Path | None = None


Candidate = tuple[Any, Path]


def first_given(
    subject: Subject, candidates: Iterable[Candidate], default: Sourced, *, zero_counts: bool
) -> Sourced:
    """Return the first candidate that is a number; where 0 is no value to LiteLLM, not a 0.

    LiteLLM picks time-outs with `or`, so that a 0 means "not set" there, and picks counts with
    `is not None`.
    """
    for raw, path in candidates:
        value = number(raw, subject.environment)
        if value is not None and (value or zero_counts):
            return Sourced(value, spelled(path), path)
    return default


def number(raw: Any, environment: Mapping[str, str]) -> float | None:
    """Return a number, written as one or as digits, or kept in a plain variable; else None."""
    if isinstance(raw, bool):
        return None
    name = reference(raw)
    if name is not None:
        raw = environment.get(name)
    if not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None
    return max(-MOST, min(value, MOST)) if not math.isnan(value) else None


def spelled(path: Path) -> str:
    """Return the key as a reader of the file knows it; a plain variable is named as one."""
    if path[0] == "environment":
        return f"env {path[-1]}"
    return spell(path[1:])


def router(subject: Subject, key: str) -> Candidate:
    """Return the router's value of a key."""
    return subject.router_settings.get(key), ("litellm", "router_settings", key)


def module(subject: Subject, key: str) -> Candidate:
    """Return the value of a key of `litellm_settings`."""
    return subject.litellm_settings.get(key), ("litellm", "litellm_settings", key)


def variable(subject: Subject, name: str) -> Candidate:
    """Return the value of a variable of the process."""
    return subject.environment.get(name), ("environment", name)


def params(deployment: Deployment, key: str) -> Candidate:
    """Return the value of a key of one deployment's parameters."""
    return deployment.params.get(key), (*deployment.path, "litellm_params", key)


def info(deployment: Deployment, key: str) -> Candidate:
    """Return the value of a key of one deployment's `model_info`."""
    return deployment.info.get(key), (*deployment.path, "model_info", key)
