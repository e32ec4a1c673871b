"""What the proof is told: which edges, which chains, which version, and within which bounds."""

import json
from typing import Any

from gateway.chains import (
    WILDCARD,
    Edge,
    EdgeKind,
    declared_chains,
    edges,
    effective_chain,
    mode_of,
)
from gateway.probes import Probe, breaker_probe, probes
from gateway.proof.faults import FAULTS, REFUSED
from gateway.proof.plan import SCHEMA
from gateway.proof_archive import PATH_IN_MACHINE
from gateway.retries import retries_of_a_hang
from gateway.secret_names import MASTER_KEY, master_key_name
from stacks.settings import Settings

# Enough for the word that is asked for; reasoning models count their thoughts against it.
MAX_TOKENS = 64
COOLDOWN_S = 5  # LiteLLM's own where the settings say nothing


def proof_plan(settings: Settings) -> dict[str, Any]:
    """Return the plan of one environment; edges that cannot be proven stand in `unproven`."""
    declared, proof = edges(settings), settings.proof
    hidden = {probe.name: probe for probe in probes(settings)}
    return {
        "schema": SCHEMA,
        "litellm_version": settings.image.version,
        "samples": proof.samples,
        "concurrency": proof.concurrency,
        "max_tokens": MAX_TOKENS,
        "attempt_timeout_s": proof.attempt_timeout_s,
        "request_timeout_s": proof.request_timeout_s,
        "total_timeout_s": proof.total_timeout_s,
        "total_requests": proof.total_requests,
        "total_cost_usd": proof.total_cost_usd,
        "cold_rescue_ms": proof.cold_rescue_ms,
        "warm_rescue_ms": proof.warm_rescue_ms,
        "fault_port": proof.fault_port,
        "edges": [
            _named(edge)
            | {
                "probe": edge.probe,
                "speaks": hidden[edge.probe].speaks,
                "attempts": _attempts(settings, hidden[edge.probe]),
                "forms": _forms(settings, edge),
                "faults": _faults(settings, edge.kind),
            }
            for edge in declared
            if edge.probe is not None
        ],
        "unproven": [
            _named(edge) | {"why": "LiteLLM never finds the chain of a wildcard group"}
            for edge in declared
            if edge.probe is None
        ],
        "chains": {
            kind.value: {group: list(chain) for group, chain in chains.items()}
            for kind, chains in expected_chains(settings).items()
        },
        "breaker": _breaker(settings),
    }


def expected_chains(settings: Settings) -> dict[EdgeKind, dict[str, tuple[str, ...]]]:
    """Return the chain of each declared kind that LiteLLM must report for every group.

    Probes are among them. Wildcard groups are left out: LiteLLM lists what they stand for, not
    themselves.
    """
    hidden = probes(settings)
    names = [*(model.name for model in settings.models), *(probe.name for probe in hidden)]
    expected: dict[EdgeKind, dict[str, tuple[str, ...]]] = {}
    for kind, declared in declared_chains(settings).items():
        if not declared and kind is not EdgeKind.GENERAL:
            continue
        own = {probe.name: probe.chain for probe in hidden if probe.kind is kind and probe.chain}
        chains = {**declared, **own}
        expected[kind] = {
            name: effective_chain(chains, name, settings.image.version)
            for name in names
            if WILDCARD not in name
        }
    return expected


def render_proof_plan(settings: Settings) -> str:
    """Return the plan as one text."""
    return json.dumps(proof_plan(settings), sort_keys=True, separators=(",", ":")) + "\n"


def proof_command(settings: Settings) -> tuple[str, ...]:
    """Return what is run inside a machine, before `--plan-packed` and the plan.

    The plan is an argument and no file of the machine: changed expectations run a proof, they
    replace no machine. Exit code 0 passed, 2 failed or inconclusive, 1 errored.
    """
    key = master_key_name(settings)
    metrics = settings.metrics
    return (
        *("python3", PATH_IN_MACHINE, "--inside", "--packed"),
        *("--url", f"http://127.0.0.1:{settings.server.port}"),
        *(("--key-env", key) if key != MASTER_KEY else ()),
        *(("--metrics-url", f"http://127.0.0.1:{metrics.port}{metrics.path}") if metrics else ()),
    )


def _named(edge: Edge) -> dict[str, Any]:
    return {
        "kind": edge.kind.value,
        "source": edge.source,
        "position": edge.position,
        "target": edge.target,
    }


def _forms(settings: Settings, edge: Edge) -> list[str]:
    if mode_of(settings, edge.target) == "embedding":
        return ["embeddings"]
    return [form.value for form in settings.proof.forms]


def _faults(settings: Settings, kind: EdgeKind) -> list[str]:
    """Return the faults that a kind of chain answers; the closed port comes first."""
    wanted = dict.fromkeys([REFUSED, *(fault.value for fault in settings.proof.faults)])
    own = [fault for fault in FAULTS if kind is not EdgeKind.GENERAL]
    return [name for name in own or wanted if kind.value in FAULTS[name].for_kinds]


def _attempts(settings: Settings, probe: Probe) -> int:
    return 1 + retries_of_a_hang(settings, probe.num_retries)


def _breaker(settings: Settings) -> dict[str, Any] | None:
    probe, router = breaker_probe(settings), settings.router_settings
    if probe is None or router.allowed_fails is None:
        return None
    return {
        "probe": probe.name,
        "target": probe.chain[0],
        "allowed_fails": router.allowed_fails,
        "cooldown_s": router.cooldown_time or COOLDOWN_S,
        "counted_by": 1 if router.redis_host else settings.server.workers,
    }
