"""What a gateway's configuration says as plain data, whichever way it was written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

DEFAULT_VERSION = "1.106.2"  # taken where nothing names the LiteLLM that runs


class Document(StrEnum):
    """The first part of a path into a configuration: which text the rest of it is about.

    LITELLM: LiteLLM's YAML. FLY: fly.toml. SERVER: the flags of the proxy's command line, without
    dashes (`num_workers`); they stand in fly.toml's `[processes]` or in `settings.server`.
    ENVIRONMENT: plain variables of the machine, fly.toml's `[env]`. DATABASE_URL: its query's
    parameters. SETTINGS: what only typed settings can say (`("settings", "postgres",
    "max_connections")`).
    """

    LITELLM = "litellm"
    FLY = "fly"
    SERVER = "server"
    ENVIRONMENT = "environment"
    DATABASE_URL = "database_url"
    SETTINGS = "settings"


@dataclass(frozen=True)
class Configuration:
    """One gateway's configuration; what was not given is None, what was given empty is empty.

    Values are as a parser left them, of any type and shape: nothing here was checked. No value of
    a secret that came from outside the two files is ever in it.
    """

    litellm: Mapping[str, Any] | None = None
    fly: Mapping[str, Any] | None = None
    server: Mapping[str, str] = field(default_factory=dict)
    """A flag's value as written; `""` for a flag that takes none."""
    environment: Mapping[str, str] = field(default_factory=dict)
    database_url: Mapping[str, str] | None = None
    """The parameters after the question mark, and nothing before it."""
    secrets: frozenset[str] | None = None
    """The names that will be set as Fly secrets; None where nobody knows."""
    environment_name: str | None = None
    """`live`, `dev`, ...; None for files that nobody assigned to one."""
    settings: Mapping[str, Any] | None = None
    """The typed settings as plain data, where there are any."""
    version: str = DEFAULT_VERSION
    today: date = date.min
    """The day that retirements are compared with; date.min compares with none."""
