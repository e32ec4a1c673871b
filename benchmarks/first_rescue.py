"""How long the first request waits whose model's provider has just died: ours, and as published."""

import time
from dataclasses import dataclass, field
from statistics import median

import httpx

from benchmarks.harness import LocalGateway
from benchmarks.processes import BenchmarkError, tell
from benchmarks.published import start_published
from benchmarks.table import Row

LIMIT_MS = 100
TIMES_FASTER = 50
# Every group that has a chain of its own in both; each one's first failure counts as cold.
PRIMARIES = (
    "openai/gpt-5.5",
    "openai/gpt-5.4",
    "xai/grok-4.3",
    "anthropic/claude-opus-4-7",
    "anthropic/claude-opus-4-6",
    "vertex_ai/gemini-3.1-pro-preview",
)


@dataclass
class Rescues:
    """Milliseconds until the answer, one per chain."""

    ours: list[float] = field(default_factory=list)
    published: list[float] = field(default_factory=list)
    healthy: list[float] = field(default_factory=list)
    """Ours, before anything failed: what a request costs when nothing has to be rescued."""


def measure(gateway: LocalGateway, key: str) -> Rescues:
    """Fail one primary at a time and ask each gateway once, first for itself in good health.

    Both meet the same fault: the provider answers 500 for as long as it is asked.
    """
    published = start_published(gateway, key)
    found = Rescues()
    for group in PRIMARIES:  # both processes know each provider before one of them fails
        ask(published, key, group)
        ask(gateway.edge_url, key, group)
        found.healthy.append(ask(gateway.edge_url, key, group))
    for group in PRIMARIES:
        _break(gateway, group)
        found.ours.append(ask(gateway.edge_url, key, group, rescued=True))
        found.published.append(ask(published, key, group, rescued=True))
        _heal(gateway)
        tell(f"rescue: {group}: {found.ours[-1]:.0f} ms, published {found.published[-1]:.0f} ms")
    return found


def summary(found: Rescues) -> list[Row]:
    """Return two rows: against the limit, and against the published settings."""
    ours, published, healthy = map(median, (found.ours, found.published, found.healthy))
    spread = f"{len(found.ours)} chains, {min(found.ours):.0f} to {max(found.ours):.0f} ms"
    return [
        Row(
            "first rescued request, p50",
            f"{ours:.0f} ms",
            f"{healthy:.0f} ms, a healthy request",
            ours / healthy,
            f"<= {LIMIT_MS} ms",
            ours <= LIMIT_MS,
            spread,
        ),
        Row(
            "times faster than as published",
            f"{ours:.0f} ms",
            f"{published / 1000:.1f} s, published settings",
            published / ours,
            f">= {TIMES_FASTER}",
            published / ours >= TIMES_FASTER,
            "the ratio is baseline over measured; both asked in turn, the same fault",
        ),
    ]


def ask(base: str, key: str, group: str, *, rescued: bool = False) -> float:
    """Ask one question that no cache has seen and return the milliseconds.

    `BenchmarkError` unless it was answered, and with `rescued` by a fallback.
    """
    body = {
        "model": group,
        "messages": [{"role": "user", "content": f"{time.time_ns()}: say one word"}],
        "max_tokens": 8,
        "cache": {"no-cache": True},
    }
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=base, headers=headers, timeout=120) as client:
        began = time.perf_counter()
        answer = client.post("/v1/chat/completions", json=body)
        took = (time.perf_counter() - began) * 1000
    fell_back = answer.headers.get("x-litellm-attempted-fallbacks", "0") != "0"
    if not answer.is_success or fell_back is not rescued:
        wanted = "a rescued answer" if rescued else "a healthy answer"
        told = f"HTTP {answer.status_code}, fallbacks {fell_back}: {answer.text[:300]}"
        raise BenchmarkError(f"{group} at {base}: expected {wanted}, got {told}")
    return took


def _break(gateway: LocalGateway, group: str) -> None:
    script = {"script": [{"kind": "status", "status": 500}], "then": "repeat"}
    url = f"{gateway.api_url}/_sandbox/providers/faults/{group}"
    httpx.put(url, json=script, timeout=10).raise_for_status()


def _heal(gateway: LocalGateway) -> None:
    url = f"{gateway.api_url}/_sandbox/providers/faults"
    httpx.delete(url, timeout=10).raise_for_status()
