"""How many requests a bluegreen release loses while twenty clients stream through the edge."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from benchmarks.harness import STUB, LocalGateway, local_gateway
from benchmarks.processes import tell
from benchmarks.table import Row

CLIENTS = 20
MODEL = "xai/grok-4.3"
PIECE_PAUSE_S = "0.05"  # a stream lasts long enough to be under way when its machine is retired
OK = 200


@dataclass
class Tally:
    """What all clients saw together."""

    whole: int = 0
    lost: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, problem: str | None) -> None:
        """Count one request, whole or lost."""
        with self.lock:
            if problem is None:
                self.whole += 1
            else:
                self.lost.append(problem)


def rows() -> list[Row]:
    """Replace a serving release of the stub image under load and count what was lost."""
    with local_gateway(image=STUB) as gateway:
        tell("rollout: first release")
        change_release(gateway, "1")
        key = str(gateway.deploy()["key"])
        tally, stop = Tally(), threading.Event()
        clients = [
            threading.Thread(target=stream, args=(gateway.edge_url, key, tally, stop))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            began = time.monotonic()
            change_release(gateway, "2")
            gateway.deploy()
            took = time.monotonic() - began
        finally:
            stop.set()
            for client in clients:
                client.join()
    return [summary(tally, took)]


def summary(tally: Tally, took_s: float) -> Row:
    """Return the row; where nothing was asked, nothing was held."""
    total = tally.whole + len(tally.lost)
    kinds = "; ".join(f"{n} x {what}" for what, n in Counter(tally.lost).most_common(3))
    return Row(
        "requests lost in a bluegreen release",
        f"{len(tally.lost)}",
        f"{total} asked by {CLIENTS} streaming clients",
        len(tally.lost) / total if total else None,
        "0",
        not tally.lost and total > 0,
        f"stub image; the release took {took_s:.0f} s" + (f"; lost: {kinds}" if kinds else ""),
    )


def change_release(gateway: LocalGateway, name: str) -> None:
    """Change one environment value, so that every machine is replaced."""
    document = gateway.read_config()
    environment = {"RELEASE": name, "STUB_PIECE_PAUSE_S": PIECE_PAUSE_S}
    server = document["config"].get("gateway:server", {})
    document["config"]["gateway:server"] = {**server, "environment": environment}
    gateway.write_config(document)


def stream(base: str, key: str, tally: Tally, stop: threading.Event) -> None:
    """Ask for streams, one after the other, until told to stop."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
        while not stop.is_set():
            tally.add(one_stream(client))


def one_stream(client: httpx.Client) -> str | None:
    """Read one stream to its end; say what was wrong with it, if anything."""
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "count"}]}
    try:
        with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            text = answer.read().decode()
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code != OK:
        return f"HTTP {answer.status_code}"
    return None if "[DONE]" in text else "a stream without its end"
