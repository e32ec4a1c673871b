"""Users of the gateway who go on asking while something else happens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.sandbox.engine.sandbox_program import SandboxProgram

PAUSE_S = 0.1  # between two questions of one user: the machine has other work
CHAT = "/v1/chat/completions"


@dataclass
class Traffic:
    """What the users got: a status for each answer, or what broke instead."""

    answers: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[str]:
        """Everything that was not a complete answer with status 200."""
        return [answer for answer in self.answers if answer != "200"]


@contextmanager
def traffic(sandbox: SandboxProgram, key: str) -> Iterator[Traffic]:
    """Let one user ask through the edge, one question after the other, until the block ends."""
    seen, over = Traffic(), threading.Event()

    def ask() -> None:
        while not over.wait(PAUSE_S):
            try:
                seen.answers.append(str(sandbox.ask(key).status_code))
            except httpx.HTTPError as error:
                seen.answers.append(repr(error))

    with _running([threading.Thread(target=ask)], over):
        yield seen


@contextmanager
def streams(sandbox: SandboxProgram, key: str, *, clients: int) -> Iterator[Traffic]:
    """Let `clients` users read streamed answers, each one after the other, until the block ends.

    A stream that has begun is read to its end; one that does not end with `[DONE]` is broken.
    """
    seen, over = Traffic(), threading.Event()
    body = {
        "model": "xai/grok-4.3",
        "stream": True,
        "messages": [{"role": "user", "content": "Count."}],
    }

    def read(client: httpx.Client) -> None:
        while not over.is_set():
            try:
                with client.stream("POST", CHAT, json=body) as answer:
                    whole = "".join(answer.iter_text())
            except httpx.HTTPError as error:
                seen.answers.append(repr(error))
                continue
            done = whole.rstrip().endswith("data: [DONE]")
            seen.answers.append(str(answer.status_code) if done else f"cut: {whole[-200:]!r}")

    client = httpx.Client(
        base_url=sandbox.addresses["edge_url"],
        headers={"Authorization": f"Bearer {key}"},
        limits=httpx.Limits(max_connections=clients),
        timeout=60,
    )
    threads = [threading.Thread(target=read, args=[client]) for _ in range(clients)]
    with client, _running(threads, over):
        yield seen


@contextmanager
def _running(threads: list[threading.Thread], over: threading.Event) -> Iterator[None]:
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
