"""A rollout against an in-memory Fly: what serves, what is left, what a killed run leaves behind.

Invariants: while a release is replaced there is always a proven machine that has traffic; after
any interruption the next run ends with exactly the wanted machines, all proven and serving.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fly.canonical import canonical
from fly.errors import FlyNotFound, Where
from fly.gates import GateStatus, GateVerdict, ReleaseUndoneError, RolloutStoppedError
from fly.health import UnhealthyMachineError
from fly.machine_steps import MachineSteps
from fly.release import GROUP, Phase, Release, observed, phase_of, standing
from fly.replies import ImageRef, Machine
from fly.rollout import Rollout

PASSED = GateVerdict(GateStatus.PASSED, "2 of 2 fallbacks proven")
FAILED = GateVerdict(GateStatus.FAILED, "1 of 2 fallbacks proven")
ERRORED = GateVerdict(GateStatus.ERRORED, "exec answered 502")


class Killed(BaseException):
    """The process died: nothing after this point runs."""


class Lease:
    nonce = "nonce"

    def keep(self) -> None:
        """Nothing runs out here."""


class FakeFly:
    """Just enough of the Machines API; `die_at` kills the caller at the n-th changing call."""

    def __init__(self) -> None:
        self.rows: dict[str, Machine] = {}
        self.cordoned: set[str] = set()
        self.unhealthy: set[str] = set()
        self.calls = 0
        self.die_at: int | None = None
        self.never_without_traffic = False
        self.restarted_with_traffic: list[str] = []
        self.machines = self
        self.leases = self
        self._made = 0

    def _change(self) -> None:
        self.calls += 1
        if self.never_without_traffic:
            assert self.serving(), "nobody had traffic"
        if self.die_at is not None and self.calls >= self.die_at:
            raise Killed("died")  # what other threads ask after it never arrives either

    def serving(self) -> set[str]:
        """Return the machines that Fly's proxy would choose from."""
        return {id_ for id_ in self.rows if id_ not in self.cordoned}

    @contextmanager
    def held(self, *_: Any, **__: Any) -> Iterator[Lease]:
        yield Lease()

    def list(self, app: str) -> tuple[Machine, ...]:
        return tuple(self.rows.values())

    def get(self, app: str, machine_id: str) -> Machine:
        if machine_id not in self.rows:
            raise AssertionError(f"{machine_id} is gone")
        return self.rows[machine_id]

    def find(self, app: str, machine_id: str) -> Machine | None:
        return self.rows.get(machine_id)

    def create(self, app: str, request: Mapping[str, Any], *, launch_id: str) -> Machine:
        self._change()
        self._made += 1
        id_ = f"m{self._made}"
        self.rows[id_] = machine(id_, request["config"], region=request["region"])
        if request.get("skip_service_registration"):
            self.cordoned.add(id_)
        return self.rows[id_]

    def update(self, app: str, machine_id: str, request: Mapping[str, Any], **_: Any) -> Machine:
        self._change()
        if machine_id not in self.cordoned:
            self.restarted_with_traffic.append(machine_id)
        self.rows[machine_id] = replace(self.rows[machine_id], config=dict(request["config"]))
        return self.rows[machine_id]

    def delete(self, app: str, machine_id: str, **_: Any) -> None:
        self._change()
        self.rows.pop(machine_id, None)
        self.cordoned.discard(machine_id)

    def stop(self, app: str, machine_id: str, **_: Any) -> None:
        self._change()
        if machine_id not in self.rows:
            raise FlyNotFound(Where("POST", f"/apps/{app}/machines/{machine_id}/stop"), "gone")
        self.rows[machine_id] = replace(self.rows[machine_id], state="stopped")

    def start(self, app: str, machine_id: str, **_: Any) -> None:
        self._change()
        self.rows[machine_id] = replace(self.rows[machine_id], state="started")

    def cordon(self, app: str, machine_id: str, **_: Any) -> None:
        self._change()
        self.cordoned.add(machine_id)

    def uncordon(self, app: str, machine_id: str, **_: Any) -> None:
        self._change()
        self.cordoned.discard(machine_id)

    def set_metadata(self, app: str, machine_id: str, key: str, value: str, **_: Any) -> None:
        self._change()
        row = self.rows[machine_id]
        metadata = {**row.config["metadata"], key: value}
        self.rows[machine_id] = replace(row, config={**row.config, "metadata": metadata})

    def wait(self, app: str, machine_id: str, state: str, **_: Any) -> None:
        if machine_id in self.unhealthy or self.rows[machine_id].config["env"].get("SICK"):
            raise UnhealthyMachineError(f"machine {machine_id} never became healthy")


class Gates:
    """Answers what it was told to, in order, then PASSED."""

    def __init__(self, *, inside: GateVerdict = PASSED, outside: GateVerdict = PASSED) -> None:
        self.inside_verdict, self.outside_verdict = inside, outside
        self.asked: list[str] = []

    def inside(self, machine: Machine) -> GateVerdict:
        self.asked.append(f"inside {machine.id}")
        return self.inside_verdict

    def outside(self) -> GateVerdict:
        self.asked.append("outside")
        return self.outside_verdict


def machine(id_: str, config: Mapping[str, Any], *, region: str = "iad") -> Machine:
    """Return a started machine as the API would answer it."""
    return Machine(
        id=id_,
        name=id_,
        state="started",
        region=region,
        instance_id=f"i-{id_}",
        config=dict(config),
        image=ImageRef("", "", "", ""),
        checks=(),
        events=(),
        host_status="ok",
        nonce=None,
        cordoned=None,
        created_at=id_.rjust(6, "0"),
        updated_at="",
        private_ip="",
    )


def release(version: str, *, strategy: str = "bluegreen", **env: str) -> Release:
    """Return a release of two machines whose configurations differ by `version`."""
    config = canonical(
        {
            "image": f"litellm:{version}",
            "env": {"V": version, **env},
            "metadata": {"fly_platform_version": "v2", "fly_process_group": GROUP},
        }
    )
    return Release("acme", config, {"iad": 2}, 1, f"digest-{version}", "iad", strategy=strategy)


def large(version: str, **env: str) -> Release:
    """Return a release of 60 machines in three regions."""
    return replace(release(version, **env), counts={"iad": 20, "fra": 20, "sin": 20})


def roll_out(
    fly: FakeFly, wanted: Release, gates: Gates | None = None, previous: Release | None = None
) -> Gates:
    """Run one rollout and return the gates it asked."""
    gates = gates or Gates()
    before = previous.config if previous else None
    Rollout(
        fly,  # type: ignore[arg-type]  # the fake speaks what a rollout calls
        wanted,
        gates,
        previous=before,
        clock=lambda: 0.0,
        sleep=lambda _: None,
    ).run()
    return gates


def assert_released(fly: FakeFly, wanted: Release) -> None:
    """Every wanted machine runs, is proven and has traffic; nothing else is left."""
    now = standing(fly.rows.values(), wanted)
    assert now.complete
    assert not now.unproven
    assert fly.serving() == set(fly.rows)


@pytest.mark.parametrize("strategy", ["bluegreen", "rolling", "immediate"])
def test_a_first_release_is_proven_inside_and_outside_before_it_counts(strategy: str) -> None:
    fly, wanted = FakeFly(), release("1", strategy=strategy)
    gates = roll_out(fly, wanted)
    assert_released(fly, wanted)
    assert sorted(gates.asked[:2]) == ["inside m1", "inside m2"]
    assert gates.asked[2:] == ["outside"]


def test_a_bluegreen_release_replaces_machines_without_a_moment_nobody_serves() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    fly.never_without_traffic = True
    roll_out(fly, release("2"))
    assert_released(fly, release("2"))
    assert set(fly.rows) == {"m3", "m4"}


def test_a_release_that_fails_its_proof_inside_never_gets_traffic() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    with pytest.raises(ReleaseUndoneError, match="1 of 2 fallbacks proven"):
        roll_out(fly, release("2"), Gates(inside=FAILED))
    assert_released(fly, release("1"))
    assert set(fly.rows) == {"m1", "m2"}


@pytest.mark.parametrize("strategy", ["bluegreen", "rolling", "immediate"])
def test_a_release_that_fails_its_proof_outside_gives_traffic_back(strategy: str) -> None:
    fly, before = FakeFly(), release("1", strategy=strategy)
    roll_out(fly, before)
    with pytest.raises(ReleaseUndoneError, match="was undone"):
        roll_out(fly, release("2", strategy=strategy), Gates(outside=FAILED), previous=before)
    now = observed(fly.rows.values())
    assert [config["env"]["V"] for config in now.values()] == ["1", "1"]
    assert all(phase_of(m) is Phase.SERVING for m in fly.rows.values())
    assert fly.serving() == {"m1", "m2"}


@pytest.mark.parametrize("strategy", ["bluegreen", "rolling", "immediate"])
def test_a_machine_that_never_becomes_healthy_undoes_the_release(strategy: str) -> None:
    fly, before = FakeFly(), release("1", strategy=strategy)
    roll_out(fly, before)
    with pytest.raises(ReleaseUndoneError, match="never became healthy"):
        roll_out(fly, release("2", strategy=strategy, SICK="1"), previous=before)
    now = observed(fly.rows.values())
    assert [config["env"]["V"] for config in now.values()] == ["1", "1"]
    assert fly.serving() == {"m1", "m2"}


def test_a_checker_that_broke_stops_the_line_and_undoes_nothing() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    with pytest.raises(RolloutStoppedError, match="nothing was undone"):
        roll_out(fly, release("2"), Gates(inside=ERRORED))
    assert fly.serving() == {"m1", "m2"}
    assert len(fly.rows) >= 3  # the other new one may not have been created yet
    roll_out(fly, release("2"))
    assert_released(fly, release("2"))


@pytest.mark.parametrize(
    ("strategy", "gate", "serving"),
    [
        ("bluegreen", "inside", "the new machines have no traffic, the 2 of the release before"),
        ("bluegreen", "outside", "the 2 new machines, proven inside, have the traffic; the 2 of"),
        ("rolling", "inside", "machine m1 has no traffic, the others serve as before"),
        ("rolling", "outside", "all machines run release digest-2 and have the traffic"),
    ],
)
def test_a_checker_that_broke_says_who_serves_and_the_next_run_goes_on(
    strategy: str, gate: str, serving: str
) -> None:
    fly, before = FakeFly(), release("1", strategy=strategy)
    roll_out(fly, before)
    wanted = release("2", strategy=strategy)
    with pytest.raises(RolloutStoppedError, match=serving) as stopped:
        roll_out(fly, wanted, Gates(**{gate: ERRORED}), previous=before)
    assert "exec answered 502" in str(stopped.value)
    assert "the next `pulumi up` goes on with release digest-2" in str(stopped.value)
    assert fly.serving()
    roll_out(fly, wanted, previous=before)
    assert_released(fly, wanted)


def test_a_rolling_release_takes_traffic_from_each_machine_before_it_is_restored() -> None:
    fly, before = FakeFly(), release("1", strategy="rolling")
    roll_out(fly, before)
    fly.restarted_with_traffic.clear()
    with pytest.raises(ReleaseUndoneError, match="was undone"):
        roll_out(fly, release("2", strategy="rolling"), Gates(outside=FAILED), previous=before)
    assert fly.restarted_with_traffic == []
    assert_released(fly, before)


def test_equal_machines_are_only_proven_again_and_a_failed_proof_changes_none() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    calls = fly.calls
    assert roll_out(fly, release("1")).asked == ["outside"]
    with pytest.raises(ReleaseUndoneError, match="no machine was changed"):
        roll_out(fly, release("1"), Gates(outside=FAILED))
    assert fly.calls == calls


def test_a_machine_edited_by_hand_is_replaced_and_a_missing_one_is_made() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    edited = fly.rows["m1"]
    fly.rows["m1"] = replace(edited, config={**edited.config, "env": {"V": "by hand"}})
    del fly.rows["m2"]
    roll_out(fly, release("1"))
    assert_released(fly, release("1"))
    assert set(fly.rows) == {"m3", "m4"}


def test_a_machine_nobody_declared_goes_and_one_of_another_group_stays() -> None:
    fly = FakeFly()
    roll_out(fly, release("1"))
    fly.rows["clone"] = replace(fly.rows["m1"], id="clone", created_at="later")
    other = {"metadata": {"fly_process_group": "worker"}, "env": {}}
    fly.rows["worker"] = machine("worker", other)
    roll_out(fly, release("1"))
    assert set(fly.rows) == {"m1", "m2", "worker"}


@pytest.mark.parametrize("strategy", ["bluegreen", "rolling", "immediate"])
@pytest.mark.parametrize("then", ["same", "back", "third"])
def test_a_run_killed_at_any_call_is_finished_or_undone_by_the_next(
    strategy: str, then: str
) -> None:
    before, wanted = release("1", strategy=strategy), release("2", strategy=strategy)
    after = {"same": wanted, "back": before, "third": release("3", strategy=strategy)}[then]
    for die_at in range(1, 40):
        fly = FakeFly()
        roll_out(fly, before)
        fly.calls, fly.die_at = 0, die_at
        fly.never_without_traffic = strategy == "bluegreen"
        try:
            roll_out(fly, wanted, previous=before)
        except Killed:
            killed = True
        else:
            killed = False
        fly.die_at = None
        roll_out(fly, after, previous=before)
        assert_released(fly, after)
        if not killed:
            return
    pytest.fail("the rollout makes more calls than were tried")


@pytest.mark.parametrize("die_at", range(1, 40))
def test_a_resumed_bluegreen_release_that_fails_still_goes_back(die_at: int) -> None:
    fly = FakeFly()
    before, wanted = release("1"), release("2")
    roll_out(fly, before)
    fly.calls, fly.die_at = 0, die_at
    try:
        roll_out(fly, wanted)
    except Killed:
        fly.die_at = None
    else:
        return
    if any(phase_of(m) is Phase.REPLACED for m in fly.rows.values()) or not any(
        phase_of(m) in {Phase.NEW, None} for m in fly.rows.values()
    ):
        return  # the release had passed both gates before the run died: it is finished
    with pytest.raises(ReleaseUndoneError, match="was undone"):
        roll_out(fly, wanted, Gates(inside=FAILED, outside=FAILED))
    assert_released(fly, before)


def test_a_large_release_is_told_in_counts_and_proves_every_machine() -> None:
    fly, lines = FakeFly(), list[str]()
    gates = Gates()
    roll_out(fly, large("1"))
    rollout = Rollout(
        fly,  # type: ignore[arg-type]  # the fake speaks what a rollout calls
        large("2"),
        gates,
        progress=lines.append,
        clock=lambda: 0.0,
        sleep=lambda _: None,
    )
    fly.never_without_traffic = True
    assert {machine.id for machine in rollout.run()} == set(fly.rows)
    assert_released(fly, large("2"))
    assert len(set(gates.asked)) == 61
    assert gates.asked[-1] == "outside"
    assert len(lines) < 20
    assert any("created 60" in line for line in lines)


@pytest.mark.parametrize("verdict", [FAILED, ERRORED])
def test_the_first_proof_of_a_large_release_that_says_no_stops_all_the_rest(
    verdict: GateVerdict,
) -> None:
    fly = FakeFly()
    roll_out(fly, large("1"))
    before = set(fly.rows)
    with pytest.raises((ReleaseUndoneError, RolloutStoppedError)):
        roll_out(fly, large("2"), Gates(inside=verdict))
    assert fly.serving() == before
    if verdict is FAILED:
        assert_released(fly, large("1"))
    roll_out(fly, large("2"))
    assert_released(fly, large("2"))


@pytest.mark.parametrize("die_at", [1, 61, 130, 200, 260, 330, 400, 470])
def test_a_large_release_killed_while_many_calls_are_under_way_is_finished_by_the_next(
    die_at: int,
) -> None:
    fly = FakeFly()
    roll_out(fly, large("1"))
    fly.calls, fly.die_at, fly.never_without_traffic = 0, die_at, True
    with pytest.raises(Killed, match="died"):
        roll_out(fly, large("2"))
    fly.die_at = None
    roll_out(fly, large("2"))
    assert_released(fly, large("2"))


def test_leases_that_are_taken_one_by_one_end_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fly, nonces = FakeFly(), dict[str, str | None]()
    monkeypatch.setattr(fly, "uncordon", lambda _, id_, *, nonce: nonces.update({id_: nonce}))
    steps = MachineSteps(
        fly,  # type: ignore[arg-type]  # the fake speaks what a rollout calls
        release("1"),
        lambda _: None,
        clock=lambda: 0.0,
        sleep=lambda _: None,
    )
    one, other = machine("m1", {}), machine("m2", {})
    with steps.leased(one):
        with steps.leased(other):
            steps.uncordon([one, other])
        assert nonces == {"m1": "nonce", "m2": "nonce"}
        steps.uncordon([one, other])
        assert nonces == {"m1": "nonce", "m2": None}
