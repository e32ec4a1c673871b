"""Which keys each release of LiteLLM reads, out of tables made from its released wheels.

`python -m tools.litellm_tables` makes the tables, one file per release in `gateway/data/keys`.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stacks.versions import order

TABLES = Path(__file__).parent / "data" / "keys"


class Keys(NamedTuple):
    """The keys of one release, section by section; `version` is the release they were read in.

    `exact` is False where the asked release has no table of its own: these are then the keys of
    the nearest release below it, or of the oldest one.
    """

    version: str
    exact: bool
    top_level: frozenset[str]
    litellm_settings: frozenset[str]
    """Variables of LiteLLM's module, which the loader sets, and what the loader handles itself."""
    general_settings: frozenset[str]
    router_settings: frozenset[str]
    """Arguments of the Router, those that are managed elsewhere among them."""
    router_managed_elsewhere: frozenset[str]
    """Arguments of the Router that the loader ignores when they stand in `router_settings`."""
    litellm_params: frozenset[str]
    """Any other key is legal too: it is sent to the provider."""
    model_info: frozenset[str]
    """Any other key is legal too: it is stored with the model."""
    retry_policy: frozenset[str]
    allowed_fails_policy: frozenset[str]
    cache_params: frozenset[str]
    server_flags: frozenset[str]
    """Long names, without dashes."""
    callbacks: frozenset[str]
    """Names that stand for something built in; one with a dot in it names a module instead."""


SECTIONS = tuple(name for name in Keys._fields if name not in ("version", "exact"))


@lru_cache(maxsize=1)
def versions() -> tuple[str, ...]:
    """Return the releases that have a table, oldest first."""
    return tuple(sorted((file.stem for file in TABLES.glob("*.json")), key=order))


@lru_cache(maxsize=8)
def known_keys(version: str) -> Keys:
    """Return what `version` reads; never raises, whatever `version` says."""
    asked = order(version)
    below = [each for each in versions() if order(each) <= asked]
    nearest = below[-1] if below else versions()[0]
    table = json.loads((TABLES / f"{nearest}.json").read_text("utf-8"))
    sections = {name: frozenset(table[name]) for name in SECTIONS}
    return Keys(version=nearest, exact=order(nearest) == asked, **sections)
