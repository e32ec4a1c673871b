"""What `gateway check` and `gateway explain` read, as one configuration that knows its places."""

# ruff: noqa: PLC0415 - the reader of TOML is loaded where there is one

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path as FilePath
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.from_files import (
    configuration_from_files,
    image_version,
    server_command,
)
from stacks.configuration import Configuration, Document
from stacks.includes import read_with_includes
from stacks.paths import Path, spell
from stacks.problem import Problem, ProblemError, Severity
from stacks.rule import Edit, Finding, Move, Result
from stacks.source import Place, Source
from stacks.versions import order

DATABASE_URL = "DATABASE_URL"
Texts = Mapping[FilePath, bytes]
NO_TEXTS: Texts = {}
NO_FILES: Mapping[Document, FilePath] = {}


def _as_the_rule_says(result: Result) -> str:
    return result.finding.next_step


class Location(NamedTuple):
    """Where a key stands; `line` 0 where a file is known and no position in it."""

    file: str
    line: int = 0
    column: int = 0
    key: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.key}" if self.key else place


class Input(NamedTuple):
    """A configuration with its places.

    `problems` are what was noticed while it was read; with `unread` ones nothing could be made of
    a file, so that nothing else is said about it. `files` are those that were asked for, in
    order. `version_from` says what names LiteLLM's version. `texts` are the files that edits can
    be written to, by document. `next_step` says what to do about a finding.
    """

    configuration: Configuration
    locate: Callable[[Path], Location]
    files: tuple[str, ...]
    version_from: str
    spellings: Callable[[Path], tuple[str, ...]]
    problems: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()
    texts: Mapping[Document, FilePath] = NO_FILES
    next_step: Callable[[Result], str] = _as_the_rule_says

    def mends(self, finding: Finding) -> bool:
        """Tell whether all edits of a finding are about files that can be edited.

        An edit of a part that stands in an included file is not: the file is another's.
        """
        return bool(finding.edits) and all(map(self._reaches, finding.edits))

    def _reaches(self, edit: Edit) -> bool:
        document = Document(str(edit.path[0]))
        file = self.texts.get(document)
        paths = (edit.path, edit.to) if isinstance(edit, Move) else (edit.path,)
        return file is not None and all(self.locate(path).file == str(file) for path in paths)


class Files(NamedTuple):
    """What a command line names; `database_url` is the URL itself, where no file holds it."""

    config: FilePath | None = None
    toml: FilePath | None = None
    database_url_file: FilePath | None = None
    database_url: str | None = None
    version: str | None = None
    secrets: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"Files(config={self.config}, toml={self.toml})"  # the URL has a password


def input_from_files(files: Files, *, today: date, texts: Texts = NO_TEXTS) -> Input:
    """Read the files; a file that is none of its kind makes an `unread` problem.

    What `texts` holds is taken in place of what a file says now.
    """

    def read(path: FilePath) -> bytes:
        return texts[path] if path in texts else path.read_bytes()

    if files.version is not None and len(order(files.version)) < 3:  # noqa: PLR2004 - 1.106.2
        raise ProblemError([_no_version(files.version)])
    config = None if files.config is None else read_with_includes(files.config, read=read)
    toml = None if files.toml is None else _read_toml(files.toml, read)
    sources = [source for source in (config, toml) if source is not None]
    fly = None if toml is None else toml.data
    version = files.version or image_version(fly or {})
    configuration = configuration_from_files(
        litellm=None if config is None else config.data,
        fly=fly,
        database_url=_database_url(files, read),
        secrets=files.secrets,
        version=version,
        today=today,
    )
    given = "given" if files.version else f"the image in {files.toml}" if version else ""
    url_from = str(files.database_url_file or DATABASE_URL)
    places = _FilePlaces(config, toml, url_from, configuration)
    paths = {
        Document.LITELLM: files.config,
        Document.FLY: files.toml if toml is None or toml.readable else None,
        Document.DATABASE_URL: files.database_url_file,
    }
    return Input(
        configuration=configuration,
        locate=places.locate,
        files=tuple(source.file for source in sources),
        version_from=given or "the default, nothing names one",
        spellings=places.spellings,
        problems=tuple(problem for source in sources for problem in source.problems),
        unread=tuple(problem for source in sources for problem in _unread(source)),
        texts={document: path for document, path in paths.items() if path is not None},
    )


class _FilePlaces(NamedTuple):
    """Where a path of a configuration stands in the files that it was made of."""

    config: Source | None
    toml: Source | None
    database_url_from: str
    configuration: Configuration

    def locate(self, path: Path) -> Location:
        """Return the place of the key at `path`, or where it would be written."""
        document, inside, key = path[0], path[1:], self.key(path)
        if document == Document.DATABASE_URL:
            return Location(self.database_url_from, key=key)
        if document == Document.SERVER:
            inside = ("processes", self._group())
        elif document == Document.ENVIRONMENT:
            inside = ("env", *inside)
        source = self.config if document == Document.LITELLM else self.toml
        source = source or self.config or self.toml
        if source is None:
            return Location(self.database_url_from, key=key)
        place: Place = source.place(inside)
        return Location(place.file, place.line, place.column, key)

    def key(self, path: Path) -> str:
        """Return the key as a reader of the files knows it."""
        document, inside = path[0], path[1:]
        if document == Document.SERVER:
            return f"{spell(('processes', self._group()))}: --{spell(inside)}"
        if document == Document.ENVIRONMENT:
            return spell(("env", *inside))
        return spell(inside)

    def spellings(self, path: Path) -> tuple[str, ...]:
        """Return what a suppression may call the place."""
        return (self.key(path), spell(path))

    def _group(self) -> str:
        fly = self.configuration.fly or {}
        processes = fly.get("processes")
        command = server_command(fly)
        groups = processes.items() if isinstance(processes, Mapping) else ()
        return next((str(name) for name, value in groups if value == command), "app")


def database_url_in(text: str) -> str:
    """Return the URL in a file's text; raises ProblemError, which does not quote it."""
    url = text.strip()
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("postgres", "postgresql") or len(url.split()) != 1:
        expected = "one address is expected, as postgres://ROLE:PASSWORD@HOST:PORT/NAME?..."
        raise ProblemError(
            [
                Problem(
                    DATABASE_URL,
                    "check.database_url",
                    "(not shown: it may be a secret)",
                    expected,
                    "write the address, and nothing else",
                )
            ]
        )
    return url


def _database_url(files: Files, read: Callable[[FilePath], bytes]) -> str | None:
    if files.database_url_file is None:
        return files.database_url
    text = read(files.database_url_file).decode("utf-8", errors="replace")
    return database_url_in(text)


def _read_toml(path: FilePath, read: Callable[[FilePath], bytes]) -> Source:
    from stacks.source_toml import read_toml

    try:
        return read_toml(read(path), str(path))
    except OSError as error:
        expected = error.strerror or "it cannot be read"
        problem = Problem(str(path), "source.file", "", expected, "name a file that can be read")
        return Source(str(path), {}, (problem,))


def _unread(source: Source) -> Iterator[Problem]:
    """Yield what kept a text from being read at all: an empty one was read."""
    if source.data:
        return
    for problem in source.problems:
        readable = problem.id in ("source.empty", "source.top")
        if problem.severity is Severity.ERROR and not readable:
            yield problem


def _no_version(version: str) -> Problem:
    expected = "an exact release of LiteLLM is expected"
    return Problem(
        "--litellm-version", "check.version", version, expected, "--litellm-version 1.106.2"
    )
