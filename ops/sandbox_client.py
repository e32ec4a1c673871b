"""The sandbox's own endpoints over HTTP, and how its refusals are told to a user."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from ops.running_sandbox import RunningSandbox
from stacks.problem import Problem, ProblemError

TIMEOUT_S = 20


class SandboxClient:
    """A client of one running sandbox; every trouble is a `ProblemError`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @classmethod
    def of(cls, sandbox: RunningSandbox) -> Self:
        """Return a client of this sandbox; no proxy is asked for loopback addresses."""
        return cls(httpx.Client(base_url=sandbox.api_url, timeout=TIMEOUT_S, trust_env=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def status(self) -> dict[str, Any]:
        """Return everything the sandbox tells of itself: apps, machines, orders."""
        found: dict[str, Any] = self._call("GET", "/_sandbox/status")
        return found

    def providers(self) -> dict[str, Any]:
        """Return the faults in force and the answers counted, by provider and model."""
        found: dict[str, Any] = self._call("GET", "/_sandbox/providers")
        return found

    def break_model(self, provider: str, model: str, script: Sequence[Mapping[str, Any]]) -> None:
        """Let a provider's model answer by a script, which ends with recovery."""
        body = {"script": list(script), "then": "recover"}
        self._call("PUT", f"/_sandbox/providers/faults/{provider}/{model}", body)

    def heal_model(self, provider: str, model: str) -> int:
        """Take back a model's script; return how many there were."""
        return int(self._call("DELETE", f"/_sandbox/providers/faults/{provider}/{model}")["healed"])

    def heal_all(self) -> int:
        """Take back the scripts of all models; return how many there were."""
        return int(self._call("DELETE", "/_sandbox/providers/faults")["healed"])

    def break_for(self, marker: str, deployment: str, step: Mapping[str, Any]) -> None:
        """Let `provider/model` fail for requests that carry the marker, and for nobody else.

        `provider/*` stands for all its models that have no script of their own.
        """
        body = {"script": [dict(step)], "then": "recover", "only": marker}
        self._call("PUT", f"/_sandbox/providers/faults/{deployment}", body)

    def heal_for(self, marker: str) -> None:
        """Take back all that was broken for a marker."""
        self._call("DELETE", f"/_sandbox/providers/faults?only={marker}")

    def attempts(self, marker: str) -> list[dict[str, Any]]:
        """Return the requests with this marker that reached a model."""
        found: list[dict[str, Any]] = self._call(
            "GET", f"/_sandbox/providers/attempts?marker={marker}"
        )["attempts"]
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ProblemError(
                [self._problem(path, f"no answer: {type(error).__name__}")]
            ) from error
        if not answer.is_success:
            raise ProblemError([self._problem(path, _said(answer))])
        return answer.json() if answer.content else None

    def _problem(self, path: str, what: str) -> Problem:
        return Problem(
            f"sandbox: {self._client.base_url.join(path)}",
            "sandbox.api",
            "",
            what,
            "gateway sandbox logs shows what it was doing; gateway sandbox status, whether it runs",
        )


def _said(answer: httpx.Response) -> str:
    try:
        text = answer.json()
        parts = [text["error"], *text.get("problems", [])]
    except (ValueError, KeyError, TypeError):
        parts = [answer.text[:200]]
    return f"HTTP {answer.status_code}: " + "; ".join(map(str, parts))
