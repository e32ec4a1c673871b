"""Which kept evidence shows that a bundle was proven, and when."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.evidence.files import LONG_AGO, Kept, kept_in
from gateway.evidence.verifying import State, verify


@dataclass(frozen=True, slots=True)
class Proven:
    """The newest evidence that a bundle was proven; without a `file` there is none, and `why`."""

    why: str = ""
    file: str = ""
    digest: str = ""
    written_at: str = ""
    grade: str = ""
    gates: tuple[str, ...] = ()
    proven: int = 0
    edges: int = 0
    image_digest: str = ""

    @property
    def moment(self) -> datetime:
        """When it was written."""
        try:
            return datetime.fromisoformat(self.written_at).astimezone(UTC)
        except ValueError:
            return LONG_AGO

    def as_json(self) -> dict[str, Any]:
        """Return what a promotion says of it."""
        return {
            "file": self.file,
            "digest": self.digest,
            "verdict": "passed",
            "written_at": self.written_at,
            "grade": self.grade,
            "gates": list(self.gates),
            "proven": self.proven,
            "edges": self.edges,
        }


def newest_proof(root: Path, folder: Path, bundle: str) -> Proven:
    """Return the newest evidence in `folder` of this bundle, if it passed and is what was written.

    Newest, not newest that passed: a proof that failed since then is not undone by an older one.
    """
    found = [kept for kept in kept_in(folder) if kept.bundle == bundle]
    if not found:
        return Proven(why=f"no evidence of {bundle[:12]} below {folder.name}: it was never proven")
    newest = found[0]
    shown = _shown(root, newest)
    if newest.verdict != "passed":
        return Proven(why=f"the newest proof, {shown}, ended with {newest.verdict}")
    try:
        text = newest.path.read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        return Proven(why=f"{shown} cannot be read: {error}")
    verified = verify(text, name=newest.path.name)
    if verified.state is not State.INTACT:
        why = verified.why or verified.differences[0].place
        return Proven(why=f"{shown} is not what was written: {why}")
    if document.get("plan_bundle", bundle) != bundle:
        return Proven(why=f"{shown} proved another plan than that of this bundle")
    return Proven(
        file=shown,
        digest=newest.digest,
        written_at=newest.written_at,
        grade=str((document.get("grade") or {}).get("grade") or ""),
        gates=newest.gates,
        proven=newest.proven,
        edges=newest.edges,
        image_digest=str(document.get("image_digest") or ""),
    )


def _shown(root: Path, kept: Kept) -> str:
    path = kept.path
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
