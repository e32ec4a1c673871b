"""Which suppressions hold for a project: those of its file, whose rules are known."""

from collections.abc import Sequence
from pathlib import Path

from components.rules import all_rules
from stacks.problem import Problem, ProblemError
from stacks.suppressions import SUPPRESSIONS_FILE, Suppression, read_suppressions


def suppressions_in(folders: Sequence[Path], named: Path | None = None) -> tuple[Suppression, ...]:
    """Return what the named file says, else that of the first folder that has one.

    Raises ProblemError with every mistake in it.
    """
    found = (folder / SUPPRESSIONS_FILE for folder in folders)
    file = named or next((file for file in found if file.is_file()), None)
    if file is None:
        return ()
    try:
        raw = file.read_bytes()
    except OSError as error:
        what = error.strerror or "it cannot be read"
        step = "name a file that can be read"
        problem = Problem(str(file), "suppressions.file", "", what, step)
        raise ProblemError([problem]) from None
    return read_suppressions(raw, _shown(file), rule_ids=frozenset(r.id for r in all_rules()))


def _shown(file: Path) -> str:
    """Return the file's name as one would write it here."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
