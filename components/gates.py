"""The two gates of a release, both asked by the one fallback proof, and the evidence they leave."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.provider import Properties
from components.ticking import ticking
from fly.errors import FlyError
from fly.gates import EXEC_MARGIN_S, GateStatus, GateVerdict
from fly.replies import Machine
from fly.tally import FEW
from gateway import proof
from gateway.events.posthog import PostHog, posthog_client
from gateway.events.waiting import read_events
from gateway.evidence.document import (
    INSIDE,
    OUTSIDE,
    Gate,
    Subject,
    build,
    last_proof,
    proof_digest,
)
from gateway.evidence.keeping import keep
from gateway.proof.verdicts import Verdict

if TYPE_CHECKING:
    from fly.api import FlyApi

TICK_S = 5
SHOWN_REASONS = 3
TAIL = 300  # letters of what a proof without evidence said last
GATE_STATUSES = frozenset(GateStatus)


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

    `inputs` are the Release's: `proof_plan`, `proof_command`, `public_url`, `gate_key`, `events`,
    `events_key`, and `machines`, of which few are told one by one. Threads may share one for the
    gate inside.
    """

    def __init__(
        self, api: "FlyApi", app: str, inputs: Properties, *, progress: Callable[[str], None]
    ) -> None:
        self._api = api
        self._app = app
        self._inputs = inputs
        self._plan: dict[str, Any] = json.loads(inputs["proof_plan"])
        self._progress = progress
        many = len(inputs.get("machines", ())) > FEW
        self._progress_inside = (lambda _: None) if many else progress
        self._gates: list[Gate] = []
        self._image_digest = ""

    def inside(self, machine: Machine) -> GateVerdict:
        """Run the proof inside the machine; the master key never leaves it."""
        self._image_digest = machine.image.digest or self._image_digest
        packed = proof.pack_plan(self._inputs["proof_plan"])
        command = (*self._inputs["proof_command"], "--plan-packed", packed)
        timeout_s = self._plan["total_timeout_s"] + EXEC_MARGIN_S
        asked = proof.size_told(proof.read_plan(self._plan), owned=True)
        self._progress_inside(f"gate 1, inside machine {machine.id}: {asked}")
        try:
            # The machine answers when the proof has ended, and not before.
            said = f"of at most {timeout_s} s"
            with ticking(lambda s: self._progress_inside(f"gate 1: {s} {said}"), TICK_S):
                answer = self._api.machines.exec(
                    self._app, machine.id, command, timeout_s=timeout_s
                )
        except FlyError as error:
            return self._errored(machine, str(error))
        try:
            evidence = proof.unpack(answer.stdout)
        except ValueError:
            tail = answer.stderr.strip()[-TAIL:]
            return self._errored(machine, f"the proof ended with {answer.exit_code}: {tail}")
        if (
            not proof.evidence_is_intact(evidence)
            or str(evidence.get("verdict")) not in GATE_STATUSES
        ):
            return self._errored(machine, "what the proof printed did not arrive whole")
        return self._verdict(Gate(INSIDE, machine.id, evidence))

    def outside(self) -> GateVerdict:
        """Run the proof through the public address."""
        self._progress(f"gate 2, through {self._inputs['public_url']}")
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
        return self._verdict(Gate(OUTSIDE, evidence=evidence))

    def write_evidence(self, root: Path, *, image_digest: str = "") -> Evidence:
        """Write what the gates saw below `root`, by environment, and return where it is.

        `image_digest` is that of the machines, for a proof that looked into none of them.
        Everything is decided by now: that the events of the rescues are waited for holds up nobody.
        """
        if not self._gates:
            return Evidence()
        # Whichever thread ended last: what decided stands last, as readers of evidence have it.
        self._gates.sort(key=lambda gate: (gate.gate == OUTSIDE, gate.verdict != Verdict.PASSED))
        document = build(
            self._subject(image_digest),
            self._plan,
            self._with_events(),
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            secrets=(self._inputs["gate_key"], self._inputs["events_key"]),
        )
        file = keep(
            document,
            root / self._inputs["environment"],
            self._inputs["keep_evidence"],
            project=Path(),
            report=self._progress,
        )
        last = last_proof(document)
        edges = [
            {key: edge[key] for key in ("kind", "source", "target", "verdict", "latency_ms")}
            for edge in (last["edges"] if last else ())
        ]
        return Evidence(
            document["verdict"], document["written_at"], document["digest"], str(file), edges
        )

    def _with_events(self) -> list[Gate]:
        """Return the gates, each proof with both halves of its rescues where events are kept."""
        query = self._inputs["events"]
        if not query:
            return self._gates
        proofs = [gate.evidence for gate in self._gates if gate.evidence is not None]
        with posthog_client(query["host"]) as client:
            source = PostHog(client, query["host"], query["project_id"], self._inputs["events_key"])
            told = iter(
                read_events(source, proofs, wait_s=query["wait_s"], progress=self._progress)
            )
        return [
            gate if gate.evidence is None else replace(gate, evidence=next(told))
            for gate in self._gates
        ]

    def _subject(self, image_digest: str) -> Subject:
        contents, bundle = self._inputs["contents"], self._inputs["bundle"]
        pinned = contents["image"].rpartition("@")[2] if "@" in contents["image"] else ""
        return Subject(
            app=self._app,
            environment=self._inputs["environment"],
            bundle=bundle,
            plan_bundle=bundle,
            image=contents["image"],
            image_digest=pinned or self._image_digest or image_digest,
            config_digest=contents["config_digest"],
            toml_digest=contents["toml_digest"],
            judged_by=proof_digest(),
        )

    def _errored(self, machine: Machine, error: str) -> GateVerdict:
        self._gates.append(Gate(INSIDE, machine.id, error=error))
        return GateVerdict(GateStatus.ERRORED, error)

    def _verdict(self, gate: Gate) -> GateVerdict:
        self._gates.append(gate)
        evidence = gate.evidence or {}
        status = GateStatus(gate.verdict)
        edges = evidence["edges"]
        proven = sum(edge["verdict"] == "passed" for edge in edges)
        summary = f"{proven} of {len(edges)} fallbacks proven in {evidence['duration_s']:.1f} s"
        if status is not GateStatus.PASSED:
            why = [*evidence["reasons"], *(r for edge in edges for r in edge["reasons"])]
            summary += ": " + "; ".join(dict.fromkeys(why[:SHOWN_REASONS]))
        return GateVerdict(status, summary)
