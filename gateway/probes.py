"""The hidden groups of the fallback proof: one for each edge, and one for the circuit breaker.

A probe's primary is dead, and everything else about it is what its source has: the chain from its
target on, the retries, the wire format of the provider. So what the probe shows holds for it.
"""

from dataclasses import dataclass
from typing import Any

from gateway.chains import WILDCARD, Edge, EdgeKind, declared_chains, edges, mode_of
from gateway.retries import retries_of
from stacks.settings import Settings

MODEL = "probe"
# By provider, the wire format that LiteLLM speaks with its models; all others: OpenAI's. Vertex
# would fetch a token from Google first: Gemini's own address has the same format and needs none.
SPOKEN = {"anthropic": "anthropic", "xai": "xai", "vertex_ai": "gemini", "gemini": "gemini"}
OPENAI = "openai"
BASE_PATHS = {OPENAI: "/v1", "xai": "/v1"}
# LiteLLM never cools a group of one deployment down that says so itself (cooldown_handlers.py of
# 1.106.2): the next fault would find an open breaker in place of a primary.
NEVER_COOLED = 1000


@dataclass(frozen=True, slots=True)
class Probe:
    """One hidden group; an empty `chain` means that it has to fall to `"*"`.

    `speaks` is the wire format of its primary, `num_retries` None leaves retries to the router.
    """

    name: str
    kind: EdgeKind
    chain: tuple[str, ...]
    mode: str
    speaks: str = OPENAI
    num_retries: int | None = 0
    cools_down: bool = False


def probes(settings: Settings) -> tuple[Probe, ...]:
    """Return the group of every edge that can be proven, in their order, and the breaker's."""
    found = [_probe(settings, edge) for edge in edges(settings) if edge.probe is not None]
    breaker = breaker_probe(settings)
    return tuple(found if breaker is None else [*found, breaker])


def breaker_probe(settings: Settings) -> Probe | None:
    """Return the one probe that may be cooled down; None where there is nothing to fall back to."""
    for edge in edges(settings):
        if edge.kind is EdgeKind.GENERAL and edge.probe is not None:
            mode = mode_of(settings, edge.target)
            if mode != "embedding":
                name = f"{settings.proof.probe_prefix}/breaker"
                return Probe(name, edge.kind, (edge.target,), mode, cools_down=True)
    return None


def spoken_by(settings: Settings, group: str) -> str:
    """Return the wire format of a group's provider; OpenAI's for groups without a model."""
    model = next((model for model in settings.models if model.name == group), None)
    if model is None or mode_of(settings, group) == "embedding":
        return OPENAI
    named = (model.model or model.name).partition("/")[0]
    return SPOKEN.get(named) or SPOKEN.get(model.provider, OPENAI)


def probe_model(settings: Settings, probe: Probe) -> dict[str, Any]:
    """Return the entry of `model_list`."""
    base = f"http://127.0.0.1:{settings.proof.fault_port}{BASE_PATHS.get(probe.speaks, '')}"
    retries = {} if probe.num_retries is None else {"num_retries": probe.num_retries}
    cooling = {} if probe.cools_down else {"allowed_fails": NEVER_COOLED}
    return {
        "model_name": probe.name,
        "litellm_params": {
            "model": f"{probe.speaks}/{MODEL}",
            "api_base": base,
            "api_key": "none",  # seen by nobody but the proof's own endpoint
            **retries,
            "max_retries": 0,
            "timeout": settings.proof.attempt_timeout_s,
            "stream_timeout": settings.proof.attempt_timeout_s,
        },
        "model_info": {
            "id": probe.name,
            "mode": probe.mode,
            "discoverable": False,
            "disable_background_health_check": True,
            **cooling,
        },
    }


def _probe(settings: Settings, edge: Edge) -> Probe:
    assert edge.probe is not None  # noqa: S101 - its callers' condition
    source = next((model for model in settings.models if model.name == edge.source), None)
    falls_to_wildcard = edge.source == WILDCARD and edge.position == 0
    chain = declared_chains(settings)[edge.kind][edge.source][edge.position :]
    return Probe(
        name=edge.probe,
        kind=edge.kind,
        chain=() if falls_to_wildcard else chain,
        mode=mode_of(settings, edge.target),
        speaks=spoken_by(settings, edge.source),
        num_retries=None if source is None else retries_of(settings, source),
    )
