"""How far LiteLLM's own counters agree with what was seen; they inform and never decide."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.proof.answers import OK
from gateway.proof.asking import Asker

RESCUED = "litellm_deployment_successful_fallbacks_total"
NOT_RESCUED = "litellm_deployment_failed_fallbacks_total"

Counts = Mapping[tuple[str, str, str], float]  # by counter, requested and answering group


def read_counters(asker: Asker, url: str | None) -> Counts | None:
    """Return both counters, summed over every other label; None when they cannot be read."""
    if url is None:
        return None
    reply = asker.send("GET", url)
    if reply.trouble is not None or reply.status != OK:
        return None
    counts: dict[tuple[str, str, str], float] = defaultdict(float)
    for line in reply.raw.decode("utf-8", "replace").splitlines():
        name = line.partition("{")[0]
        if name not in (RESCUED, NOT_RESCUED):
            continue
        labels, _, value = line.rpartition("}")
        read = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        edge = (read.get("requested_model", ""), read.get("fallback_model", ""))
        counts[name, *edge] += float(value.split()[0])
    return counts


def counter_record(
    before: Counts | None, after: Counts | None, rescues: Sequence[tuple[str, str, int]]
) -> dict[str, Any] | None:
    """Compare the counters' growth with the rescues seen, as (probe, target, how many)."""
    if before is None or after is None:
        return None

    def grown(counter: str, probe: str, target: str) -> float:
        pair = (counter, probe, target)
        return after.get(pair, 0) - before.get(pair, 0)

    rows: list[dict[str, Any]] = [
        {
            "probe": probe,
            "target": target,
            "seen": seen,
            "counted": grown(RESCUED, probe, target),
            "failed": grown(NOT_RESCUED, probe, target),
        }
        for probe, target, seen in rescues
    ]
    agree = all(row["counted"] >= row["seen"] and not row["failed"] for row in rows)
    return {"agree": agree, "edges": rows}
