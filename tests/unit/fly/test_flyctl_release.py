"""A release that flyctl deploys: what it may leave is put right, or named; who serves is proven.

Invariants: a release that is not proven never serves alone afterwards, and whatever flyctl's exit
code says, the machines decide.
"""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fly.canonical import canonical
from fly.flyctl_deploy import FlyctlRefusedError, deploy
from fly.flyctl_deployment import Deployment, Outcome
from fly.flyctl_release import FlyctlRelease
from fly.flyctl_run import InterruptedFlyctlError
from fly.gates import GateStatus, GateVerdict, ReleaseUndoneError, RolloutStoppedError
from fly.machine_config import machine_config
from fly.migration import Migration
from fly.release import GROUP, Phase, Release, phase_of
from fly.replies import ImageRef, Machine
from fly.rollout import Rollout
from tests.unit.fly.fake_fly import VirtualTime
from tests.unit.fly.fly_in_memory import FlyInMemory
from tests.unit.fly.played_flyctl import PlayedFlyctl

TOKEN = "fo1_" + "token-marker"
ENVIRON = {"FLY_API_TOKEN": TOKEN, "PATH": "/bin"}
PASSED = GateVerdict(GateStatus.PASSED, "2 of 2 fallbacks proven")
FAILED = GateVerdict(GateStatus.FAILED, "1 of 2 fallbacks proven")
ERRORED = GateVerdict(GateStatus.ERRORED, "exec answered 502")
IMAGE = "registry.fly.io/stub@sha256:" + "a" * 64
TOML = """
app = "acme"
primary_region = "iad"
[deploy]
strategy = "{strategy}"
[env]
{env}
[processes]
app = "--config /app/config.yaml"
[[files]]
guest_path = "/app/config.yaml"
local_path = "config.yaml"
processes = ["app"]
[[vm]]
size = "shared-cpu-1x"
"""


def deployment(
    version: str = "1", *, strategy: str = "rolling", sick: bool = False, **more: Any
) -> Deployment:
    """Return a release of this version; a `sick` one has checks that never pass."""
    env = {"VERSION": version} | ({"SICK": "1"} if sick else {})
    lines = "\n".join(f'{key} = "{value}"' for key, value in env.items())
    toml = TOML.format(strategy=strategy, env=lines)
    files = {"config.yaml": b"model_list: []\n"}
    config = machine_config(tomllib.loads(toml), GROUP, image=IMAGE, files=files)
    known: dict[str, Any] = {"counts": {"iad": 2}, "secrets_version": 1} | more
    release = Release(
        app="acme",
        config=canonical(config),
        digest=f"{version:0>64}",
        primary_region="iad",
        strategy=strategy,
        wait_timeout_s=0,
        **known,
    )
    return Deployment(release, toml)


class Gates:
    """Answers what it was told to, and keeps where it was asked and what had traffic then."""

    def __init__(self, fly: FlyInMemory, inside: GateVerdict, outside: GateVerdict) -> None:
        self._fly, self._inside, self._outside = fly, inside, outside
        self.asked: list[str] = []

    def inside(self, machine: Machine) -> GateVerdict:
        self.asked.append("inside")
        return self._inside

    def outside(self) -> GateVerdict:
        self.asked.append("outside " + ",".join(sorted(set(self._fly.serving.values()))))
        return self._outside


@dataclass
class Story:
    """An app, flyctl, and what was proven on it last, as the engine would keep it."""

    fly: FlyInMemory = field(default_factory=FlyInMemory)
    applied: Deployment | None = None
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.flyctl = PlayedFlyctl(self.fly.api, "acme")

    def command(self, wanted: Deployment) -> Outcome:
        return deploy(self.fly.api, wanted, self.flyctl, ENVIRON, progress=self.said.append)

    def judge(
        self, wanted: Deployment, inside: GateVerdict = PASSED, outside: GateVerdict = PASSED
    ) -> None:
        """Do what the Release does, also where no Command ran before it."""
        gates = Gates(self.fly, inside, outside)
        try:
            FlyctlRelease(
                self.fly.api,
                wanted,
                gates,
                self.command,
                previous=self.applied,
                progress=self.said.append,
                clock=self.time.clock,
                sleep=self.time.sleep,
            ).run()
        finally:
            self.asked = gates.asked
        self.applied = wanted

    def up(self, wanted: Deployment, *endings: str, **verdicts: GateVerdict) -> None:
        """Do what an `up` does when the release changed: the Command, then the Release."""
        self.flyctl.endings = list(endings)
        self.command(wanted)
        self.judge(wanted, **verdicts)

    def by_api(self, wanted: Deployment) -> None:
        """Do what an `up` does with the other deployer."""
        previous = self.applied.release.config if self.applied else None
        gates = Gates(self.fly, PASSED, PASSED)
        Rollout(self.fly.api, wanted.release, gates, previous=previous).run()
        self.applied = replace(wanted, toml="")

    @property
    def whole(self) -> dict[str, int]:
        """How many machines there are of each version; all must serve, proven, with fresh notes."""
        counts: dict[str, int] = {}
        for machine in self.fly.rows.values():
            assert phase_of(machine) is Phase.SERVING, machine.metadata
            assert not machine.cordoned
            version = machine.config["env"]["VERSION"]
            counts[version] = counts.get(version, 0) + 1
        return counts


@pytest.fixture
def story() -> Iterator[Story]:
    """An app on version 1, on two machines."""
    story = Story()
    story.up(deployment("1"))
    assert story.whole == {"1": 2}
    yield story
    assert not [line for line in story.said if TOKEN in line]


def test_a_first_release_gets_its_other_machines_from_us_and_is_proven_inside_and_outside() -> None:
    story = Story()
    story.up(deployment("1", counts={"iad": 2, "lhr": 1}))
    assert sorted(m.region for m in story.fly.rows.values()) == ["iad", "iad", "lhr"]
    assert story.whole == {"1": 3}
    assert story.asked == ["inside", "outside 1"]
    releases = {m.metadata["fly_release_id"] for m in story.fly.rows.values()}
    assert len(releases) == 1


@pytest.mark.parametrize("strategy", ["rolling", "bluegreen", "immediate"])
def test_an_update_is_judged_and_proven(story: Story, strategy: str) -> None:
    story.up(deployment("2", strategy=strategy))
    assert story.whole == {"2": 2}
    assert story.asked == ["inside", "outside 2"]
    assert story.flyctl.deployments == 2


def test_nothing_is_deployed_again_that_is_there_and_only_the_proof_runs(story: Story) -> None:
    assert story.command(deployment("1")) == Outcome(None, "0.4.87")
    story.judge(deployment("1"))
    assert (story.flyctl.deployments, story.asked) == (1, ["outside 1"])


FAULTS_THAT_END_WELL = ["doubled", "host lost", "aborted after uncordon"]


@pytest.mark.parametrize("ending", FAULTS_THAT_END_WELL)
def test_what_flyctl_left_too_much_is_removed_once_the_release_is_proven(
    story: Story, ending: str
) -> None:
    story.up(deployment("2", strategy="bluegreen"), ending)
    assert story.whole == {"2": 2}
    assert story.asked == ["inside", "outside 2"]


@pytest.mark.parametrize("ending", FAULTS_THAT_END_WELL)
def test_where_both_serve_and_the_proof_fails_the_release_before_serves_alone_again(
    story: Story, ending: str
) -> None:
    with pytest.raises(ReleaseUndoneError, match="2 machines serve release 000000000000 as before"):
        story.up(deployment("2", strategy="bluegreen"), ending, outside=FAILED)
    assert story.whole == {"1": 2}


@pytest.mark.parametrize("ending", ["failed check on the first", "canary left", "nothing"])
def test_a_deployment_that_flyctl_gave_up_is_undone_or_tried_again(
    story: Story, ending: str
) -> None:
    with suppress(ReleaseUndoneError):
        story.up(deployment("2"), ending)
    assert len(story.whole) == 1, story.whole
    assert sum(story.whole.values()) == 2
    story.up(deployment("2"))
    assert story.whole == {"2": 2}


def test_a_failed_check_on_the_first_machine_names_the_exit_code_and_deploys_the_bundle_before(
    story: Story,
) -> None:
    with pytest.raises(
        ReleaseUndoneError, match=r"1 of 2 machines have release 0+2? ?\(fly"
    ) as told:
        story.up(deployment("2"), "failed check on the first")
    assert "flyctl deploy had ended with 1" in str(told.value)
    assert story.whole == {"1": 2}
    assert b'VERSION = "1"' in story.flyctl.files["fly.toml"]
    assert story.flyctl.files["config.yaml"] == b"model_list: []\n"


@pytest.mark.parametrize("strategy", ["rolling", "immediate"])
@pytest.mark.parametrize("gate", ["inside", "outside"])
def test_an_unproven_release_gives_way_to_the_bundle_before(
    story: Story, strategy: str, gate: str
) -> None:
    with pytest.raises(ReleaseUndoneError, match="failed: 1 of 2 fallbacks") as told:
        story.up(deployment("2", strategy=strategy), **{gate: FAILED})
    assert story.whole == {"1": 2}
    assert story.flyctl.deployments == 3, told.value
    story.up(deployment("2", strategy=strategy))
    assert story.whole == {"2": 2}


def test_an_immediate_release_whose_checks_never_pass_proves_nothing_and_is_undone(
    story: Story,
) -> None:
    with pytest.raises(ReleaseUndoneError, match="http critical: refused"):
        story.up(deployment("2", strategy="immediate", sick=True))
    assert story.whole == {"1": 2}
    assert story.asked == []


def test_where_flyctl_cannot_go_back_the_machines_are_restored_over_the_api(story: Story) -> None:
    story.command(deployment("2"))
    story.flyctl.version = "0.3.0"
    with pytest.raises(ReleaseUndoneError, match="as before"):
        story.judge(deployment("2"), outside=FAILED)
    assert story.whole == {"1": 2}
    assert any(line.startswith("restoring release") for line in story.said)


def test_a_first_release_that_is_not_proven_leaves_no_machine_and_says_what_is_left() -> None:
    story = Story()
    with pytest.raises(ReleaseUndoneError, match="none serve; the app keeps its addresses"):
        story.up(deployment("1"), inside=FAILED)
    assert story.fly.rows == {}


def test_a_checker_that_broke_undoes_nothing_and_the_next_run_only_proves(story: Story) -> None:
    with pytest.raises(RolloutStoppedError, match="could not be carried out: exec answered 502"):
        story.up(deployment("2"), inside=ERRORED)
    assert set(story.fly.serving.values()) == {"2"}
    story.judge(deployment("2"))
    assert (story.whole, story.flyctl.deployments) == ({"2": 2}, 2)


def test_one_tag_that_became_two_images_is_no_release(story: Story) -> None:
    story.command(deployment("2"))
    moved = next(iter(story.fly.rows))
    image = ImageRef(digest="sha256:" + "b" * 64)
    story.fly.rows[moved] = replace(story.fly.rows[moved], image=image)
    with pytest.raises(ReleaseUndoneError, match=r"moved meanwhile: .* runs sha256:bbbbbbbbbbbb"):
        story.judge(deployment("2"))
    assert story.whole == {"1": 2}


def test_where_the_release_before_does_not_come_up_again_everything_there_is_is_named(
    story: Story,
) -> None:
    story.applied = deployment("1", sick=True)
    with pytest.raises(RolloutStoppedError, match="undoing it did not succeed either") as told:
        story.up(deployment("2"), outside=FAILED)
    for machine in story.fly.rows:
        assert f"fly machine destroy --force {machine} -a acme" in str(told.value)
    assert "run `pulumi up`: it goes on from here" in str(told.value)


def test_an_app_without_addresses_is_told_before_a_proof_from_outside_could_fail(
    story: Story,
) -> None:
    story.fly.addresses = []
    with pytest.raises(RolloutStoppedError, match="app acme has no address") as told:
        story.up(deployment("2"))
    assert "fly ips list -a acme" in str(told.value)
    assert set(story.fly.serving.values()) == {"2"}


def test_a_machine_that_cannot_be_removed_is_named_with_the_command_and_goes_next_time(
    story: Story,
) -> None:
    lost = next(iter(story.fly.rows))
    story.fly.stuck.add(lost)
    story.fly.rows[lost] = replace(story.fly.rows[lost], host_status="unreachable")
    with pytest.raises(RolloutStoppedError, match=f"fly machine destroy --force {lost}") as told:
        story.up(deployment("2", strategy="bluegreen"), "host lost")
    assert "its host unreachable" in str(told.value)
    assert set(story.fly.serving.values()) == {"2"}, "the old one is cordoned meanwhile"
    assert phase_of(story.fly.rows[lost]) is Phase.REPLACED
    story.fly.stuck.clear()
    story.judge(deployment("2", strategy="bluegreen"))
    assert story.whole == {"2": 2}


@pytest.mark.parametrize("ending", ["cut", "killed before uncordon"])
@pytest.mark.parametrize("first", [True, False])
def test_an_interrupted_deployment_is_gone_on_with_after_its_leases(
    ending: str, first: bool
) -> None:
    story = Story()
    if not first:
        story.up(deployment("1"))
    wanted = deployment("2", strategy="bluegreen")
    story.flyctl.endings = [ending]
    with pytest.raises(InterruptedFlyctlError, match=r"interrupted|killed"):
        story.command(wanted)
    left = set(story.fly.rows)
    story.fly.leased |= left
    story.up(wanted)
    assert story.whole == {"2": 2}
    assert set(story.fly.waited_for) == left
    if ending == "killed before uncordon":
        # What had no traffic is gone before the next flyctl would replace it by as many again.
        assert story.flyctl.found[-1] == (0 if first else 2)


@pytest.mark.parametrize("made_by_us", [True, False])
def test_a_run_that_died_before_it_noted_anything_is_not_taken_for_proven(
    story: Story, *, made_by_us: bool
) -> None:
    if made_by_us:
        story.by_api(deployment("1", secrets_version=2))
    story.flyctl.endings = ["killed after its updates"] * 2
    for _ in range(2):
        with pytest.raises(InterruptedFlyctlError, match="killed"):
            story.command(deployment("2"))
        assert {phase_of(machine) for machine in story.fly.rows.values()} == {Phase.NEW}
        assert {m.metadata["gateway_phase"] for m in story.fly.rows.values()} <= {"serving", "new"}
    story.flyctl.endings = ["nothing"]
    story.command(deployment("2"))
    assert {phase_of(machine) for machine in story.fly.rows.values()} == {Phase.NEW}
    story.up(deployment("2"))
    assert story.whole == {"2": 2}


def test_what_was_changed_by_hand_is_healed_by_flyctl_and_what_is_missing_without_it(
    story: Story,
) -> None:
    edited, gone = list(story.fly.rows)
    story.fly.delete("acme", gone)
    story.judge(deployment("1"))
    assert (story.whole, story.flyctl.deployments) == ({"1": 2}, 1)
    config = dict(story.fly.rows[edited].config)
    story.fly.rows[edited] = replace(
        story.fly.rows[edited], config={**config, "env": {"VERSION": "by hand"}}
    )
    story.judge(deployment("1"))
    assert (story.whole, story.flyctl.deployments) == ({"1": 2}, 2)


def test_new_secrets_restart_every_machine(story: Story) -> None:
    story.up(deployment("1", secrets_version=2))
    assert story.whole == {"1": 2}
    assert story.flyctl.deployments == 2
    assert {m.metadata["gateway_secrets_version"] for m in story.fly.rows.values()} == {"2"}


def test_other_numbers_and_regions_restart_nobody_that_stays(story: Story) -> None:
    story.up(deployment("1", counts={"iad": 1, "lhr": 1}))
    assert sorted(m.region for m in story.fly.rows.values()) == ["iad", "lhr"]
    assert (story.whole, story.flyctl.deployments, story.fly.restarts) == ({"1": 2}, 1, [])


def test_the_deployer_changes_both_ways_without_a_second_set_of_machines(story: Story) -> None:
    machines = set(story.fly.rows)

    story.by_api(deployment("1"))
    assert set(story.fly.rows) == machines
    story.by_api(deployment("2"))
    assert story.whole == {"2": 2}
    story.up(deployment("2"))
    assert (story.whole, story.flyctl.deployments) == ({"2": 2}, 1)
    story.applied = replace(deployment("2"), toml="")
    with pytest.raises(ReleaseUndoneError, match="as before"):
        story.up(deployment("3"), outside=FAILED)
    assert story.whole == {"2": 2}
    story.up(deployment("3"))
    story.by_api(deployment("3"))
    assert story.whole == {"3": 2}


def test_nothing_is_touched_by_a_flyctl_that_refuses_or_that_nobody_looked_at(story: Story) -> None:
    before = dict(story.fly.rows)
    story.flyctl.refuses = f"unsupported key; {TOKEN}"
    with pytest.raises(FlyctlRefusedError, match=r"flyctl\.validate") as told:
        story.command(deployment("2"))
    assert "unsupported key" in str(told.value)
    assert TOKEN not in str(told.value)
    assert "\x1b" not in str(told.value)
    story.flyctl.version = "0.5.1"
    with pytest.raises(FlyctlRefusedError, match=r"fly\.io/docs/flyctl/install"):
        story.command(deployment("2"))
    assert story.fly.rows == before
    with pytest.raises(FlyctlRefusedError, match=r"0\.5\.1"):
        story.judge(deployment("2"))


def test_a_deployment_and_its_outcome_survive_the_way_between_processes() -> None:
    sent = deployment("1")
    assert Deployment.parse(sent.as_json(), holder="gateway") == sent
    sent = replace(sent, migration=Migration(["--migrate"], {"A": "1"}, ["/bin/sh", "-c"]))
    assert Deployment.parse(sent.as_json(), holder="gateway") == sent
    assert Outcome.parse(Outcome(1, "0.4.87").as_json()) == Outcome(1, "0.4.87")
