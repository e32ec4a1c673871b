"""Since when a finding has been seen: kept between runs in one small file."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.drift_findings import Finding, Layer
from stacks.whole_file import write_whole

SCHEMA = 1
FOLDER = Path(".gateway") / "drift"


def memory_file(root: Path, environment: str) -> Path:
    """Return where an environment's memory is, unless another file is named."""
    return root / FOLDER / f"{environment}.json"


def remembered(file: Path) -> dict[str, str]:
    """Return when each finding was first seen, by its key; a file that is no memory is empty."""
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        since = document["since"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(since, Mapping):
        return {}
    return {str(key): str(moment) for key, moment in since.items()}


def dated(findings: Iterable[Finding], since: Mapping[str, str], now: str) -> tuple[Finding, ...]:
    """Return the findings with the moment at which each was first seen; new ones: now."""
    return tuple(replace(finding, since=since.get(finding.key, now)) for finding in findings)


def remember(
    file: Path,
    findings: Iterable[Finding],
    *,
    before: Mapping[str, str],
    complete: bool,
    layers: Collection[str] = tuple(Layer),
) -> None:
    """Write the file anew, as a whole or not at all; what is not found any more is forgotten.

    After a look that was not `complete` everything is kept: it may still be there, as may what is
    in none of the `layers` that were looked at. Only names and moments are written, no values.
    """
    since = {finding.key: finding.since for finding in findings}
    unseen = {key: at for key, at in before.items() if key.partition(" ")[0] not in layers}
    kept = {**(unseen if complete else before), **since}
    if kept == before and file.is_file():
        return
    document = {"schema": SCHEMA, "since": dict(sorted(kept.items()))}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, (json.dumps(document, indent=1) + "\n").encode())
