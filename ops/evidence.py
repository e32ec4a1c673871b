"""Where a proof that a person asked for leaves its evidence: the same form as a release's own."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.evidence.document import ASKED, Gate, Subject, build, proof_digest
from gateway.evidence.files import evidence_root
from gateway.evidence.keeping import keep
from ops.deployed import Deployed
from stacks.settings import Settings


def folder_of(root: Path, environment: str) -> Path:
    """Return where an environment's evidence is kept."""
    return root / evidence_root(os.environ) / environment


def keep_asked(
    root: Path,
    settings: Settings,
    *,
    deployed: Deployed,
    plan_bundle: str,
    plan: Mapping[str, Any],
    evidence: Mapping[str, Any],
    say: Callable[[str], None],
) -> Path:
    """Keep the evidence of a proof from outside and return its file.

    `plan_bundle` is the digest of the bundle that the settings make, with the plan.
    """
    release = deployed.release
    subject = Subject(
        app=deployed.app,
        environment=settings.environment,
        bundle=deployed.digest,
        plan_bundle=plan_bundle,
        image=str(release.get("image") or ""),
        image_digest=str(release.get("image_digest") or ""),
        config_digest=str(release.get("yaml_digest") or ""),
        toml_digest=str(release.get("toml_digest") or ""),
        judged_by=proof_digest(),
    )
    document = build(
        subject,
        plan,
        [Gate(ASKED, evidence=evidence)],
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        secrets=(deployed.key, deployed.events_key),
    )
    folder = folder_of(root, settings.environment)
    return keep(document, folder, settings.proof.keep_evidence, project=root, report=say)
