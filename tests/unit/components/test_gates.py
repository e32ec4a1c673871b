"""A release's gates leave evidence however they end, and what does not arrive whole is errored."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.gates import ProofGates
from components.history import Event, read
from components.release import _seen
from fly.errors import FlyUnavailable, Where
from fly.gates import GateStatus
from fly.replies import Machine
from gateway import proof
from gateway.evidence.verifying import State, verify
from tests.unit.gateway.stub_gateway import KEY, StubFaults, StubGateway, plan

if TYPE_CHECKING:
    from fly.api import FlyApi

DIGEST = f"sha256:{'12' * 32}"
CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens


@dataclass
class Machines:
    """Answers `exec` with what a test says, each of a list in turn, or raises it."""

    said: Any
    told: list[Any] = field(default_factory=list)

    def exec(self, *asked: Any, **more: Any) -> Any:
        self.told.append((asked, more))
        if isinstance(self.said, Exception):
            raise self.said
        said = self.said.pop(0) if isinstance(self.said, list) else self.said
        return SimpleNamespace(stdout=said, stderr="the last words", exit_code=1)


def gates(said: Any, lines: list[str] | None = None, **more: Any) -> ProofGates:
    inputs = {
        "events": {},
        "events_key": "",
        "proof_plan": json.dumps(plan()),
        "proof_command": ["python3", "/app/gateway_proof.pyz"],
        "public_url": CLOSED,
        "gate_key": KEY,
        "environment": "dev",
        "keep_evidence": 5,
        "bundle": "ab" * 32,
        "contents": {"image": "litellm:v1", "config_digest": DIGEST, "toml_digest": DIGEST},
        **more,
    }
    api = cast("FlyApi", SimpleNamespace(machines=Machines(said)))
    return ProofGates(api, "acme", inputs, progress=(lines if lines is not None else []).append)


def machine() -> Machine:
    return cast("Machine", SimpleNamespace(id="3d8d", image=SimpleNamespace(digest=DIGEST)))


def evidence(**fields: Any) -> dict[str, Any]:
    return StubGateway(faults=StubFaults(), **fields).prove()


def document(root: Path) -> dict[str, Any]:
    (file,) = (root / "dev").glob("*.json")
    text = file.read_text()
    assert verify(text, name=file.name).state is State.INTACT
    assert file.with_suffix(".html").exists()
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_release_whose_second_gate_reaches_nobody_leaves_evidence_of_both(tmp_path: Path) -> None:
    asked = gates(proof.pack(evidence()))

    assert asked.inside(machine()).status is GateStatus.PASSED
    assert asked.outside().status is GateStatus.ERRORED
    left = asked.write_evidence(tmp_path)

    found = document(tmp_path)
    assert (left.verdict, left.digest) == ("errored", found["digest"])
    assert left.path == str(tmp_path / "dev" / f"{left.digest[7:19]}.json")
    assert [gate["verdict"] for gate in found["gates"]] == ["passed", "errored"]
    assert found["image_digest"] == DIGEST
    assert KEY not in json.dumps(found)


def test_events_that_cannot_be_read_are_said_in_the_grade_and_decide_nothing(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    events = {"host": CLOSED, "project_id": 1, "wait_s": 0.1}
    asked = gates(proof.pack(evidence()), lines, events=events, events_key="phx_planted")

    asked.inside(machine())
    left = asked.write_evidence(tmp_path)

    found = document(tmp_path)
    why = "PostHog cannot be reached (ConnectError)"
    assert left.verdict == "passed"
    assert found["grade"]["missing"]["events"] == why
    assert found["gates"][0]["evidence"]["events"]["trouble"] == why
    assert why in lines[-1]
    assert "phx_planted" not in json.dumps(found) + "".join(lines)


def test_a_release_that_failed_inside_leaves_evidence_of_that_gate(tmp_path: Path) -> None:
    asked = gates(proof.pack(evidence(never_falls_back=True)))

    assert asked.inside(machine()).status is GateStatus.FAILED
    asked.write_evidence(tmp_path)

    assert document(tmp_path)["verdict"] == "failed"


def test_the_proof_that_failed_stands_last_though_another_machine_passed_after_it(
    tmp_path: Path,
) -> None:
    asked = gates([proof.pack(evidence(never_falls_back=True)), proof.pack(evidence())])

    for _ in range(2):
        asked.inside(machine())
    asked.write_evidence(tmp_path)

    found = document(tmp_path)
    assert found["verdict"] == "failed"
    assert [gate["verdict"] for gate in found["gates"]] == ["passed", "failed"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (FlyUnavailable(Where("machine.exec", "3d8d"), "503"), "503"),
        ("", "the proof ended with 1: the last words"),
        ("{}", "did not arrive whole"),
        (proof.canonical({**evidence(), "verdict": "errored"}), "did not arrive whole"),
        (proof.canonical(proof.sealed({"verdict": ["passed"]})), "did not arrive whole"),
    ],
    ids=["unreachable", "silent", "empty", "changed", "foreign"],
)
def test_a_gate_that_could_not_be_asked_is_errored_and_leaves_evidence(
    tmp_path: Path, said: Any, why: str
) -> None:
    asked = gates(said)

    verdict = asked.inside(machine())
    asked.write_evidence(tmp_path)

    assert verdict.status is GateStatus.ERRORED
    assert why in verdict.summary
    assert document(tmp_path)["gates"][0]["evidence"] is None


def test_a_proof_of_machines_that_run_already_names_their_image(tmp_path: Path) -> None:
    asked = gates("")
    asked.outside()

    asked.write_evidence(tmp_path, image_digest=DIGEST)

    assert document(tmp_path)["image_digest"] == DIGEST


def test_a_release_that_came_to_no_gate_leaves_no_evidence(tmp_path: Path) -> None:
    assert gates("").write_evidence(tmp_path).path == ""
    assert list(tmp_path.iterdir()) == []


def test_evidence_that_cannot_be_written_does_not_hide_how_the_release_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    monkeypatch.setenv("GATEWAY_EVIDENCE", str(taken))
    monkeypatch.setenv("GATEWAY_HISTORY", str(tmp_path))
    asked = gates("")
    asked.inside(machine())
    inputs = {
        "environment": "dev",
        "app": "acme",
        "bundle": "ab" * 32,
        "secrets_version": 1,
        "contents": {"image": "litellm:v1"},
    }

    assert "what was seen could not be written" in _seen(asked, inputs, Event.UNDONE, 0.0)
    (entry,) = read(tmp_path / "dev.jsonl").entries
    assert (entry.event, entry.bundle, entry.evidence) == ("undone", "ab" * 32, "")
