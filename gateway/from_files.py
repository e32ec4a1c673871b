"""How a parsed LiteLLM YAML and a parsed fly.toml become one configuration."""

import re
import shlex
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from stacks.configuration import DEFAULT_VERSION, Configuration

_TAG = re.compile(r":(?:main-)?v?([0-9]+\.[0-9]+\.[0-9]+(?:[.-][a-z0-9.]+)?)(?:@|$)")
_SHORT_FLAGS = {"-c": "config"}


def configuration_from_files(
    *,
    litellm: Mapping[str, Any] | None = None,
    fly: Mapping[str, Any] | None = None,
    database_url: str | None = None,
    secrets: frozenset[str] | None = None,
    environment_name: str | None = None,
    version: str | None = None,
    today: date = date.min,
) -> Configuration:
    """Put together what the files say; a file that was not given is None.

    Of `database_url` nothing but the parameters is kept. The version is the given one, else the
    one that the image's tag in fly.toml names, else the default.
    """
    table = fly or {}
    return Configuration(
        litellm=litellm,
        fly=fly,
        server=server_flags(server_command(table)),
        environment=_texts(table.get("env")),
        database_url=None if database_url is None else url_parameters(database_url),
        secrets=secrets,
        environment_name=environment_name,
        version=version or image_version(table) or DEFAULT_VERSION,
        today=today,
    )


def server_command(fly: Mapping[str, Any]) -> str:
    """Return the command line of the process group that runs LiteLLM, `""` where none is seen."""
    processes = fly.get("processes")
    commands = _texts(processes).values()
    with_config = (command for command in commands if "--config" in command or " -c " in command)
    return next(with_config, next(iter(commands), ""))


def server_flags(command: str) -> dict[str, str]:
    """Return the flags of a command line by name without dashes; one without a value has `""`.

    A quote that is never closed ends the reading, not the check.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: dict[str, str] = {}
    flag = ""
    try:
        for token in lexer:
            name = _SHORT_FLAGS.get(token, token[2:] if token.startswith("--") else "")
            if name:
                flag, equals, value = name.partition("=")
                found[flag] = value
                flag = "" if equals else flag
            elif flag:
                found[flag] = token
                flag = ""
    except ValueError:
        pass
    return found


def image_version(fly: Mapping[str, Any]) -> str | None:
    """Return the version that the image's tag names; None for a floating tag or no image."""
    build = fly.get("build")
    image = build.get("image") if isinstance(build, Mapping) else None
    found = _TAG.search(image) if isinstance(image, str) else None
    return found[1] if found else None


def url_parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL, the last of two that have one name."""
    try:
        return dict(parse_qsl(urlsplit(url.strip()).query, keep_blank_values=True))
    except ValueError:
        return {}


def _texts(table: Any) -> dict[str, str]:
    if not isinstance(table, Mapping):
        return {}
    return {str(key): value for key, value in table.items() if isinstance(value, str)}
