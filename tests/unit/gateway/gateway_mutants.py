"""Gateways that lie in their headers, bodies and lists, each with the end that its proof must have.

What a real LiteLLM can be brought to do stands in `tests.sandbox.gateway_mutants`; these are the
others, and the list by which the proof's own mutants are found.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import httpx

from gateway import proof as real_proof
from gateway.proof.faults import MARK
from tests.unit.gateway.stub_gateway import (
    KEY,
    StubFaults,
    StubGateway,
    body_of,
    edges,
    plan,
)
from tests.unit.gateway.test_proof_breaker import BREAKER, Group

HEADERS = {
    "x-litellm-call-id": "1",
    "x-litellm-version": "1.106.2",
    "x-litellm-model-group": "d/four",
    "x-litellm-attempted-fallbacks": "1",
}
OK = {"choices": [{"message": {"content": "ok"}}]}

Override = Callable[[httpx.Request], httpx.Response | None]


@dataclass(frozen=True, slots=True)
class StubMutant:
    """One gateway and its end: the verdict, and a part of a reason (empty: there is none)."""

    name: str
    verdict: str
    reason: str
    gateway: Callable[[], StubGateway]
    plan: Mapping[str, Any] = field(default_factory=dict)
    breaker: Callable[[], Group] | None = None
    key: str = KEY

    def proven(self, proof: ModuleType = real_proof) -> dict[str, Any]:
        """Return the evidence of this gateway by a package that proves."""
        gateway, group = self.gateway(), self.breaker() if self.breaker else None
        steady = proof.steady_clock()
        if group is not None:
            gateway.override = group
        ticks = iter(range(10**9))
        around = proof.Surroundings(
            faults=gateway.faults,
            breaker=group is not None,
            sleep=group.sleep if group else None,
        )
        with gateway.client() as client:
            evidence: dict[str, Any] = proof.run(
                plan(**{"concurrency": 1, **self.plan}),
                client=client,
                key=self.key,
                clock=(lambda: group.now) if group else getattr(gateway.override, "clock", steady),
                nonce=lambda: f"nonce-{next(ticks)}",
                progress=lambda _: None,
                surroundings=around,
            )
        return evidence

    def is_told(self, evidence: Mapping[str, Any]) -> bool:
        """Tell whether this is how the proof has to end."""
        reasons = evidence["reasons"]
        told = any(self.reason in why for why in reasons) if self.reason else not reasons
        return bool(evidence["verdict"] == self.verdict and told)


@dataclass
class Late:
    """Answers one probe late, on a clock that only it moves; `seconds` by the number of rescue."""

    seconds: list[float]
    group: str = "proof/any"
    now: float = 0.0

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        """Let the time pass."""
        body = body_of(request)
        if body.get("model") == self.group and not body.get("disable_fallbacks"):
            self.now += self.seconds.pop(0) if self.seconds else 0.0
        return None


def stub(**fields: Any) -> Callable[[], StubGateway]:
    """Return what makes a fresh stub gateway, with fresh mutable fields."""
    return lambda: StubGateway(
        **{name: value() if callable(value) else value for name, value in fields.items()}
    )


def says(
    group: str,
    headers: Mapping[str, str] | None = None,
    *,
    off: bool = False,
    owned: bool = False,
    **answer: Any,
) -> Callable[[], StubGateway]:
    """Return a gateway that answers a group so, when fallbacks are off or when they are not.

    `owned`: the proof has its own faults there, and this group's primary is never asked for them.
    """
    given = {"json": OK, **answer}
    status = given.pop("status", 200)

    def special(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") != group or bool(body.get("disable_fallbacks")) is not off:
            return None
        return httpx.Response(status, headers={**HEADERS, **(headers or {})}, **given)

    return lambda: StubGateway(override=special, faults=StubFaults() if owned else None)


def without(probe: str) -> Callable[[], StubGateway]:
    """Return a gateway that does not know a probe."""

    def made() -> StubGateway:
        gateway = StubGateway()
        del gateway.chains[probe]
        return gateway

    return made


def hangs(group: str) -> Callable[[], StubGateway]:
    """Return a gateway that never answers a group, as long as fallbacks are on."""

    def special(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") == group and not body.get("disable_fallbacks"):
            raise httpx.ReadTimeout("slow", request=request)
        return None

    return lambda: StubGateway(override=special)


def cached_unless(is_new: Callable[[dict[str, Any], set[str]], bool]) -> Callable[[], StubGateway]:
    """Return a gateway whose cache answers what is not new to it."""

    def made() -> StubGateway:
        texts: set[str] = set()

        def special(request: httpx.Request) -> httpx.Response | None:
            body = body_of(request)
            if not body or is_new(body, texts):
                return None
            return httpx.Response(200, headers={**HEADERS, "x-litellm-cache-key": "k"}, json=OK)

        return StubGateway(override=special)

    return made


def bypasses(body: dict[str, Any], texts: set[str]) -> bool:
    """Tell whether a request asks not to be answered from the cache."""
    del texts
    return bool(body.get("cache") == {"no-cache": True})


def unread(body: dict[str, Any], texts: set[str]) -> bool:
    """Tell whether the text is new, and note it."""
    text = json.dumps(body["messages"])
    seen = text in texts
    texts.add(text)
    return not seen


def lives_once() -> StubGateway:
    """Return a gateway one of whose probes answers by itself, though only once."""
    asked: list[int] = []

    def special(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") != "proof/any" or not body.get("disable_fallbacks") or asked:
            return None
        asked.append(1)
        return httpx.Response(200, headers=HEADERS, json=OK)

    return StubGateway(override=special)


def limits_reach_the_caller() -> StubGateway:
    """Return a gateway that rescues from a closed port and hands a 429 on."""

    def special(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if MARK.search(request.content) is None or body.get("disable_fallbacks"):
            return None
        error = {"error": {"message": "owned fault"}}
        return httpx.Response(429, headers={"x-litellm-call-id": "1"}, json=error)

    return StubGateway(override=special, faults=StubFaults())


def refuses(request: httpx.Request) -> httpx.Response | None:
    """Be unreachable."""
    raise httpx.ConnectError("refused", request=request)


def proxied(request: httpx.Request) -> httpx.Response | None:
    """Answer as something before LiteLLM does, to everything but the list of models."""
    return httpx.Response(503, text="no machine") if body_of(request) else None


STREAMED = {"edges": edges(forms=["chat_stream"])}
OWNED = {"edges": edges(faults=["refused", "rate_limit"])}
SERVER_ERROR = {"edges": edges(faults=["refused", "server_error"])}
BREAKS = {
    "breaker": BREAKER,
    "edges": [],
    "total_timeout_s": 120,
    "warm_rescue_ms": 200,
}
BOUNDS = {"samples": 3, "cold_rescue_ms": 1000, "warm_rescue_ms": 300}

HEALTHY = (
    StubMutant("healthy", "passed", "", stub()),
    StubMutant("healthy-streams", "passed", "", stub(), STREAMED),
    StubMutant("healthy-owned", "passed", "", stub(faults=StubFaults), OWNED),
    StubMutant("healthy-breaker", "passed", "", stub(), BREAKS, Group),
    StubMutant("cache-unless-bypassed", "passed", "", cached_unless(bypasses)),
    StubMutant("cache-by-text", "passed", "", cached_unless(unread)),
    StubMutant("hiccup", "passed", "", stub(recovers_after=lambda: {"b/two": 3})),
)

MUTANTS = (
    StubMutant("never-falls-back", "failed", "not rescued", stub(never_falls_back=True)),
    StubMutant("always-falls-back", "failed", "b/two is up, and", stub(always_falls_back=True)),
    StubMutant(
        "ignores-disable", "failed", "although its primary", stub(ignores_disable_fallbacks=True)
    ),
    StubMutant("probe-alive", "failed", "although", stub(living_probes=lambda: {"proof/0/a/one"})),
    StubMutant("probe-missing", "failed", "does not know the probe", without("proof/0/a/one")),
    StubMutant(
        "chain-reordered",
        "failed",
        "c/three answered in place of b/two",
        stub(chains=lambda: {"proof/0/a/one": ["c/three", "b/two"]}),
        {"chains": {}},
    ),
    StubMutant(
        "chain-of-the-database",
        "failed",
        "chain of a/one is c/three, rendered was b/two -> c/three",
        stub(chains=lambda: {"a/one": ["c/three"]}),
    ),
    StubMutant("version", "failed", "1.106.1 answered", stub(version="1.106.1")),
    StubMutant("cache", "failed", "from the response cache", stub(cached=True)),
    StubMutant(
        "cache-of-one-probe",
        "inconclusive",
        "from the response cache",
        says("proof/any", {"x-litellm-cache-key": "k"}),
    ),
    StubMutant(
        "cache-of-one-target",
        "failed",
        "positive control: d/four",
        says("d/four", {"x-litellm-cache-key": "k", "x-litellm-attempted-fallbacks": "0"}),
    ),
    StubMutant("target-falls-back-to-itself", "failed", "d/four is up", says("d/four")),
    StubMutant(
        "chain-reordered-behind-the-probes",
        "failed",
        "chain of a/one is c/three -> b/two",
        stub(chains=lambda: {"a/one": ["c/three", "b/two"]}),
    ),
    StubMutant("lives-once", "failed", "although its primary is dead", lives_once),
    StubMutant("rate-limit-not-rescued", "failed", "not rescued", limits_reach_the_caller, OWNED),
    StubMutant(
        "primary-never-asked-in-the-control",
        "inconclusive",
        "never asked",
        says(
            "proof/any",
            {"x-litellm-attempted-fallbacks": "0"},
            off=True,
            owned=True,
            status=429,
            json={"error": {"message": "from nowhere"}},
        ),
        OWNED,
    ),
    StubMutant(
        "primary-never-asked-by-a-sample",
        "inconclusive",
        "never asked",
        says("proof/any", owned=True),
        OWNED,
    ),
    StubMutant("target-down", "inconclusive", "b/two itself", stub(down=lambda: {"b/two"})),
    StubMutant("empty", "failed", "with nothing in it", says("proof/any", json={})),
    StubMutant("cut", "failed", "with nothing in it", stub(cut=True), STREAMED),
    StubMutant(
        "uncounted-fallback",
        "failed",
        "without a fallback",
        says("proof/any", {"x-litellm-attempted-fallbacks": "0"}),
    ),
    StubMutant(
        "target-aliased",
        "failed",
        "positive control: d/four is up, and",
        says("d/four", {"x-litellm-attempted-fallbacks": "0", "x-litellm-model-group": "c/three"}),
    ),
    StubMutant(
        "cold-late",
        "failed",
        "cold bound 1000 ms",
        stub(override=lambda: Late([1.1, 0.2, 0.2] * 2)),
        BOUNDS,
    ),
    StubMutant(
        "warm-late",
        "failed",
        "warm bound 300 ms",
        stub(override=lambda: Late([0.9, 0.2, 0.4] * 2)),
        BOUNDS,
    ),
    StubMutant(
        "negative-by-another-fault",
        "inconclusive",
        "where 500 or 429 or 403 shows the dead primary",
        says(
            "proof/any",
            {"x-litellm-attempted-fallbacks": "0"},
            off=True,
            status=408,
            json={"error": {"message": "timeout"}},
        ),
    ),
    StubMutant(
        "primary-never-asked",
        "inconclusive",
        "never asked",
        stub(faults=lambda: StubFaults(unasked=True)),
        OWNED,
    ),
    StubMutant(
        "probe-cooled-down",
        "inconclusive",
        "where 500 shows the dead primary",
        stub(faults=StubFaults, cooled=lambda: {"proof/any"}),
        SERVER_ERROR,
    ),
    StubMutant("hangs", "failed", "no answer within", hangs("proof/any")),
    StubMutant("wrong-key", "errored", "the key was refused", stub(), key="sk-of-another"),
    StubMutant("not-there", "errored", "ConnectError", lambda: StubGateway(override=refuses)),
    StubMutant("behind-a-proxy", "errored", "not LiteLLM", lambda: StubGateway(override=proxied)),
    StubMutant("no-list", "errored", "no list of models", stub(model_list="nothing")),
    StubMutant(
        "too-many", "inconclusive", "total_requests is used up", stub(), {"total_requests": 5}
    ),
    StubMutant(
        "one-too-few",
        "inconclusive",
        "total_requests is used up",
        stub(),
        {"total_requests": 9},
    ),
    StubMutant(
        "too-dear",
        "inconclusive",
        "total_cost_usd is used up",
        stub(cost="0.4"),
        {"edges": edges()},
    ),
    StubMutant(
        "down-and-failed",
        "failed",
        "chain of c/three is empty",
        stub(down=lambda: {"b/two"}, chains=lambda: {"c/three": []}),
    ),
    StubMutant(
        "breaker-never-opens", "failed", "did not open", stub(), BREAKS, lambda: Group(None)
    ),
    StubMutant(
        "breaker-never-closes",
        "failed",
        "did not close within 30 s",
        stub(),
        BREAKS,
        lambda: Group(cooldown_s=None),
    ),
    StubMutant(
        "breaker-open-before",
        "inconclusive",
        "was open before the burst",
        stub(),
        BREAKS,
        lambda: Group(opened_at=0.0),
    ),
    StubMutant(
        "breaker-slow", "failed", "open, and still", stub(), BREAKS, lambda: Group(open_takes_s=0.3)
    ),
    StubMutant(
        "breaker-without-rescue",
        "failed",
        "breaker: HTTP 429",
        stub(),
        BREAKS,
        lambda: Group(rescues_while_open=False),
    ),
)
