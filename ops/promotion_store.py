"""How a promotion is written: whole files, a number taken once, then the line that uses it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stacks.config_file import PROJECT
from stacks.configuration import Document
from stacks.edit_yaml import edited_yaml
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError
from stacks.promotion import (
    FILE_NAME,
    FOLDER,
    Promoted,
    file_name,
    promotion_files,
    read_promotion,
    text_of,
)
from stacks.rule import Put
from stacks.whole_file import forget_partial, write_whole


def next_number(root: Path, environment: str) -> int:
    """Return the number of an environment's next promotion, from 1."""
    return max(map(number_of, promotion_files(root, environment)), default=0) + 1


def number_of(file: Path) -> int:
    """Return the number in a promotion file's name."""
    found = FILE_NAME.fullmatch(file.name)
    return int(found["number"]) if found else 0


def readable(root: Path, environment: str) -> list[Promoted]:
    """Return an environment's promotions that are whole, oldest first."""
    return list(_readable(root, environment))


def write_promotion(root: Path, document: Mapping[str, Any], page: str) -> str:
    """Write a sealed document and its page; return the document's file, relative to the project.

    The document comes last and is whole when it is there. `ProblemError` when its number was taken
    meanwhile.
    """
    folder = root / FOLDER / str(document["environment"])
    folder.mkdir(parents=True, exist_ok=True)
    _forget_leftovers(folder)
    target = folder / file_name(int(document["number"]), str(document["bundle"]))
    if any(number_of(path) == document["number"] for path in folder.glob("*.json")):
        raise ProblemError([_taken(target, root)])
    write_whole(target.with_suffix(".md"), page.encode("utf-8"))
    write_whole(target, text_of(document).encode("utf-8"))
    return str(target.relative_to(root))


def point_at(root: Path, environment: str, file: str | None) -> None:
    """Make the environment's file name the promotion to deploy; nothing else of it changes."""
    path = root / configuration_file(environment)
    forget_partial(root, path.name)
    before = path.read_bytes().decode("utf-8")
    key = (Document.LITELLM, "config", f"{PROJECT}:promotion", "file")
    write_whole(path, edited_yaml(before, [Put(key, file)]).encode("utf-8"))


def _readable(root: Path, environment: str) -> Iterator[Promoted]:
    for path in promotion_files(root, environment):
        try:
            yield read_promotion(root, str(path.relative_to(root)), environment)
        except ProblemError:
            continue  # told where somebody asks for that very one


def _forget_leftovers(folder: Path) -> None:
    """Remove what a killed run left: half a file, or a page without its document."""
    forget_partial(folder)
    for page in folder.glob("*.md"):
        document = page.with_suffix(".json")
        if FILE_NAME.fullmatch(document.name) and not document.is_file():
            page.unlink(missing_ok=True)


def _taken(target: Path, root: Path) -> Problem:
    return Problem(
        str(target.relative_to(root)),
        "promotion.number",
        "",
        "another promotion took this number meanwhile; nothing was written",
        "look at it, then run the command again",
    )
