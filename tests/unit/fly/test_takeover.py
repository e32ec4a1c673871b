"""Taking machines over: proven ones are marked, all others stay as they are, nothing is sent."""

import hashlib
import json
from typing import Any

import pytest

from fly.canonical import canonical
from fly.gates import GateStatus, GateVerdict
from fly.held_values import other_values
from fly.release import Release
from fly.replies import Machine
from fly.takeover import Taken, take_over
from tests.unit.fly.fake_fly import FakeFly, machine, ok

CONFIG: dict[str, Any] = {
    "image": "registry.fly.io/acme:1",
    "guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 2048},
    "metadata": {"fly_process_group": "app", "fly_platform_version": "v2"},
}
MARKS = {"gateway_release", "gateway_phase", "gateway_secrets_version"}


class Answers:
    """Gates that answer one thing from outside and are never asked inside."""

    def __init__(self, status: GateStatus) -> None:
        self.status = status
        self.asked = 0

    def inside(self, machine: Machine) -> GateVerdict:
        raise AssertionError(machine)

    def outside(self) -> GateVerdict:
        self.asked += 1
        return GateVerdict(self.status, "told")


def taken(gates: Answers, *machines: dict[str, Any], count: int = 2) -> tuple[Taken, FakeFly]:
    fly = FakeFly().on("GET /apps/acme/machines", ok(list(machines)))
    for each in machines:
        for key in MARKS:
            fly.on(f"POST /apps/acme/machines/{each['id']}/metadata/{key}", ok(status=204))
    release = Release("acme", canonical(CONFIG), {"iad": count}, 0, "d" * 64, "iad")
    return take_over(fly.api(), release, gates, progress=lambda _: None), fly


def two(**edits: Any) -> tuple[dict[str, Any], ...]:
    return (machine("m1", config=CONFIG), machine("m2", config=CONFIG | edits))


def test_machines_that_are_the_release_are_proven_and_then_marked() -> None:
    gates = Answers(GateStatus.PASSED)
    found, fly = taken(gates, *two())
    assert found.proven
    assert gates.asked == 1
    changing = [r for r in fly.requests if r.method != "GET"]
    said = [(r.url.path.split("/")[5], r.url.path.split("/")[-1]) for r in changing]
    # The last mark is the one that makes a machine count: a run that dies before it marked nothing.
    assert [m for m, key in said if key == "gateway_secrets_version"] == ["m1", "m2"]
    assert [key for _, key in said][2::3] == ["gateway_secrets_version"] * 2
    assert {json.loads(r.content)["value"] for r in changing} == {"d" * 64, "serving", "0"}


@pytest.mark.parametrize("status", [GateStatus.FAILED, GateStatus.ERRORED, GateStatus.INCONCLUSIVE])
def test_machines_whose_proof_did_not_pass_are_left_as_they_were(status: GateStatus) -> None:
    found, fly = taken(Answers(status), *two())
    assert not found.proven
    assert fly.count("POST") == 0


@pytest.mark.parametrize(
    ("edits", "count"),
    [
        ({"env": {"A": "b"}}, 2),  # one of them is another
        ({}, 3),  # one is missing
        ({}, 1),  # one is left over
        ({"metadata": {**CONFIG["metadata"], "gateway_phase": "retired"}}, 2),  # half a rollout
    ],
)
def test_machines_that_are_not_the_release_are_neither_asked_nor_touched(
    edits: dict[str, Any], count: int
) -> None:
    gates = Answers(GateStatus.PASSED)
    found, fly = taken(gates, *two(**edits), count=count)
    assert [m.id for m in found.machines] == ["m1", "m2"]
    assert found.applied == canonical(CONFIG)
    assert not found.proven
    assert gates.asked == fly.count("POST") == 0


def test_only_digests_of_values_come_back_and_another_value_is_named() -> None:
    held = {"A": "marker-a", "B": "marker-b"}
    answer = "\n".join(hashlib.sha256(f"salt{v}".encode()).hexdigest() for v in ("marker-a", "x"))
    fly = FakeFly().on("POST /apps/acme/machines/m1/exec", ok({"stdout": answer}))
    assert other_values(fly.api(), "acme", "m1", held, salt="salt") == ("B",)
    assert b"marker" not in fly.requests[0].content
    with pytest.raises(ValueError, match="2 of 3 digests"):
        other_values(fly.api(), "acme", "m1", {**held, "C": "c"}, salt="salt")
