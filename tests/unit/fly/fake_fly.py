"""Fly's API without a network: scripted answers, every request kept, time that only we move."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from fly.api import FlyApi

TOKEN = "fo1_" + "token-marker"  # put together here so that no scanner takes it for a real one
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class VirtualTime:
    """A clock that sleeping moves."""

    at: float = 1000.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.at += seconds

    def clock(self) -> float:
        return self.at


@dataclass
class FakeFly:
    """Answers by "METHOD path": each answer once, the last for ever."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    time: VirtualTime = field(default_factory=VirtualTime)

    def on(self, what: str, *answers: Answer) -> "FakeFly":
        self.answers[what] = list(answers)
        return self

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        script = self.answers[f"{request.method} {request.url.path.removeprefix('/v1')}"]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return answer(request)

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)

    def api(
        self,
        *,
        guard: Callable[[], None] | None = None,
        paced: bool = False,
        random: Callable[[], float] = lambda: 0.5,
    ) -> FlyApi:
        client = httpx.Client(
            base_url="https://api.machines.dev/v1",
            headers={"authorization": f"Bearer {TOKEN}"},
            transport=httpx.MockTransport(self.handle),
        )
        return FlyApi(
            client,
            sleep=self.time.sleep,
            clock=self.time.clock,
            now=self.time.clock,
            random=random,
            guard=guard,
            paced=paced,
        )


def ok(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    """Return a success."""
    return httpx.Response(status, headers=headers, json=body)


def refused(status: int, error: str = "no", code: str = "", **headers: str) -> httpx.Response:
    """Return a failure in the shape of Fly's machines service."""
    body = {"error": error} | ({"status": code} if code else {})
    return httpx.Response(status, headers={"fly-request-id": "01REQ", **headers}, json=body)


def refused_otherwise(status: int, message: str) -> httpx.Response:
    """Return a failure in the shape of Fly's apps, addresses and certificates services."""
    return httpx.Response(status, json={"message": message})


def machine(machine_id: str = "m1", **more: Any) -> dict[str, Any]:
    """Return a machine as Fly shows it."""
    config: Mapping[str, Any] = more.pop("config", {})
    return {
        "id": machine_id,
        "name": "n",
        "state": "started",
        "region": "iad",
        "instance_id": "i1",
        "config": config,
        **more,
    }
