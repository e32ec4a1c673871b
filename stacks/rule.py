"""What a rule about a configuration is: one declaration, with its evidence and two examples."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar

from stacks.paths import Path
from stacks.problem import Severity
from stacks.versions import EVERY, Versions

Subject = TypeVar("Subject")
"""What a rule looks at: `Configuration`, or a view of it with indexes."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the key, or the entry of a list, at `path` out of its document."""

    path: Path


@dataclass(frozen=True, slots=True)
class Put:
    """Write `value` at `path`, over what is there; missing mappings on the way are made."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Append:
    """Add `value` at the end of the list at `path`, which is made where it is missing."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Move:
    """Take the value at `path`, with its comments, to `to`, unless something is there already."""

    path: Path
    to: Path


Edit = Remove | Put | Append | Move


class Finding(NamedTuple):
    """One place where a rule is broken.

    `path` begins with a `Document` (`("litellm", "router_settings", "allowed_fails")`) and may
    name what is missing. `value` is quoted as given, never a secret; "" leaves it out. `expected`
    says what really happens, `next_step` is the mended text or an edit that works as written.
    `edits` is what `--fix` does, and is empty unless there is exactly one right answer.
    """

    path: Path
    value: str
    expected: str
    next_step: str
    edits: tuple[Edit, ...] = ()


class Example(NamedTuple):
    """A whole configuration, as texts: what stands in the reference, and a test of the rule."""

    litellm: str | None = None
    fly: str | None = None
    database_url: str | None = None
    version: str = "1.106.2"
    environment_name: str | None = None
    secrets: frozenset[str] | None = None
    settings: dict[str, Any] | None = None
    today: date = date(2026, 11, 24)


class Rule(NamedTuple, Generic[Subject]):
    """One thing that can be wrong; `find` yields every place where it is.

    `find` is pure, never raises whatever the subject holds, and takes time linear in its size.
    `title` is a sentence about the defect, `about` names what is looked at
    (`router_settings.allowed_fails`), `evidence` are sources that a reader can open: an issue, a
    file of LiteLLM's source, a document of the facts with its section, a measurement.
    """

    id: str
    title: str
    severity: Severity
    about: str
    evidence: tuple[str, ...]
    remedy: str
    failing: Example
    passing: Example
    find: Callable[[Subject], Iterable[Finding]]
    versions: Versions = EVERY


class Result(NamedTuple):
    """A finding with the rule that it breaks; `verified` is False on a release nobody looked at."""

    rule_id: str
    severity: Severity
    finding: Finding
    title: str = ""
    verified: bool = True
