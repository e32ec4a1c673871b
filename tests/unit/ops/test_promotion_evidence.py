import json
from pathlib import Path
from typing import Any

from ops.promotion_evidence import newest_proof

BUNDLE = "a" * 64


def keep(folder: Path, name: str, **more: Any) -> None:
    """Write what looks like evidence in a list; nobody proved anything."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 2,
        "bundle": BUNDLE,
        "verdict": "passed",
        "written_at": "2026-11-24T10:00:00+00:00",
        "gates": [],
        "digest": "sha256:0",
    }
    (folder / f"{name}.json").write_text(json.dumps(document | more))


def why(root: Path) -> str:
    return newest_proof(root, root / "evidence" / "dev", BUNDLE).why


def test_without_evidence_of_this_bundle_nothing_was_proven(tmp_path: Path) -> None:
    assert why(tmp_path).startswith("no evidence of aaaaaaaaaaaa below dev")
    keep(tmp_path / "evidence/dev", "1" * 12, bundle="b" * 64)
    assert "it was never proven" in why(tmp_path)


def test_a_proof_that_failed_since_then_is_not_undone_by_an_older_one(tmp_path: Path) -> None:
    keep(tmp_path / "evidence/dev", "1" * 12)
    keep(
        tmp_path / "evidence/dev",
        "2" * 12,
        verdict="failed",
        written_at="2026-11-24T11:00:00+00:00",
    )
    assert why(tmp_path) == ("the newest proof, evidence/dev/222222222222.json, ended with failed")


def test_evidence_that_only_says_that_it_passed_is_none(tmp_path: Path) -> None:
    keep(tmp_path / "evidence/dev", "1" * 12)
    found = newest_proof(tmp_path, tmp_path / "evidence/dev", BUNDLE)
    assert not found.file
    assert found.why.startswith("evidence/dev/111111111111.json is not what was written")
