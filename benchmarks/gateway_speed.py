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
from benchmarks.processor_time import processor_s
from benchmarks.published import BOOT_S, alive
from benchmarks.table import Row

SECOND_RUN_S = 60
SECOND_RUNS = 3
PROOF_S = 3
PROOFS = 3
OVER_BOUND = 1.3
DEFAULT_PROOF = {"samples": 3, "concurrency": 4}  # the local stack's own is smaller


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof's evidence says, and the processor time that the gateway used meanwhile."""

    evidence: Mapping[str, Any]
    processor_s: float


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
        defaults = _default_proofs(gateway)
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
        bound_row(defaults),
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


def proof_row(proofs: Sequence[Proven], healthy_s: float) -> Row:
    """Return the row of the proof from outside, against one healthy request."""
    measured = median(float(proof.evidence["duration_s"]) for proof in proofs)
    passed = all(proof.evidence["verdict"] == "passed" for proof in proofs)
    edges, requests = len(proofs[0].evidence["edges"]), proofs[0].evidence["requests"]
    used = median(proof.processor_s for proof in proofs)
    return Row(
        "proof of all edges",
        f"{measured:.2f} s",
        f"{healthy_s * 1000:.0f} ms, a healthy request",
        measured / healthy_s,
        f"<= {PROOF_S} s",
        passed and measured <= PROOF_S,
        f"{edges} edges in two forms with their controls, {requests} requests, of which each takes "
        f"{1000 * used / requests:.0f} ms of the gateway's processor: {used:.2f} s"
        + ("" if passed else "; not every proof passed"),
    )


def bound_row(proofs: Sequence[Proven]) -> Row:
    """Return the row of the default proof against the processor time that its requests take.

    One worker answers them one after the other, so no proof of as many requests can be faster.
    """
    ratios = [proof.evidence["duration_s"] / proof.processor_s for proof in proofs]
    passed = all(proof.evidence["verdict"] == "passed" for proof in proofs)
    requests = proofs[0].evidence["requests"]
    used = median(proof.processor_s for proof in proofs)
    return Row(
        "default proof against its lower bound",
        f"{median(float(proof.evidence['duration_s']) for proof in proofs):.2f} s",
        f"{used:.2f} s, the gateway's processor time",
        median(ratios),
        f"<= {OVER_BOUND}",
        passed and median(ratios) <= OVER_BOUND,
        f"three samples, four requests at a time; {requests} requests of "
        f"{1000 * used / requests:.0f} ms" + ("" if passed else "; not every proof passed"),
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


def _prove(gateway: LocalGateway) -> Proven:
    pid = gateway.machine_pid()
    before = processor_s(pid)
    document = json.loads(gateway.gateway("prove", "local", "--json").output)
    used, evidence = processor_s(pid) - before, document["evidence"]
    tell(f"proof: {evidence['verdict']} in {evidence['duration_s']:.2f} s, processor {used:.2f} s")
    return Proven(evidence, used)


def _default_proofs(gateway: LocalGateway) -> list[Proven]:
    """Prove as dev does; what is proven and what serves stay the local stack's."""
    kept = gateway.read_config()
    gateway.write_config({**kept, "config": {**kept["config"], "gateway:proof": DEFAULT_PROOF}})
    try:
        return [_prove(gateway) for _ in range(PROOFS)]
    finally:
        gateway.write_config(kept)


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
