"""What a real LiteLLM can be brought to do that is no fallback, each with the end of its proof.

Every mutant has a probe of its own on one proxy: nearly the probe of `xai/grok-4.3`, and wrong in
one thing (a comma in a group's name would make LiteLLM ask several models). What lies in the
configuration is put there, what a provider does is told to its stand-in, and what neither can be (a
cache that ignores what it is asked, settings of a key or a team that outrank the file) is done by a
callback inside the proxy, a place where LiteLLM's own users put code. A group whose provider is
made to fail belongs to one mutant alone: its breaker is open for a while.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SOURCE = "xai/grok-4.3"
TEMPLATE = f"proof/0/{SOURCE}"
BREAKER = "proof/breaker"
SONNET = "anthropic/claude-sonnet-4-6"
HAIKU = "anthropic/claude-haiku-4-5"
OPUS = "anthropic/claude-opus-4-6"
OTHER, NOBODY = "anthropic/claude-opus-4-7", "openai/gpt-5.4-minni"
MINI, NANO, OLD = "openai/gpt-5.4-mini", "openai/gpt-5.4-nano", "openai/gpt-5.4"
FLASH, LITE = "vertex_ai/gemini-3.5-flash", "vertex_ai/gemini-3.1-flash-lite"
KEYLESS = SOURCE  # the proxy has no key of xAI
ALIVE = {"model": "openai/gpt-5.4-nano"}  # what follows from it is copied from that group
TOO_LATE_MS = 1000  # the guardrail takes 1.5 s
PREFIX = "mutant"
# Its first failure opens its breaker, so that what it is asked next is answered for it.
DOWN = "itself does not answer (HTTP "

HOOK = '''\
"""Changes requests of mutants before LiteLLM handles them."""

import asyncio

from litellm.integrations.custom_logger import CustomLogger


class Mutations(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        name = str(data.get("model", "")).partition("mutant/")[2]
        if name == "the cache ignores what it is asked":
            data.pop("cache", None)
            data["messages"] = [{"role": "user", "content": "always the same"}]
        elif name == "disable_fallbacks is ignored":
            data.pop("disable_fallbacks", None)
        elif name == "fallbacks are switched off":
            data["disable_fallbacks"] = True
        elif name == "settings of the database outrank the chain":
            data["fallbacks"] = ["anthropic/claude-opus-4-7"]
        elif name == "a guardrail keeps the request" and not data.get("disable_fallbacks"):
            await asyncio.sleep(1.5)
        elif name == "a hook answers by itself":
            data["mock_response"] = "ok"
        return data


mutations = Mutations()
'''


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong gateway and its proof's end: the verdict, and a part of a reason.

    `params` are of the probe's deployment; `chain` is what the gateway has in place of `target`
    (None: just that); `gone`: there is no such probe; `fault` is what the target's provider does;
    `live` is the chain that the gateway has for a group other than the rendered one; `plan` changes
    the plan, `form` is how it is asked. `key` and `url` are other ones than the gateway's.
    `breaker` changes the breaker's probe, which alone is proven then; its keys are LiteLLM's.
    """

    name: str
    verdict: str
    reason: str
    target: str = SONNET
    params: Mapping[str, Any] = field(default_factory=dict)
    chain: tuple[str, ...] | None = None
    gone: bool = False
    fault: Mapping[str, Any] = field(default_factory=dict)
    breaker: Mapping[str, Any] = field(default_factory=dict)
    live: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    form: str = "chat"
    key: str = ""
    url: str = ""

    @property
    def probe(self) -> str:
        """The group that is asked."""
        return f"{PREFIX}/{self.name}"

    def plan_from(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Return the plan of this one edge, with the chains that it expects."""
        (row,) = [edge for edge in plan["edges"] if edge["probe"] == TEMPLATE]
        edge = row | {"probe": self.probe, "target": self.target, "forms": [self.form]}
        given = {**plan, "edges": [edge], "chains": {"general": dict(self.expected)}}
        if self.breaker:
            given |= {"edges": [], "breaker": plan["breaker"] | {"probe": self.probe}}
        return {**given, "samples": 1, **self.plan}


def status(code: int, **more: Any) -> dict[str, Any]:
    """Return a provider's fault."""
    return {"kind": "status", "status": code, **more}


HEALTHY = (
    Mutant("healthy", "passed", ""),
    Mutant("healthy in a stream", "passed", "", form="chat_stream"),
)

MUTANTS = (
    Mutant("the chain is removed", "failed", f"{HAIKU} answered in place of {SONNET}", chain=()),
    Mutant("the chain is reordered", "failed", f"{OTHER} answered", chain=(OTHER, SONNET)),
    # LiteLLM lets `"*"` answer, under the name that nobody has.
    Mutant("the chain names nobody", "failed", f"{NOBODY} answered in place", chain=(NOBODY,)),
    Mutant("the probe is removed", "failed", "does not know the probe", gone=True),
    Mutant(
        "the live chain is another than the rendered one",
        "failed",
        f"chain of {OLD} is {HAIKU}, rendered was {MINI} -> {SONNET}",
        live={OLD: (HAIKU,)},
        expected={OLD: (MINI, SONNET)},
    ),
    Mutant(
        "the target is renamed",
        "failed",
        "chain of openai/gpt-6 is unknown to the gateway",
        target="openai/gpt-6",
        expected={"openai/gpt-6": (HAIKU,)},
    ),
    Mutant(
        "the target is renamed and nobody compares chains",
        "inconclusive",
        "itself does not answer (HTTP 400",
        target="openai/gpt-6.1",
    ),
    Mutant("the target's key is missing", "inconclusive", DOWN, KEYLESS),
    Mutant("the target is retired", "inconclusive", DOWN, MINI, fault=status(404)),
    Mutant("the target refuses the key", "inconclusive", DOWN, NANO, fault=status(401)),
    Mutant("the target is overloaded", "inconclusive", DOWN, LITE, fault=status(503)),
    Mutant("the target says nothing", "inconclusive", DOWN, OPUS, fault={"kind": "empty"}),
    Mutant(
        "the target hangs",
        "inconclusive",
        "no answer within",
        FLASH,
        fault={"kind": "hang", "seconds": 5},
        plan={"request_timeout_s": 2},
    ),
    Mutant("the primary lives", "failed", "although its primary is dead", params=ALIVE),
    Mutant("the primary is mocked", "failed", "although", params={"mock_response": "ok"}),
    Mutant("the primary lives in a stream", "failed", "although", params=ALIVE, form="chat_stream"),
    Mutant(
        "a guardrail keeps the request",
        "failed",
        f"cold bound {TOO_LATE_MS} ms",
        plan={"cold_rescue_ms": TOO_LATE_MS},
    ),
    Mutant(
        "the cache ignores what it is asked",
        "inconclusive",
        "from the response cache",
        plan={"samples": 3, "concurrency": 1},
    ),
    Mutant("disable_fallbacks is ignored", "failed", "although its primary is dead"),
    Mutant("fallbacks are switched off", "failed", "not rescued"),
    Mutant("settings of the database outrank the chain", "failed", f"{OTHER} answered in place"),
    Mutant("a hook answers by itself", "failed", "although its primary is dead"),
    Mutant(
        "another version than the pinned one",
        "failed",
        "LiteLLM 1.106.2 answered, 1.106.1 is pinned",
        plan={"litellm_version": "1.106.1"},
    ),
    Mutant("the breaker never opens", "failed", "did not open", breaker={"allowed_fails": 1000}),
    Mutant("the breaker never closes", "failed", "did not close", breaker={"cooldown_time": 600}),
    Mutant("another master key", "errored", "the key was refused", key="sk-of-another-gateway"),
    Mutant("no gateway there", "errored", "ConnectError", url="http://127.0.0.1:9"),
    Mutant(
        "too few requests to see anything",
        "inconclusive",
        "total_requests is used up",
        plan={"total_requests": 2},
    ),
)


def with_probes(config: dict[str, Any]) -> None:
    """Put every mutant's probe into a rendered configuration, and its live chains."""
    models = {row["model_name"]: row for row in config["model_list"]}
    chains = config["router_settings"]["fallbacks"]
    for mutant in (*HEALTHY, *MUTANTS):
        for entry in chains:
            entry.update({group: list(new) for group, new in mutant.live.items() if group in entry})
        if mutant.gone:
            continue
        row = copy.deepcopy(models[BREAKER if mutant.breaker else TEMPLATE])
        row["model_name"] = row["model_info"]["id"] = mutant.probe
        living = models[NANO]["litellm_params"] if mutant.params == ALIVE else {}
        row["litellm_params"] |= {**living, **mutant.params}
        for key, value in mutant.breaker.items():
            row["model_info" if key == "allowed_fails" else "litellm_params"][key] = value
        config["model_list"].append(row)
        chain = (mutant.target,) if mutant.chain is None else mutant.chain
        if chain:
            chains.append({mutant.probe: list(chain)})
    config["litellm_settings"]["callbacks"] = [
        *config["litellm_settings"].get("callbacks", []),
        "mutations.mutations",
    ]
