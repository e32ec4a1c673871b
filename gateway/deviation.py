"""What one difference between a running gateway and its rendered file consists of, and who wins."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.effective import DATABASE_BEATS_FILE, FILE_BEATS_DATABASE
from gateway.running_view import RunningView
from stacks.paths import Path, spell
from stacks.versions import Holds


class Verdict(StrEnum):
    """How a place deviates.

    MISSING: rendered, and not there. UNMANAGED: there, and never rendered. SHADOWED: rendered, and
    something else stands over it, or is held down by it.
    """

    DRIFTED = "drifted"
    MISSING = "missing"
    UNMANAGED = "unmanaged"
    SHADOWED = "shadowed"


class Winner(StrEnum):
    """Whose value LiteLLM goes by here, from its next sync with the database on.

    PROCESS: there is no database and no sync; what was loaded at the start stays.
    """

    FILE = "file"
    DATABASE = "database"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One place where the running gateway is not the rendered one; nothing in it is a secret.

    `path` is one of the LiteLLM configuration, with names in place of positions, or
    `("image", "version")`. `rendered` and `actual` are plain data, None for what is not there.
    `sentence` says what is so, `outlook` what becomes of it by itself.
    """

    path: Path
    rendered: Any
    actual: Any
    verdict: Verdict
    winner: Winner
    sentence: str
    outlook: str

    @property
    def place(self) -> str:
        """The path as people read it."""
        return spell(self.path)


def outlook_of(view: RunningView, *, in_database: bool = False) -> tuple[Winner, str]:
    """Return who wins on the release that runs, and what its next sync will do.

    `in_database` is True for what only the database holds.
    """
    version = view.details.version
    if not view.has_database:
        return Winner.PROCESS, (
            "no database is connected: LiteLLM keeps what it loaded at its start, until it is "
            "started again with the rendered file"
        )
    if in_database:
        return Winner.DATABASE, (
            "the file does not declare it, so the database's value holds, and every sync applies "
            "it again: declare it in the settings, or delete it in LiteLLM"
        )
    holds = FILE_BEATS_DATABASE.versions.hold(version)
    if holds is Holds.NO:
        return Winner.DATABASE, (
            f"on LiteLLM {version} {DATABASE_BEATS_FILE.effect}: the next sync applies the "
            "database's again, so change it there too"
        )
    doubt = "" if holds is Holds.YES else f" (on {version} nobody has looked)"
    return Winner.FILE, (
        f"{FILE_BEATS_DATABASE.effect}{doubt}: the next sync applies the file that LiteLLM has, "
        "so if this stays, that file is not the rendered one"
    )
