"""Where the parameters of the connection to the database are written down."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway.from_files import url_parameters
from gateway.subject import Subject, mapping
from stacks.paths import Path

GENERAL = ("litellm", "general_settings")
EXTRA = "database_extra_connection_params"
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Source(NamedTuple):
    """Parameters of a connection; `whole` is their one place where each has none of its own."""

    path: Path
    parameters: Mapping[str, Any]
    whole: bool = False

    def place(self, name: str) -> Path:
        """Return where a parameter stands, or would."""
        return self.path if self.whole else (*self.path, name)


def urls(subject: Subject) -> Iterator[Source]:
    """Yield every DATABASE_URL whose parameters are known."""
    given = subject.configuration.database_url
    if given is not None:
        yield Source(("database_url",), given)
    for path, text in literal_urls(subject):
        yield Source(path, url_parameters(text), whole=True)


def literal_urls(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield every DATABASE_URL that is written out."""
    for path, value in (
        ((*GENERAL, "database_url"), subject.general_settings.get("database_url")),
        (("environment", "DATABASE_URL"), subject.environment.get("DATABASE_URL")),
    ):
        if isinstance(value, str) and SCHEME.match(value.strip()):
            yield path, value.strip()


def all_parameters(subject: Subject) -> Iterator[Source]:
    """Yield the same, and what `general_settings` adds to it."""
    yield from urls(subject)
    yield Source((*GENERAL, EXTRA), mapping(subject.general_settings.get(EXTRA)))
