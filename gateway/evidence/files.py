"""Where evidence is kept, and for how long: `evidence/<environment>/<digest>.json` and its page."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stacks.whole_file import write_whole

DIGITS = 12  # of a document's digest: the name of its file
MOST_BYTES = 32 * 1024 * 1024  # forty fallbacks in six forms, three samples, two gates: some 5 MB
FOLDER = "evidence"
PROMOTIONS = "promotions"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """One evidence file, told in a line; `verdict` is "unreadable" for what cannot be read."""

    path: Path
    written_at: str = ""
    verdict: str = "unreadable"
    gates: tuple[str, ...] = ()
    proven: int = 0
    edges: int = 0
    bundle: str = ""
    image: str = ""
    digest: str = ""

    @property
    def moment(self) -> datetime:
        """When it was written; long ago when it does not say."""
        with suppress(ValueError):
            return datetime.fromisoformat(self.written_at).astimezone(UTC)
        return LONG_AGO

    @property
    def of_a_release(self) -> bool:
        """Whether a release's own gates left it."""
        return "outside" in self.gates


def evidence_root(environ: Mapping[str, str]) -> Path:
    """Return where evidence is kept, relative to the project: GATEWAY_EVIDENCE, or `evidence`."""
    return Path(environ.get("GATEWAY_EVIDENCE") or FOLDER)


def text_of(document: Mapping[str, Any]) -> str:
    """Return the one text that a document's file holds."""
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def file_name(document: Mapping[str, Any]) -> str:
    """Return the name that a document's file has."""
    return f"{str(document['digest']).removeprefix('sha256:')[:DIGITS]}.json"


def write(folder: Path, document: Mapping[str, Any], *, page: str = "") -> Path:
    """Write a document and its page below an environment's folder; return the document's file.

    Each is written whole or not at all. Writing the same document again changes nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file_name(document)
    write_whole(target, text_of(document).encode())
    if page:
        write_whole(target.with_suffix(".html"), page.encode())
    return target


def read_text(path: Path) -> str:
    """Return a file's text to the letter; ValueError says why it is none, OSError passes."""
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ValueError(f"larger than any evidence: {MOST_BYTES // 1024**2} MiB and more")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("no UTF-8 text") from None


def kept_in(folder: Path) -> list[Kept]:
    """Return every evidence file of an environment, newest first."""
    found = [_kept(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda each: (each.moment, each.path.name), reverse=True)


def forget(folder: Path, *, keep: int, promotions: Path) -> list[Path]:
    """Remove the oldest files beyond `keep`, with their pages; return what was removed.

    Never removed: the newest one that passed, the newest one of a release that passed, each that
    a file below `promotions` names, and what cannot be read as evidence. Nothing is, while a file
    below `promotions` cannot be read.
    """
    files = [each for each in kept_in(folder) if each.verdict != "unreadable"]
    passed = [each for each in files if each.verdict == "passed"]
    of_releases = [each for each in passed if each.of_a_release]
    try:
        named = _texts(promotions)
    except OSError:
        return []
    safe = {each.path for each in (*passed[:1], *of_releases[:1])}
    gone = []
    for each in files[keep:]:
        if each.path in safe or any(each.path.stem in text for text in named):
            continue
        each.path.with_suffix(".html").unlink(missing_ok=True)
        each.path.unlink(missing_ok=True)
        gone.append(each.path)
    return gone


def _kept(path: Path) -> Kept:
    try:
        document = json.loads(read_text(path))
        gates = document["gates"]
        proofs = [gate["evidence"] for gate in gates if gate.get("evidence")]
        edges = proofs[-1]["edges"] if proofs else []
        return Kept(
            path,
            written_at=str(document.get("written_at") or proofs[-1]["started_at"]),
            verdict=str(document.get("verdict") or proofs[-1]["verdict"]),
            gates=tuple(str(gate["gate"]) for gate in gates),
            proven=sum(edge["verdict"] == "passed" for edge in edges),
            edges=len(edges),
            bundle=str(document["bundle"]),
            image=str(document.get("image", "")),
            digest=str(document["digest"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Kept(path)


def _texts(folder: Path) -> list[str]:
    """Return what the files of a folder say; a promotion names evidence by file or by digest."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]
