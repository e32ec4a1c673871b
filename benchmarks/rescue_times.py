"""How long a rescue takes, in hundreds of them: from an error, from silence, and once at rest."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx

from benchmarks.harness import LocalGateway, local_gateway
from benchmarks.processes import BenchmarkError, tell
from benchmarks.published import start_published
from benchmarks.table import Row
from gateway.drill.seen import Answer, Form
from gateway.drill.speed import FAST_P50_S, FAST_P99_S, HANG_SLACK_S, TIMES_FASTER, percentile
from ops.drill_ask import Asker
from ops.drill_run import new_marker
from ops.sandbox_client import SandboxClient

# Groups with a chain of their own, in both settings, one of each provider and two more.
GROUPS = (
    "openai/gpt-5.5",
    "xai/grok-4.3",
    "anthropic/claude-opus-4-7",
    "vertex_ai/gemini-3.1-pro-preview",
    "openai/gpt-5.4",
    "anthropic/claude-opus-4-6",
)
ERRORS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429},
    {"kind": "rate_limit", "retry_after": 30},
)
ROUNDS = 5  # of every error, group and form: 240 rescues
AT_REST = 5  # of every group, once its breaker is open
HANGS = 1  # of every provider and form
COOLDOWN_S = 1  # so that no breaker remembers the round before
REST_S = 30
TIME_OUT_S = 3
LIMIT_S = 60.0
OPENING = 6  # failures that open any breaker with allowed_fails 2


@dataclass
class Rescues:
    """Seconds until the answer; `published` beside `ours` of the same fault on the same group."""

    healthy: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    retry_after: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    pairs: list[tuple[float, float]] = field(default_factory=list)


def rows() -> list[Row]:
    """Deploy a local gateway of its own, let its providers fail, and time every rescue.

    Two settings differ from the local ones: breakers remember failures for a second, so that each
    rescue is a first one, and silence is given up after 3 s, so that it ends soon.
    """
    with local_gateway() as gateway:
        _shorten(gateway, cooldown_s=COOLDOWN_S)
        tell("resilience: deploying the local stack on the real LiteLLM")
        key = str(gateway.deploy()["key"])
        found = Rescues()
        with _asking(gateway, gateway.edge_url, key) as ours:
            _measure(ours, found)
            published = start_published(gateway, key)
            with _asking(gateway, published, key) as theirs:
                _compare(ours, theirs, found)
        tell("resilience: deploying once more, with breakers that stay open")
        _shorten(gateway, cooldown_s=REST_S)
        gateway.deploy()
        with _asking(gateway, gateway.edge_url, key) as ours:
            _at_rest(ours, found)
    return summary(found)


def summary(found: Rescues) -> list[Row]:
    """Return the rows; ratios are over a healthy request, or over what is named."""
    healthy = median(found.healthy)
    ours, theirs = (median(times) for times in zip(*found.pairs, strict=True))
    ratio = median(other / one for one, other in found.pairs)
    over = max(found.silent) - TIME_OUT_S
    return [
        *_percentiles("rescue from a 5xx or 429", found.cold, healthy),
        *_percentiles("rescue from a 429 with Retry-After: 30", found.retry_after, healthy),
        *_percentiles("rescue while the breaker is open", found.warm, healthy),
        Row(
            "rescue from silence, the slowest",
            f"{max(found.silent):.2f} s",
            f"{TIME_OUT_S} s, the declared time-out",
            max(found.silent) / TIME_OUT_S,
            f"<= {HANG_SLACK_S * 1000:.0f} ms more",
            over <= HANG_SLACK_S,
            f"every provider, streamed and not; {over * 1000:.0f} ms beyond the time-out",
        ),
        Row(
            "rescue, times faster than as published",
            f"{ours * 1000:.0f} ms",
            f"{theirs:.1f} s, published settings",
            ratio,
            f">= {TIMES_FASTER}",
            ratio >= TIMES_FASTER,
            f"median of {len(found.pairs)} pairs: the same fault, group and form, asked in turn",
        ),
    ]


def _percentiles(name: str, times: Sequence[float], healthy: float) -> list[Row]:
    bounds = ((0.5, "p50", FAST_P50_S), (0.99, "p99", FAST_P99_S))
    return [
        Row(
            f"{name}, {word}",
            f"{percentile(times, share) * 1000:.0f} ms",
            f"{healthy * 1000:.0f} ms, a healthy request",
            percentile(times, share) / healthy,
            f"<= {bound * 1000:.0f} ms",
            percentile(times, share) <= bound,
            f"n = {len(times)}" if share == bounds[0][0] else "",
        )
        for share, word, bound in bounds
    ]


@dataclass(frozen=True, slots=True)
class _Asking:
    """One gateway and the providers that fail for single requests to it."""

    asker: Asker
    sandbox: SandboxClient

    def healthy(self, group: str, form: Form) -> float:
        answer = self.asker.ask(group, form, new_marker())
        _need(answer, group, rescued=False)
        return answer.took_s

    def rescue(self, group: str, form: Form, step: Any, *, tried: bool = True) -> float:
        """Return the seconds of one rescue; the providers' log must agree about who was asked."""
        marker = new_marker()
        self.sandbox.break_for(marker, group, step)
        try:
            answer = self.asker.ask(group, form, marker)
            log = self.sandbox.attempts(marker)
        finally:
            self.sandbox.heal_for(marker)
        _need(answer, group, rescued=True)
        met = any(f"{one['provider']}/{one['model']}" == group for one in log)
        if met is not tried:
            was = "was" if met else "was not"
            raise BenchmarkError(f"{group}: the primary {was} asked, and was not to be so")
        return answer.took_s


@contextmanager
def _asking(gateway: LocalGateway, url: str, key: str) -> Iterator[_Asking]:
    asker = Asker(url, key, limit_s=LIMIT_S)
    sandbox = SandboxClient(httpx.Client(base_url=gateway.api_url, timeout=20, trust_env=False))
    with sandbox:
        try:
            yield _Asking(asker, sandbox)
        finally:
            asker.close()


def _measure(ours: _Asking, found: Rescues) -> None:
    """Healthy and failing requests in turn, so that both meet the same machine."""
    for number in range(1, ROUNDS + 1):
        for step in ERRORS:
            for form in Form:
                for group in GROUPS:
                    found.healthy.append(ours.healthy(group, form))
                    took = ours.rescue(group, form, step)
                    (found.retry_after if "retry_after" in step else found.cold).append(took)
        tell(f"resilience: round {number} of {ROUNDS}: p50 {median(found.cold) * 1000:.0f} ms")
    for group in GROUPS[:4]:
        for form in Form:
            found.silent += [ours.rescue(group, form, {"kind": "hang"}) for _ in range(HANGS)]
            tell(f"resilience: silence, {group}, {form.value}: {found.silent[-1]:.2f} s")


def _compare(ours: _Asking, theirs: _Asking, found: Rescues) -> None:
    for form in Form:
        for group in GROUPS[:4]:
            theirs.healthy(group, form)
            one = ours.rescue(group, form, ERRORS[0])
            other = theirs.rescue(group, form, ERRORS[0])
            found.pairs.append((one, other))
            tell(f"resilience: {group}: {one * 1000:.0f} ms, published {other:.1f} s")


def _at_rest(ours: _Asking, found: Rescues) -> None:
    for group in GROUPS[:4]:
        marker = new_marker()
        ours.sandbox.break_for(marker, group, ERRORS[0])
        try:
            for _ in range(OPENING):
                ours.asker.ask(group, Form.WHOLE, marker)
        finally:
            ours.sandbox.heal_for(marker)
        found.warm += [
            ours.rescue(group, Form.WHOLE, ERRORS[0], tried=False) for _ in range(AT_REST)
        ]


def _need(answer: Answer, group: str, *, rescued: bool) -> None:
    if not answer.by or (answer.by != group) is not rescued:
        wanted = "a rescue" if rescued else "its own answer"
        raise BenchmarkError(
            f"{group}: expected {wanted}, got HTTP {answer.status} by {answer.by or 'nobody'}"
            f" {answer.error[:200]}"
        )


def _shorten(gateway: LocalGateway, *, cooldown_s: int) -> None:
    document = gateway.read_config()
    document["config"]["gateway:litellm_settings"] = {"request_timeout": TIME_OUT_S}
    router = {"timeout": TIME_OUT_S, "stream_timeout": TIME_OUT_S, "cooldown_time": cooldown_s}
    document["config"]["gateway:router_settings"] = router
    gateway.write_config(document)
