"""What the proof is told, read from the one JSON document that `gateway.proof_plan` writes."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SCHEMA = 2  # of plan and evidence


@dataclass(frozen=True, slots=True)
class Edge:
    """One declared fallback and how it is asked for.

    `speaks` is the wire format of the probe's primary, that of the source's provider; `attempts`
    how often LiteLLM asks that primary before it falls back.
    """

    kind: str
    source: str
    position: int
    target: str
    probe: str
    speaks: str
    attempts: int
    forms: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def named(self) -> dict[str, Any]:
        """What identifies the edge in the evidence."""
        return {
            name: getattr(self, name) for name in ("kind", "source", "position", "target", "probe")
        }


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that were fixed beforehand; money in US dollars, rescues in milliseconds."""

    samples: int
    concurrency: int
    max_tokens: int
    attempt_timeout_s: int
    request_timeout_s: int
    total_timeout_s: int
    total_requests: int
    total_cost_usd: float
    cold_rescue_ms: int
    warm_rescue_ms: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """The group whose breaker may open, after more than `allowed_fails`, for `cooldown_s`.

    `counted_by` is how many workers count failures each for itself; 1 where they share a Redis.
    """

    probe: str
    target: str
    allowed_fails: int
    cooldown_s: int
    counted_by: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole of it; `chains` by kind of fallback and group, `fault_port` on the loopback."""

    litellm_version: str
    bounds: Bounds
    fault_port: int
    edges: tuple[Edge, ...]
    chains: dict[str, dict[str, list[str]]]
    unproven: tuple[dict[str, Any], ...]
    breaker: Breaker | None


def pack_plan(text: str) -> str:
    """Return a plan's text in the small form for a command line, a twentieth of it.

    Linux hands no program an argument of more than 128 KiB, which 200 edges would be as they are.
    """
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack_plan(packed: str) -> Any:
    """Read the small form; raise ValueError for anything else."""
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))
    except zlib.error as error:
        raise ValueError(f"the plan cannot be unpacked: {error}") from error


def read_plan(document: Mapping[str, Any]) -> Plan:
    """Read a plan; raise ValueError for another schema and LookupError for what is missing."""
    if document["schema"] != SCHEMA:
        raise ValueError(f"plan schema {document['schema']}, this proof knows {SCHEMA}")
    bounds = Bounds(**{each.name: document[each.name] for each in fields(Bounds)})
    breaker = document.get("breaker")
    return Plan(
        litellm_version=document["litellm_version"],
        bounds=bounds,
        fault_port=document["fault_port"],
        edges=tuple(_edge(row) for row in document["edges"]),
        chains=document["chains"],
        unproven=tuple(document.get("unproven", ())),
        breaker=Breaker(**breaker) if breaker else None,
    )


def _edge(row: Mapping[str, Any]) -> Edge:
    given = {each.name: row[each.name] for each in fields(Edge)}
    return Edge(**given | {"forms": tuple(row["forms"]), "faults": tuple(row["faults"])})
