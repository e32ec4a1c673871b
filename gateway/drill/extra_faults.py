"""The drill's own faults, beside those of Failover Bench: G01 to G12."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.drill.checks import (
    advisory,
    answered_in_place,
    nobody_else_tried,
    primary_at_most,
    within,
)
from gateway.drill.fault import STREAMED, Fault, Ideal, Meets, On

# LiteLLM tells these two from other bad requests by their texts, other ones for each provider.
TOO_LONG: Mapping[str, Any] = MappingProxyType(
    {
        "kind": "status",
        "status": 400,
        "code": "context_length_exceeded",
        "message": "This model's maximum context length is 8192 tokens; prompt is too long: "
        "9000 tokens",
    }
)
UNWANTED: Mapping[str, Any] = MappingProxyType(
    {
        "kind": "status",
        "status": 400,
        "code": "content_policy_violation",
        "message": "content_policy_violation: the request was rejected by the safety system",
    }
)
# LiteLLM knows a rejected key by words too: without OpenAI's own, its 401 is a bad request.
KEY_REJECTED: Mapping[str, Any] = MappingProxyType(
    {
        "kind": "status",
        "status": 401,
        "code": "invalid_api_key",
        "message": "Incorrect API key provided: it was revoked; invalid x-api-key; Request had"
        " invalid authentication credentials",
    }
)
PREFILL_REJECTED: Mapping[str, Any] = MappingProxyType({"kind": "no_prefill"})
DRIP_S = 1.0
SOON_S = 12.0
BOUNDED = primary_at_most(6)  # attempts, as Failover Bench allows
OURS = "measured"

EXTRA: tuple[Fault, ...] = (
    Fault(
        "G01",
        "500, persistent",
        "Every attempt gets 500.",
        "Fall back within the retry budget.",
        f"{OURS}: the investigation's settings slept 9.2 s before every rescue",
        {"kind": "status", "status": 500},
        (BOUNDED,),
        meets=Meets.SERVER_ERROR,
    ),
    Fault(
        "G02",
        "429 with Retry-After: 30",
        "Every attempt gets 429 and is asked to come back after half a minute.",
        "Fall back: the target is there all along.",
        f"{OURS}: LiteLLM sleeps the Retry-After out before each retry and after the last",
        {"kind": "rate_limit", "retry_after": 30},
        (BOUNDED,),
        meets=Meets.RATE_LIMIT,
    ),
    Fault(
        "G03",
        "529, overloaded",
        "Every attempt gets Anthropic's 529.",
        "Fall back within the retry budget.",
        "Anthropic's errors; LiteLLM PR #24005",
        {"kind": "status", "status": 529},
        (BOUNDED,),
        forms=STREAMED,
        meets=Meets.SERVER_ERROR,
        providers=("anthropic",),
    ),
    Fault(
        "G04",
        "key revoked",
        "Every attempt gets 401.",
        "Fall back at once: no retry can mend a key.",
        "any key that expires",
        KEY_REJECTED,
        (BOUNDED, advisory(primary_at_most(1))),
        forms=STREAMED,
        meets=Meets.UNAUTHORIZED,
    ),
    Fault(
        "G05",
        "model retired",
        "Every attempt gets 404.",
        "Fall back at once.",
        "models retired in 2026 (stacks/gateway.py)",
        {"kind": "status", "status": 404},
        (BOUNDED, advisory(primary_at_most(1))),
        forms=STREAMED,
        meets=Meets.NOT_FOUND,
    ),
    Fault(
        "G06",
        "200 with an empty body",
        "Every attempt gets 200, the right content type and nothing in it.",
        "Fall back or fail cleanly; an empty answer is none.",
        "proxies that drop bodies",
        {"kind": "empty"},
        (BOUNDED,),
        on=On.EACH_PROVIDER_STREAMED,
    ),
    Fault(
        "G07",
        "200 with an HTML page",
        "Every attempt gets a sign-in page with status 200.",
        "Fall back or fail cleanly.",
        "captive portals and web application firewalls",
        {"kind": "wrong_type"},
        (BOUNDED,),
        on=On.EACH_PROVIDER_STREAMED,
    ),
    Fault(
        "G08",
        "200 with half a JSON",
        "Every attempt gets a body or events that are no JSON.",
        "Fall back or fail cleanly.",
        "proxies that cut and rewrite bodies",
        {"kind": "malformed"},
        (BOUNDED,),
        on=On.EACH_PROVIDER_STREAMED,
    ),
    Fault(
        "G09",
        "half a stream, well ended",
        "Half of the answer, then HTTP's own end: no finish reason, no last event.",
        "Notice that the end is missing; never half an answer as a success.",
        "Failover Bench found three gateways that call it a success",
        {"kind": "truncated", "after": 2},
        (BOUNDED,),
        forms=STREAMED,
        on=On.EACH_PROVIDER,
    ),
    Fault(
        "G10",
        "headers, then silence",
        "Headers of a stream at once, and never a token.",
        "Give up at the declared time-out and fall back.",
        f"{OURS}: Vertex streams ignored every time-out but request_timeout",
        {"kind": "hang", "after": 0},
        (BOUNDED, advisory(primary_at_most(1))),
        forms=STREAMED,
        meets=Meets.TIME_OUT,
        on=On.EACH_PROVIDER,
    ),
    Fault(
        "G11",
        "slow but alive",
        f"One token each {DRIP_S:g} s, to the end.",
        "Wait: nothing is wrong. No other model is asked.",
        "a breaker that opens on slow answers takes them away",
        {"kind": "ok", "between": DRIP_S},
        (answered_in_place(), nobody_else_tried()),
        forms=STREAMED,
    ),
    Fault(
        "G12",
        "everybody down",
        "The primary and all its targets get 500.",
        "A clean error, soon, with a bounded number of attempts.",
        "an outage of several providers at once",
        {"kind": "status", "status": 500},
        (BOUNDED, advisory(within(SOON_S))),
        meets=Meets.SERVER_ERROR,
        ideal=Ideal.ERROR,
        target_step=MappingProxyType({"kind": "status", "status": 500}),
    ),
)
