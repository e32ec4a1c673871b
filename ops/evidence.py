"""Where a proof that a person asked for leaves its evidence: the same form as a release's own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.proof import evidence_digest
from ops.deployed import DIGEST_SHOWN


def evidence_root(root: Path, environ: Mapping[str, str]) -> Path:
    """Return where evidence is kept: GATEWAY_EVIDENCE, else `evidence` in the project."""
    return root / (environ.get("GATEWAY_EVIDENCE") or "evidence")


def write_evidence(
    folder: Path, environment: str, *, app: str, bundle: str, evidence: Mapping[str, Any]
) -> Path:
    """Write the evidence of a proof from outside, whole or not at all, and return its file."""
    document: dict[str, Any] = {
        "schema": 1,
        "app": app,
        "bundle": bundle,
        "gates": [{"gate": "asked", "machine": "", "evidence": dict(evidence)}],
    }
    document["digest"] = evidence_digest(document)
    name = document["digest"].removeprefix("sha256:")[:DIGEST_SHOWN]
    target = folder / environment / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(target)
    return target
