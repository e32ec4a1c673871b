"""The evidence of one release or one asked proof: what was proven, of what, by which gates."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from gateway.proof.evidence import sealed
from gateway.proof.recording import grade_record
from gateway.proof.verdicts import Verdict, worst
from gateway.proof_archive import proof_archive

SCHEMA = 2
INSIDE = "inside"  # gate 1: in a new machine, before it has traffic
OUTSIDE = "outside"  # gate 2: through the public address, after traffic moved
ASKED = "asked"  # a person asked for it, through the public address
GATES = (INSIDE, OUTSIDE, ASKED)
_GATE_KEYS = ("gate", "machine", "evidence", "error")
SOURCES = ("headers", "counters", "attempts", "events")
RULE = (
    "The worst gate decides. A gate that could not be asked is errored. A source counts when one "
    "gate had it; each that none had lowers the grade by a letter."
)
SHORTEST_SECRET = 8  # shorter texts stand in many values by chance
HIDDEN = "[secret]"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was proven; digests are `sha256:` and 64 digits, the bundle's are digits alone.

    `plan_bundle` is the bundle whose settings the plan was made of: another one than `bundle` when
    somebody asked for a proof of a release that is not what the settings say. `judged_by` is the
    digest of the proof's own program.
    """

    app: str
    environment: str
    bundle: str
    plan_bundle: str
    image: str
    image_digest: str
    config_digest: str
    toml_digest: str
    judged_by: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer: the proof's own evidence, or why there is none."""

    gate: str
    machine: str = ""
    evidence: Mapping[str, Any] | None = None
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """What the gate says."""
        return Verdict.ERRORED if self.evidence is None else Verdict(self.evidence["verdict"])

    @property
    def reasons(self) -> list[str]:
        """What speaks against a pass."""
        if self.evidence is None:
            return [f"{self.gate}: {self.error}"]
        return [f"{self.gate}: {reason}" for reason in self.evidence["reasons"]]


def build(
    subject: Subject,
    plan: Mapping[str, Any],
    gates: Sequence[Gate],
    *,
    at: str,
    secrets: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the whole document with its digest; equal arguments give an equal document.

    `at` is the moment, as ISO 8601. No text of `secrets` is in it: none should be, and one that a
    gateway or a machine said all the same is struck out.
    """
    hidden = [text for text in secrets if len(text) >= SHORTEST_SECRET]
    clean = [_without_secrets(gate, hidden) for gate in gates]
    begun = [gate.evidence["started_at"] for gate in clean if gate.evidence is not None]
    return sealed(
        {
            "schema": SCHEMA,
            **asdict(subject),
            "litellm_version": plan["litellm_version"],
            "plan": plan,
            "verdict": worst(gate.verdict for gate in clean) if clean else Verdict.INCONCLUSIVE,
            "reasons": [reason for gate in clean for reason in gate.reasons],
            "rule": RULE,
            "grade": _grade(clean),
            "started_at": min([*begun, at], key=datetime.fromisoformat),
            "written_at": at,
            "gates": [
                {
                    "gate": gate.gate,
                    "machine": gate.machine,
                    "evidence": gate.evidence,
                    "error": gate.error,
                    "verdict": gate.verdict,
                }
                for gate in clean
            ],
        }
    )


def gates_of(document: Mapping[str, Any]) -> list[Gate]:
    """Return the gates of a document, as `build` takes them; ValueError for what is none."""
    gates = []
    for row in document["gates"]:
        name, machine, evidence, error = (row[key] for key in _GATE_KEYS)
        if name not in GATES:
            raise ValueError(f"a gate is called {name!r}")
        if not isinstance(machine, str) or bool(machine) is not (name == INSIDE):
            raise ValueError(f"{name}: its machine is {machine!r}")
        if not isinstance(error, str) or bool(error) is not (evidence is None):
            raise ValueError(f"{name}: its error is {error!r}")
        gates.append(Gate(name, machine, evidence, error))
    return gates


def last_proof(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the proof's own evidence of the last gate that came to one."""
    proofs = [gate["evidence"] for gate in document["gates"] if gate["evidence"]]
    return proofs[-1] if proofs else None


def proof_digest() -> str:
    """Return the digest of the program that judges: the proof as it is sent into machines."""
    return f"sha256:{hashlib.sha256(proof_archive()).hexdigest()}"


def _grade(gates: Sequence[Gate]) -> dict[str, Any]:
    """Return the grade over all gates."""
    grades = [
        gate.evidence["evidence"]
        for gate in gates
        if gate.evidence and gate.evidence.get("evidence")
    ]
    if not grades:
        return grade_record(dict.fromkeys(SOURCES, "no gate came to a proof"))
    present = dict.fromkeys(name for grade in grades for name in grade["sources"])
    missing: dict[str, list[str]] = {}
    for grade in grades:
        for name, why in grade["missing"].items():
            if name not in present and why not in missing.setdefault(name, []):
                missing[name].append(why)
    told: dict[str, str | None] = {name: "; ".join(why) for name, why in missing.items()}
    return grade_record({**dict.fromkeys(present), **told})


def _without_secrets(gate: Gate, secrets: Sequence[str]) -> Gate:
    error, evidence = _struck(gate.error, secrets), gate.evidence
    if evidence is not None and (clean := _struck(evidence, secrets)) != evidence:
        evidence = sealed({name: value for name, value in clean.items() if name != "digest"})
    return replace(gate, error=error, evidence=evidence)


def _struck(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {_struck(name, secrets): _struck(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_struck(item, secrets) for item in value]
    return value
