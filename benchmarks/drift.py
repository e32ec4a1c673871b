"""How long `gateway drift` takes beyond an empty preview, and how it keeps Fly's limits."""

import json
from collections import Counter
from statistics import median
from typing import Any

import httpx

from benchmarks.harness import STUB, LocalGateway, local_gateway
from benchmarks.processes import tell
from benchmarks.table import Row

ROUNDS = 5
SMALL = {"iad": 4}
LARGE = {"iad": 20, "lhr": 15, "fra": 15}
SMALL_LIMIT_S = 1.5  # beyond the engine's empty preview
LARGE_LIMIT_S = 4.0
TOO_MANY = 429


def rows() -> list[Row]:
    """Measure a small gateway against an empty preview, then a large one under Fly's limits."""
    with local_gateway(image=STUB) as gateway:
        place(gateway, SMALL)
        gateway.deploy()
        empty = gateway.empty_project()
        ours, empties = [], []
        for number in range(1, ROUNDS + 1):
            empties.append(gateway.pulumi("preview", project=empty).seconds)
            ours.append(clean_look(gateway))
            tell(f"drift: round {number} of {ROUNDS}: {ours[-1]:.1f} s, empty {empties[-1]:.1f} s")
        tell(f"drift: deploying {sum(LARGE.values())} machines")
        place(gateway, LARGE)
        gateway.deploy()
        control(gateway, "POST", "/rate-limits", {"enabled": True})
        times = []
        for _ in range(ROUNDS):
            control(gateway, "POST", "/calls/reset")
            times.append(clean_look(gateway))
        calls = control(gateway, "GET", "/calls")
        control(gateway, "POST", "/rate-limits", {"enabled": False})
    return [small_row(ours, empties), large_row(times, calls)]


def place(gateway: LocalGateway, regions: dict[str, int]) -> None:
    """Say how many machines the gateway has, and bring them up without a proof inside each."""
    document = gateway.read_config()
    fly = document["config"]["gateway:fly"]
    fly |= {"regions": regions, "primary": "iad", "strategy": "immediate"}
    gateway.write_config(document)


def clean_look(gateway: LocalGateway) -> float:
    """Return how long a look in all layers takes that finds nothing."""
    return gateway.gateway("drift", "local", "--json").seconds


def control(gateway: LocalGateway, method: str, path: str, body: Any = None) -> Any:
    """Call one of the sandbox's own endpoints."""
    answer = httpx.request(method, f"{gateway.api_url}/_sandbox{path}", json=body, timeout=30)
    answer.raise_for_status()
    return json.loads(answer.content) if answer.content else None


def small_row(ours: list[float], empties: list[float]) -> Row:
    """Return the row of the small gateway: what it takes beyond the engine's own time."""
    beyond = median(one - other for one, other in zip(ours, empties, strict=True))
    machines = sum(SMALL.values())
    return Row(
        f"`gateway drift`, 4 layers, {machines} machines",
        f"{median(ours):.2f} s",
        f"{median(empties):.2f} s, an empty preview",
        median(ours) / median(empties),
        f"<= {SMALL_LIMIT_S} s beyond it",
        beyond <= SMALL_LIMIT_S,
        f"{beyond:+.2f} s beyond an empty preview: state, Fly, every disk, LiteLLM",
    )


def large_row(times: list[float], calls: list[dict[str, Any]]) -> Row:
    """Return the row of the large gateway; held only if Fly's limits never had to say no."""
    statuses = Counter(call["status"] for call in calls)
    refused = statuses[TOO_MANY]
    took = median(times)
    return Row(
        f"`gateway drift`, {sum(LARGE.values())} machines in {len(LARGE)} regions",
        f"{took:.2f} s",
        f"{len(calls)} calls of Fly's API",
        None,
        f"<= {LARGE_LIMIT_S:g} s, no 429",
        took <= LARGE_LIMIT_S and refused == 0,
        f"Fly's published limits are enforced by the stand-in: {refused} calls were refused;"
        " lists are asked for once, disks by one `exec` a machine",
    )
