"""The two gates of a release, both asked by the one fallback proof, and the evidence they leave."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.provider import Properties
from fly.errors import FlyError
from fly.gates import GateStatus, GateVerdict
from fly.replies import Machine
from gateway import proof

if TYPE_CHECKING:
    from fly.api import FlyApi

EXEC_MARGIN_S = 8  # beyond the proof's own total: interpreter start and the reply
SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rollout leaves about its proof; `path` is the file, relative to the project."""

    verdict: str = "none"
    at: str = ""
    digest: str = ""
    path: str = ""
    edges: list[dict[str, Any]] = field(default_factory=list)


class ProofGates:
    """Asks `gateway.proof` inside a machine through `exec`, and from outside over the network.

    `inputs` are the Release's: `proof_plan`, `proof_command`, `public_url`, `gate_key`.
    """

    def __init__(
        self, api: "FlyApi", app: str, inputs: Properties, *, progress: Callable[[str], None]
    ) -> None:
        self._api = api
        self._app = app
        self._inputs = inputs
        self._plan: dict[str, Any] = json.loads(inputs["proof_plan"])
        self._progress = progress
        self._records: list[dict[str, Any]] = []

    def inside(self, machine: Machine) -> GateVerdict:
        """Run the proof inside the machine; the master key never leaves it."""
        command = (*self._inputs["proof_command"], "--plan-json", self._inputs["proof_plan"])
        timeout_s = self._plan["total_timeout_s"] + EXEC_MARGIN_S
        try:
            answer = self._api.machines.exec(self._app, machine.id, command, timeout_s=timeout_s)
        except FlyError as error:
            return GateVerdict(GateStatus.ERRORED, str(error))
        try:
            evidence = proof.unpack(answer.stdout)
        except ValueError:
            tail = answer.stderr.strip()[-300:]
            return GateVerdict(
                GateStatus.ERRORED, f"the proof ended with {answer.exit_code}: {tail}"
            )
        return self._verdict("inside", evidence, machine.id)

    def outside(self) -> GateVerdict:
        """Run the proof through the public address."""
        with proof.gateway_client(
            self._inputs["public_url"], timeout_s=self._plan["request_timeout_s"]
        ) as client:
            evidence = proof.run(
                self._plan,
                client=client,
                key=self._inputs["gate_key"],
                clock=proof.steady_clock(),
                nonce=proof.new_nonce,
                progress=self._progress,
            )
        return self._verdict("outside", evidence, "")

    def write_evidence(self, root: Path) -> Evidence:
        """Write what both gates saw below `root`, by environment, and return where it is."""
        if not self._records:
            return Evidence()
        document: dict[str, Any] = {
            "schema": 1,
            "app": self._app,
            "bundle": self._inputs["bundle"],
            "gates": self._records,
        }
        digest = proof.evidence_digest(document)
        document["digest"] = digest
        short = digest.removeprefix("sha256:")[:12]
        target = root / self._inputs["environment"] / f"{short}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        partial.replace(target)
        last = self._records[-1]["evidence"]
        edges = [
            {key: edge[key] for key in ("kind", "source", "target", "verdict", "latency_ms")}
            for edge in last["edges"]
        ]
        return Evidence(last["verdict"], last["started_at"], digest, str(target), edges)

    def _verdict(self, gate: str, evidence: dict[str, Any], machine: str) -> GateVerdict:
        self._records.append({"gate": gate, "machine": machine, "evidence": evidence})
        status = GateStatus(evidence["verdict"])
        edges = evidence["edges"]
        proven = sum(edge["verdict"] == "passed" for edge in edges)
        summary = f"{proven} of {len(edges)} fallbacks proven in {evidence['duration_s']:.1f} s"
        if status is not GateStatus.PASSED:
            why = [*evidence["reasons"], *(r for edge in edges for r in edge["reasons"])]
            summary += ": " + "; ".join(dict.fromkeys(why[:SHOWN_REASONS]))
        return GateVerdict(status, summary)
