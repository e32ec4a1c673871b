"""How near a release over 100 machines in 5 regions comes to what Fly's rate limits leave."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.drift import clean_look, control
from benchmarks.harness import STUB, LocalGateway, local_gateway
from benchmarks.processes import tell
from benchmarks.table import Row
from fly.retries import release_least_s

REGIONS = ("fra", "iad", "lhr", "sin", "syd")
EACH = 20  # machines in each
TIMES_BOUND = 1.3
DRIFT_LIMIT_S = 6.0
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Released:
    """One bluegreen release: seconds of its own, without the engine's, and the calls it made."""

    machines: int
    seconds: float
    calls: tuple[dict[str, Any], ...]

    @property
    def refused(self) -> int:
        """How many calls Fly's limits refused."""
        return sum(call["status"] == TOO_MANY for call in self.calls)

    @property
    def beyond_s(self) -> float:
        """Seconds beyond what the limits leave: boot, gates, traffic, and destroying the old."""
        return self.seconds - release_least_s(self.machines)


def rows() -> list[Row]:
    """Replace one machine in each region, then twenty, each time under Fly's published limits."""
    with local_gateway(image=STUB) as gateway:
        gateway.environ["GATEWAY_FLY_PACED"] = "1"
        few = replaced(gateway, 1)
        many = replaced(gateway, EACH)
        control(gateway, "POST", "/rate-limits", {"enabled": True})
        control(gateway, "POST", "/calls/reset")
        looked = clean_look(gateway)
        calls = control(gateway, "GET", "/calls")
    return [release_row(few, many), drift_row(looked, calls)]


def replaced(gateway: LocalGateway, each: int) -> Released:
    """Bring up `each` machines in every region, then replace them all and say what that took."""
    machines = each * len(REGIONS)
    declare(gateway, each, f"{each}-before")
    gateway.environ["GATEWAY_FLY_PACED"] = "0"
    tell(f"scale: bringing up {machines} machines, without limits")
    gateway.deploy()
    declare(gateway, each, f"{each}-after")
    gateway.environ["GATEWAY_FLY_PACED"] = "1"
    control(gateway, "POST", "/rate-limits", {"enabled": True})
    control(gateway, "POST", "/calls/reset")
    tell(f"scale: replacing {machines} machines under Fly's limits")
    gateway.deploy()
    calls = tuple(control(gateway, "GET", "/calls"))
    control(gateway, "POST", "/rate-limits", {"enabled": False})
    release = Released(machines, last_release_s(gateway), calls)
    tell(f"scale: {release.seconds:.1f} s, {len(calls)} calls, {release.refused} refused")
    return release


def declare(gateway: LocalGateway, each: int, release: str) -> None:
    """Declare so many machines in every region, and a release of this name."""
    document = gateway.read_config()
    config = document["config"]
    place = {"regions": dict.fromkeys(REGIONS, each), "primary": "iad", "strategy": "bluegreen"}
    config["gateway:fly"] |= place
    config["gateway:proof"] = {"forms": ["chat"], "samples": 1}  # what it asks is not the point
    server = config.get("gateway:server", {})
    config["gateway:server"] = {**server, "environment": {"RELEASE": release}}
    gateway.write_config(document)


def last_release_s(gateway: LocalGateway) -> float:
    """Return how long the last release took, as the environment's history has it."""
    history = gateway.project / "history" / "local.jsonl"
    last = history.read_text(encoding="utf-8").splitlines()[-1]
    return float(json.loads(last)["duration_s"])


def release_row(few: Released, many: Released) -> Row:
    """Return the row of the large release, judged by its bound and by what a small one takes."""
    bound = release_least_s(many.machines)
    allowed = TIMES_BOUND * bound + few.beyond_s
    kinds = Counter(f"{call['method']} {action(call['path'])}" for call in many.calls)
    most = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(6))
    return Row(
        f"release of {many.machines} machines in {len(REGIONS)} regions",
        f"{many.seconds:.0f} s",
        f"{bound:.0f} s, the least that Fly's limits leave",
        many.seconds / bound,
        f"<= {TIMES_BOUND} x it + one boot, no 429",
        many.seconds <= allowed and many.refused == 0,
        f"bluegreen, stub image, every new machine proven inside; {len(many.calls)} calls,"
        f" {len(many.calls) / many.seconds:.1f} a second, {many.refused} refused by the limits,"
        f" which the stand-in enforces; one boot with its gates and the exchange of traffic:"
        f" {few.beyond_s:.0f} s, measured on {few.machines} machines; most calls: {most}",
    )


def drift_row(took: float, calls: list[dict[str, Any]]) -> Row:
    """Return the row of one look in all layers over the same machines."""
    refused = sum(call["status"] == TOO_MANY for call in calls)
    return Row(
        f"`gateway drift`, {EACH * len(REGIONS)} machines in {len(REGIONS)} regions",
        f"{took:.1f} s",
        f"{len(calls)} calls of Fly's API",
        None,
        f"<= {DRIFT_LIMIT_S:g} s, no 429",
        took <= DRIFT_LIMIT_S and refused == 0,
        f"once, paced; {refused} calls were refused",
    )


def action(path: str) -> str:
    """Return what a call's path asks for, without names: `machines`, `machine/exec`."""
    words = path.removeprefix("/v1/apps").strip("/").split("/")[1:]
    if words[:1] == ["machines"] and len(words) > 1:
        return "/".join(["machine", *words[2:3]])
    return "/".join(words) or "app"
