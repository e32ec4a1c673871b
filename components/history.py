"""The record of what was done to an environment: `history/<environment>.jsonl`, only appended to.

One line for each release, promotion and rollback, whatever ran it. It names who, when and which
bundle; it decides nothing.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from components.author import author, revision

FOLDER = "history"
SCHEMA = 1


class Event(StrEnum):
    """What happened.

    DEPLOY: a release was proven and serves. UNDONE: one was not, and what served before serves.
    STOPPED: a rollout ended without an answer; the next `pulumi up` goes on. PROMOTION, ROLLBACK:
    another bundle was chosen; the deploy that followed has its own line. ADOPTION: machines that
    something else had made were taken over; its verdict says whether they were proven.
    """

    DEPLOY = "deploy"
    UNDONE = "undone"
    STOPPED = "stopped"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    ADOPTION = "adoption"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `at` is ISO 8601, `bundle` the digest's digits, `more` what one event has alone."""

    event: str
    environment: str
    bundle: str
    verdict: str = ""
    at: str = ""
    by: str = ""
    duration_s: float = 0.0
    evidence: str = ""
    image: str = ""
    revision: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """What was read: the entries, oldest first, and the numbers of lines that are none."""

    entries: tuple[Entry, ...] = ()
    torn: tuple[int, ...] = ()


def history_root(environ: Mapping[str, str]) -> Path:
    """Return where it is kept, relative to the project: GATEWAY_HISTORY, or `history`."""
    return Path(environ.get("GATEWAY_HISTORY") or FOLDER)


def history_file(root: Path, environment: str) -> Path:
    """Return an environment's file; `root` is the folder of all."""
    return root / f"{environment}.jsonl"


def record(root: Path, project: Path, entry: Entry, report: Callable[[str], None]) -> None:
    """Append a line, with who and when where the entry does not say.

    What was done is done: a line that cannot be written is told to `report` and raises nothing.
    """
    complete = _complete(entry, project)
    try:
        append(history_file(root, entry.environment), complete)
    except OSError as error:
        report(f"history: {entry.event} of {entry.bundle[:12]} is in no file ({error})")


def append(file: Path, entry: Entry) -> None:
    """Add one whole line at the end; a line that a killed run tore is ended first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"schema": SCHEMA, **asdict(entry)}, sort_keys=True, allow_nan=False)
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file is closed, or we die
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        text = f"\n{line}\n" if torn else f"{line}\n"
        rest = text.encode()
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read(file: Path) -> History:
    """Return what the file says; a line that is none is counted and left out, never an error."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return History()
    entries, torn = [], []
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is not None:
            entries.append(entry)
        elif line.strip():
            torn.append(number)
    return History(tuple(entries), tuple(torn))


def _complete(entry: Entry, project: Path) -> Entry:
    known = asdict(entry)
    return Entry(
        **known
        | {
            "at": entry.at or datetime.now(UTC).isoformat(timespec="seconds"),
            "by": entry.by or author(project),
            "revision": entry.revision or revision(project).commit,
            "duration_s": round(entry.duration_s, 1),
        }
    )


def _entry(line: str) -> Entry | None:
    try:
        document = json.loads(line)
        known = {each.name: document[each.name] for each in fields(Entry) if each.name in document}
        entry = Entry(**known)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    texts = (entry.event, entry.environment, entry.bundle, entry.at)
    shaped = all(isinstance(text, str) for text in texts) and isinstance(entry.more, dict)
    return entry if shaped else None
