"""Who runs this program, and which revision of it, as the project's Git repository says."""

import getpass
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_IDENTITY = re.compile(r"(?P<who>.* <[^>]*>) \d+ [+-]\d{4}\s*", re.DOTALL)
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit that is checked out, "" without one; `changed`: files differ from it."""

    commit: str = ""
    changed: bool = False


def author(root: Path) -> str:
    """Return `Name <address>` as a commit made now would have it, else the user and machine."""
    found = _IDENTITY.fullmatch(_git(root, "var", "GIT_AUTHOR_IDENT"))
    if found:
        return found["who"]
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry, as containers have
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def revision(root: Path) -> Revision:
    """Return what is checked out of the project's own repository."""
    commit = _git(root, "rev-parse", "HEAD").strip()
    return Revision(commit, changed=bool(commit and _git(root, "status", "--porcelain", "-uno")))


def _git(root: Path, *words: str) -> str:
    """Return what Git says; "" where it says nothing, is not there or knows no repository."""
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
