"""What a user waits for on the real LiteLLM: a second `make local`, the proof, a rescue."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import first_rescue
from benchmarks.harness import LocalGateway, local_gateway
from benchmarks.processes import tell, wait_for
from benchmarks.published import BOOT_S, alive
from benchmarks.table import Row

SECOND_RUN_S = 60
SECOND_RUNS = 3
PROOF_S = 3
PROOFS = 3


@dataclass(frozen=True, slots=True)
class Restarted:
    """Seconds of a `make local` after the sandbox was stopped; `boot` is LiteLLM's part."""

    total: float
    boot: float


def rows() -> list[Row]:
    """Deploy once, then measure the second run, the proof and the first rescue of each chain.

    Rescues come before anything is started again: they are those of a gateway that its gates
    have just let through.
    """
    with local_gateway() as gateway:
        tell("gateway: first deploy of the local stack on the real LiteLLM")
        first, took = _make_local(gateway)
        rescues = first_rescue.measure(gateway, str(first["key"]))
        proofs = [_prove(gateway) for _ in range(PROOFS)]
        seconds = []
        for number in range(1, SECOND_RUNS + 1):
            again, spent = _make_local(gateway)
            seconds.append(spent)
            told = "something changed" if again["changed"] else "nothing changed"
            tell(f"gateway: run {number} of {SECOND_RUNS} of the same: {spent:.1f} s, {told}")
        restarted = _restarted(gateway)
    boot = first["seconds"]["litellm_start"]
    return [
        second_run(seconds, took, boot),
        after_a_stop(restarted, took),
        proof_row(proofs, median(rescues.healthy) / 1000),
        *first_rescue.summary(rescues),
    ]


def second_run(seconds: Sequence[float], first: float, boot: float | None) -> Row:
    """Return the row of runs in which there was nothing to do."""
    booted = f"LiteLLM does not boot again; its first boot took {boot:.1f} s" if boot else ""
    return _run_row("second `make local`", median(seconds), first, booted)


def after_a_stop(found: Restarted, first: float) -> Row:
    """Return the row of a run that finds its machines stopped."""
    note = f"of it LiteLLM's boot {found.boot:.1f} s; state and stack were there"
    return _run_row("`make local` after a stop", found.total, first, note)


def proof_row(proofs: Sequence[Mapping[str, Any]], healthy_s: float) -> Row:
    """Return the row of the proof from outside, against one healthy request."""
    measured = median(float(proof["duration_s"]) for proof in proofs)
    passed = all(proof["verdict"] == "passed" for proof in proofs)
    edges, requests = len(proofs[0]["edges"]), proofs[0]["requests"]
    return Row(
        "proof of all edges",
        f"{measured:.2f} s",
        f"{healthy_s * 1000:.0f} ms, a healthy request",
        measured / healthy_s,
        f"<= {PROOF_S} s",
        passed and measured <= PROOF_S,
        f"{edges} edges with their controls, {requests} requests"
        + ("" if passed else "; not every proof passed"),
    )


def _run_row(name: str, measured: float, first: float, note: str) -> Row:
    return Row(
        name,
        f"{measured:.1f} s",
        f"{first:.1f} s, the first one",
        measured / first,
        f"<= {SECOND_RUN_S} s",
        measured <= SECOND_RUN_S,
        note,
    )


def _make_local(gateway: LocalGateway) -> tuple[dict[str, Any], float]:
    """Do what `make local` does once everything is installed; return its document and seconds."""
    up = gateway.sandbox_up()
    began = time.monotonic()
    document = gateway.deploy()
    return document, up.seconds + time.monotonic() - began


def _prove(gateway: LocalGateway) -> dict[str, Any]:
    document = json.loads(gateway.gateway("prove", "local", "--json").output)
    evidence: dict[str, Any] = document["evidence"]
    tell(f"proof: {evidence['verdict']} in {evidence['duration_s']:.2f} s")
    return evidence


def _restarted(gateway: LocalGateway) -> Restarted:
    """Stop the sandbox with its machines and run `make local`; it ends when LiteLLM serves."""
    tell("gateway: stopping the sandbox, then the same once more")
    gateway.sandbox_down()
    began = time.monotonic()
    gateway.sandbox_up()
    started = time.monotonic()
    wait_for(lambda: alive(gateway.edge_url), BOOT_S, "the gateway serves again")
    served = time.monotonic()
    gateway.deploy()
    return Restarted(time.monotonic() - began, served - started)
