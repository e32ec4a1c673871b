"""What a promotion file says, and whether it still says what was written.

`promotions/<environment>/NNNN-<first digits of the bundle>.json` holds all that is needed to render
an environment again: the definition with every default written out, and the texts themselves.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stacks.problem import Problem, ProblemError
from stacks.settings import Definition

SCHEMA = 1
FOLDER = "promotions"
DIGITS = 12  # of the bundle's digest, in a file's name
YAML, TOML = "litellm_config.yaml", "fly.toml"  # the texts that a promotion holds
FILE_NAME = re.compile(r"(?P<number>[0-9]{4})-(?P<digest>[0-9a-f]{12})\.json")


@dataclass(frozen=True, slots=True)
class Promoted:
    """One promotion that was read and is whole; `file` is relative to the project."""

    file: str
    document: Mapping[str, Any]
    definition: Definition

    @property
    def number(self) -> int:
        """Which of its environment's promotions it is, from 1."""
        return int(self.document["number"])

    @property
    def bundle(self) -> str:
        """The digest of the bundle that was promoted, 64 digits."""
        return str(self.document["bundle"])

    @property
    def image(self) -> str:
        """The image, pinned by digest."""
        return str(self.document["image"])

    @property
    def texts(self) -> Mapping[str, str]:
        """The rendered texts by file name, as the environment had them when it was written."""
        texts: Mapping[str, str] = self.document["texts"]
        return texts

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets that the bundle needs."""
        return tuple(self.document["secret_names"])

    @property
    def revision(self) -> str:
        """The revision of the program that rendered it; "" where none was known."""
        return str(self.document["program"].get("revision") or "")

    def expired_waivers(self, today: date) -> Iterator[Mapping[str, Any]]:
        """Yield the gates that were waived until a day that is over."""
        for gate in self.document["gates"]:
            waiver = gate.get("waiver")
            if waiver and date.fromisoformat(waiver["until"]) < today:
                yield gate


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as it reads back from JSON, with its digest over everything else."""
    plain: dict[str, Any] = json.loads(_canonical(document))
    return {**plain, "digest": _digest(plain)}


def text_of(document: Mapping[str, Any]) -> str:
    """Return the one text that a document's file holds; people read it in a review."""
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"


def file_name(number: int, bundle: str) -> str:
    """Return the name that the file of a promotion has."""
    return f"{number:04d}-{bundle[:DIGITS]}.json"


def promotion_files(root: Path, environment: str) -> list[Path]:
    """Return an environment's promotion files, oldest first; other files are left out."""
    folder = root / FOLDER / environment
    return sorted(path for path in folder.glob("*.json") if FILE_NAME.fullmatch(path.name))


def read_promotion(root: Path, file: str, environment: str, source: str = "") -> Promoted:
    """Return a promotion that is whole and meant for `environment`.

    `source` is where it has to come from, if that is asked for. `ProblemError` holds what is wrong:
    no such file, another text than was written, another environment's, of another schema.
    """
    try:
        text = (root / file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ProblemError([_unreadable(root, file, environment, error)]) from None
    try:
        document = json.loads(text)
        broken = document["digest"] != _digest(document) or text != text_of(document)
        schema = document["schema"]
    except (ValueError, LookupError, TypeError, RecursionError):
        broken, schema, document = True, SCHEMA, {}
    if broken:
        raise ProblemError([_changed(file)])
    if schema != SCHEMA:
        raise ProblemError([_other_schema(file, schema, document)])
    elsewhere = list(_of_another(file, document, environment, source))
    if elsewhere:
        raise ProblemError(elsewhere)
    try:
        definition = Definition.model_validate(document["definition"])
    except ValidationError:
        raise ProblemError([_other_schema(file, "another version's settings", document)]) from None
    return Promoted(file, document, definition)


def _digest(document: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in document.items() if name != "digest"}
    return f"sha256:{hashlib.sha256(_canonical(rest).encode()).hexdigest()}"


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _of_another(
    file: str, document: Mapping[str, Any], environment: str, source: str
) -> Iterator[Problem]:
    if document["environment"] != environment:
        yield Problem(
            file,
            "promotion.environment",
            str(document["environment"]),
            f"this promotion is for another environment than {environment}",
            f"name one of {FOLDER}/{environment}/ in `promotion.file`, or make one:"
            f" gateway promote {source or document['source']} {environment}",
        )
    elif source and document["source"] != source:
        yield Problem(
            file,
            "promotion.source",
            str(document["source"]),
            f"`promotion.source` says that {environment} takes what {source} proved",
            f"gateway promote {source} {environment}",
        )


def _unreadable(root: Path, file: str, environment: str, error: Exception) -> Problem:
    names = ", ".join(path.name for path in promotion_files(root, environment)[-3:])
    reason = "no such file" if isinstance(error, FileNotFoundError) else f"not readable ({error})"
    return Problem(
        file,
        "promotion.file",
        "",
        f"{reason}; promotions of {environment} that are here: {names or 'none'}",
        f"take it from version control, or go to one that is here: gateway rollback {environment}",
    )


def _changed(file: str) -> Problem:
    return Problem(
        file,
        "promotion.seal",
        "",
        "this is not the text that was promoted: its digest does not hold",
        f"take it back: git checkout -- {file}. To change what is deployed, promote again",
    )


def _other_schema(file: str, what: Any, document: Mapping[str, Any]) -> Problem:
    program = document.get("program") or {}
    revision = program.get("revision") or "the revision that it was committed with"
    return Problem(
        file,
        "promotion.schema",
        str(what),
        f"this program reads promotions of schema {SCHEMA} with its own settings",
        f"deploy it with the program that wrote it: git checkout {revision}",
    )
