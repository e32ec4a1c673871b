"""A gateway in this process that answers as LiteLLM 1.106.2 was seen to, and can be wrong on order.

Everything a test may break is a field; what it was asked stands in `asked`.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway import proof
from gateway.proof.faults import FAULTS, MARK

KEY = "sk-stub-0123456789"
VERSION = "1.106.2"
CHAINS = {"a/one": ["b/two", "c/three"], "*": ["d/four"]}
CONNECTION_ERROR = 500
GROUPS = ("a/one", "b/two", "c/three", "d/four")
PROBES = {
    "proof/0/a/one": ["b/two", "c/three"],
    "proof/1/a/one": ["c/three"],
    "proof/any": ["d/four"],
}


def plan(**changes: Any) -> dict[str, Any]:
    """Return the plan of a gateway with the chains above."""
    edges = [("a/one", 0, "b/two"), ("a/one", 1, "c/three"), ("*", 0, "d/four")]
    return {
        "schema": 2,
        "litellm_version": VERSION,
        "samples": 1,
        "concurrency": 2,
        "max_tokens": 64,
        "attempt_timeout_s": 1,
        "request_timeout_s": 5,
        "total_timeout_s": 30,
        "total_requests": 1000,
        "total_cost_usd": 1.0,
        "cold_rescue_ms": 5000,
        "warm_rescue_ms": 5000,
        "fault_port": 4009,
        "edges": [
            {
                "kind": "general",
                "source": source,
                "position": position,
                "target": target,
                "probe": probe,
                "speaks": "openai",
                "attempts": 1,
                "forms": ["chat"],
                "faults": ["refused"],
            }
            for (source, position, target), probe in zip(edges, PROBES, strict=True)
        ],
        "unproven": [],
        "chains": {
            "general": {**{group: CHAINS.get(group, CHAINS["*"]) for group in GROUPS}, **PROBES}
        },
        **changes,
    }


def edges(**changes: Any) -> list[dict[str, Any]]:
    """Return the plan's edges with something else in each."""
    return [{**row, **changes} for row in plan()["edges"]]


def _event(kind: str, **more: Any) -> str:
    return json.dumps({"type": kind, **more})


# What each path answers: a whole document, and a stream whose last event ends it.
ANSWERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "/v1/chat/completions": (
        {"choices": [{"message": {"content": "ok"}}]},
        [json.dumps({"choices": [{"delta": {"content": "ok"}}]}), "[DONE]"],
    ),
    "/v1/messages": (
        {"type": "message", "content": [{"type": "text", "text": "ok"}]},
        [_event("message_start"), _event("content_block_delta"), _event("message_stop")],
    ),
    "/v1/responses": (
        {"output": [{"type": "message"}]},
        [_event("response.output_text.delta"), _event("response.completed")],
    ),
    "/v1/embeddings": ({"data": [{"embedding": [0.1]}]}, []),
}


class StubFaults:
    """The proof's own dead primary without a socket; the stub's probes fail as it is told to."""

    token = "0123456789abcdef"  # the one-time token of the test

    def __init__(self, *, taken: bool = False, unasked: bool = False) -> None:
        self.is_open = False
        self.unasked = unasked  # the gateway answers without ever asking the primary
        self._taken = taken
        self._attempts: Counter[str] = Counter()

    def attempts(self, nonce: str) -> int:
        return self._attempts[nonce]

    @contextmanager
    def open(self) -> Iterator[str]:
        if self._taken:
            raise OSError(98, "Address already in use")
        self.is_open = True
        try:
            yield self.token
        finally:
            self.is_open = False

    def status(self, content: bytes) -> int:
        """Return what the primary answers to a request, a refused connection included."""
        mark = MARK.search(content)
        if not self.is_open or mark is None or mark[3].decode() != self.token:
            return 500
        if not self.unasked:
            self._attempts[mark[1].decode()] += 1
        return int(FAULTS[mark[2].decode()].statuses[0])


@dataclass
class StubGateway:
    """What the stub does; each field is one way to be wrong or unlucky."""

    chains: dict[str, list[str]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    recovers_after: dict[str, int] = field(default_factory=dict)
    cooled: set[str] = field(default_factory=set)
    living_probes: set[str] = field(default_factory=set)
    never_falls_back: bool = False
    always_falls_back: bool = False
    ignores_disable_fallbacks: bool = False
    version: str = VERSION
    cached: bool = False
    empty: bool = False
    cut: bool = False  # streams end without their last event
    cost: str | None = None
    override: Callable[[httpx.Request], httpx.Response | None] | None = None
    model_list: Any = None
    faults: StubFaults | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        own = {group: CHAINS.get(group, CHAINS["*"]) for group in GROUPS} | PROBES
        self.chains = own | self.chains

    def prove(self, **options: Any) -> dict[str, Any]:
        """Run the proof against this stub."""
        ticks = iter(range(10**9))
        given: dict[str, Any] = {
            "key": KEY,
            "clock": proof.steady_clock(),
            "nonce": lambda: f"nonce-{next(ticks)}",
            "progress": lambda _: None,
            "surroundings": proof.Surroundings(faults=self.faults),
        }
        with self.client() as client:
            return proof.run(options.pop("plan", plan()), client=client, **given | options)

    def client(self) -> httpx.Client:
        """Return a client whose every request comes here."""
        transport = httpx.MockTransport(self._handle)
        return httpx.Client(transport=transport, base_url="http://gateway.test")

    def _handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            body = body_of(request)
            if body:
                self.asked.append(body)
            special = self.override(request) if self.override else None
            if special is not None:
                return special
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return _error(400, "No connected db.", kind="no_db_connection", ours=False)
            if request.url.path == "/v1/models":
                return httpx.Response(200, json=self._models())
            self._asked_at, self._streamed = request.url.path, bool(body.get("stream"))
            self._fault = 500
            if self.faults and body["model"] in PROBES and not self._is_up(body["model"]):
                self._fault = self.faults.status(request.content)
            return self._answer(body["model"], fallbacks=not body.get("disable_fallbacks"))

    def _models(self) -> Any:
        if self.model_list is not None:
            return self.model_list
        rows = [{"id": g, "metadata": {"fallbacks": chain}} for g, chain in self.chains.items()]
        return {"data": rows}

    def _answer(self, group: str, *, fallbacks: bool) -> httpx.Response:
        if group not in self.chains:
            return _error(400, f"Invalid model name passed in model={group}")
        fallbacks = fallbacks or self.ignores_disable_fallbacks
        own_fails = not self._is_up(group) or (self.always_falls_back and fallbacks)
        if not own_fails:
            return self._success(group, 0)
        if fallbacks and not self.never_falls_back:
            for target in self.chains[group]:
                if target != group and self._is_up(target):
                    return self._success(target, 1)
        if group in self.cooled:
            return _error(429, "No deployments available for selected model")
        if self._fault != CONNECTION_ERROR:
            return _error(self._fault, "owned fault")
        return _error(CONNECTION_ERROR, "litellm.InternalServerError: Connection error.")

    def _is_up(self, group: str) -> bool:
        if self.recovers_after.get(group, 0) > 0:
            self.recovers_after[group] -= 1
            return False
        if group in PROBES:
            return group in self.living_probes
        return group not in self.down

    def _success(self, group: str, fallbacks: int) -> httpx.Response:
        headers = {
            "x-litellm-call-id": "1",
            "x-litellm-version": self.version,
            "x-litellm-model-group": group,
            "x-litellm-attempted-fallbacks": str(fallbacks),
        }
        if self.cached:
            headers["x-litellm-cache-key"] = "k"
        if self.cost is not None and not self._streamed:
            headers["x-litellm-response-cost"] = self.cost
        whole, pieces = ANSWERS[self._asked_at]
        if not self._streamed:
            return httpx.Response(200, headers=headers, json={} if self.empty else whole)
        events = pieces[-1:] if self.empty else pieces[:-1] if self.cut else pieces
        text = "".join(f"data: {event}\n\n" for event in events)
        return httpx.Response(200, headers=headers, text=text)


def body_of(request: httpx.Request) -> dict[str, Any]:
    """Return what was asked; {} for a request without a body."""
    return json.loads(request.content) if request.content else {}


def _error(
    status: int, message: str, *, kind: str = "server_error", ours: bool = True
) -> httpx.Response:
    headers = {"x-litellm-call-id": "1"} if ours else {}
    body = {"error": {"message": message, "type": kind, "code": str(status)}}
    return httpx.Response(status, headers=headers, json=body)


def edge(evidence: Mapping[str, Any], source: str, position: int = 0) -> dict[str, Any]:
    """Return one edge's record."""
    (record,) = _edges(evidence, source, position)
    return record


def case(
    evidence: Mapping[str, Any],
    source: str,
    position: int = 0,
    *,
    form: str = "chat",
    fault: str = "refused",
) -> dict[str, Any]:
    """Return one case of an edge."""
    (found,) = [
        record
        for record in edge(evidence, source, position)["cases"]
        if (record["form"], record["fault"]) == (form, fault)
    ]
    return dict(found)


def _edges(evidence: Mapping[str, Any], source: str, position: int) -> Iterator[dict[str, Any]]:
    for record in evidence["edges"]:
        if (record["source"], record["position"]) == (source, position):
            yield record
