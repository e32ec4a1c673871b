"""What the proof is told: which edges, which chains, which version, and within which bounds."""

import json
from pathlib import Path
from typing import Any

from gateway.chains import WILDCARD, edges, effective_chain, general_chains, mode_of, probes
from gateway.secret_names import MASTER_KEY, master_key_name
from stacks.settings import Settings

SCRIPT_IN_MACHINE = "/app/gateway_proof.py"
SCHEMA = 1

# Enough for the word that is asked for; reasoning models count their thoughts against it.
MAX_TOKENS = 64


def proof_plan(settings: Settings) -> dict[str, Any]:
    """Return the plan of one environment; edges that cannot be proven stand in `unproven`."""
    declared = edges(settings)
    return {
        "schema": SCHEMA,
        "litellm_version": settings.image.version,
        "samples": settings.proof.samples,
        "concurrency": settings.proof.concurrency,
        "request_timeout_s": settings.proof.request_timeout_s,
        "total_timeout_s": settings.proof.total_timeout_s,
        "max_tokens": MAX_TOKENS,
        "edges": [
            {
                "kind": edge.kind.value,
                "source": edge.source,
                "position": edge.position,
                "target": edge.target,
                "probe": edge.probe,
                "endpoint": "embeddings"
                if mode_of(settings, edge.target) == "embedding"
                else "chat",
            }
            for edge in declared
            if edge.probe is not None
        ],
        "unproven": [
            {
                "kind": edge.kind.value,
                "source": edge.source,
                "position": edge.position,
                "target": edge.target,
            }
            for edge in declared
            if edge.probe is None
        ],
        "chains": {group: list(chain) for group, chain in expected_chains(settings).items()},
    }


def expected_chains(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the chain that LiteLLM must report for every group, probes included.

    Wildcard groups are left out: LiteLLM lists what they stand for, not themselves.
    """
    hidden = {probe.name: probe.chain for probe in probes(settings)}
    chains = {**general_chains(settings), **{name: c for name, c in hidden.items() if c}}
    names = [*(model.name for model in settings.models), *hidden]
    return {name: effective_chain(chains, name) for name in names if WILDCARD not in name}


def render_proof_plan(settings: Settings) -> str:
    """Return the plan as the file that is shipped beside the script."""
    return json.dumps(proof_plan(settings), sort_keys=True, indent=1) + "\n"


def proof_script() -> str:
    """Return the text of `gateway/proof.py`, which runs inside the machine as it stands."""
    return Path(__file__).with_name("proof.py").read_text(encoding="utf-8")


def proof_command(settings: Settings) -> tuple[str, ...]:
    """Return what is run inside a machine, before `--plan-json` and the plan.

    The plan is an argument and no file of the machine: changed expectations run a proof, they
    replace no machine. Exit code 0 passed, 2 failed or inconclusive, 1 errored.
    """
    key = master_key_name(settings)
    metrics = settings.metrics
    return (
        *("python3", SCRIPT_IN_MACHINE),
        *("--url", f"http://127.0.0.1:{settings.server.port}"),
        *(("--key-env", key) if key != MASTER_KEY else ()),
        *(("--metrics-url", f"http://127.0.0.1:{metrics.port}{metrics.path}") if metrics else ()),
    )
