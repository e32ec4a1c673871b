"""What flyctl was seen to leave, and what Fly can do to a rollout, run through both deployers.

Every row ends with two machines of one release that serve, proven and held by nobody; or with an
error that says what is left and how to go on, after which one more run ends so. flyctl is
played by what a real one did (`played_flyctl`), against the stand-in's API over HTTP.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from fly.errors import FlyError
from fly.flyctl_run import InterruptedFlyctlError
from fly.gates import ReleaseUndoneError, RolloutStoppedError
from fly.release import in_group
from fly.replies import IpType
from tests.sandbox.deployer_scene import Scene, app_on_version_1
from tests.sandbox.served import Served

Act = Callable[[Scene], None]


def doubled(scene: Scene) -> None:
    wanted = scene.release("2", "bluegreen")
    if scene.by == "machines_api":
        scene.fault("POST", "/machines$", "late_status", times=2, status=503)
    scene.run(wanted, "doubled")


def no_addresses(scene: Scene) -> None:
    for address in scene.api.ips.list(scene.app):
        scene.api.ips.delete(scene.app, address.address)
    scene.run(scene.release("2"))


def first_create_cut(scene: Scene) -> None:
    for machine in scene.api.machines.list(scene.app):
        scene.api.machines.delete(scene.app, machine.id)
    scene.applied = None
    wanted = scene.release("2")
    if scene.by == "machines_api":
        scene.killed_at(2, wanted)
    else:
        with pytest.raises(InterruptedFlyctlError, match="SIGTERM"):
            scene.run(wanted, "cut")
    left = in_group(scene.api.machines.list(scene.app))
    assert len(left) == 1
    scene.control(f"/apps/{scene.app}/lease", {"machine": left[0].id, "seconds": 2})
    scene.run(wanted)
    assert [line for line in scene.said if "leased by another-client" in line]


def aborted_after_uncordon(scene: Scene) -> None:
    wanted = scene.release("2", "bluegreen")
    if scene.by == "machines_api":
        scene.killed_at(10, wanted)  # two leases, creates, uncordons; the first of the old retired
    scene.run(wanted, "aborted after uncordon")


def old_machines_that_will_not_go(scene: Scene) -> None:
    for machine in scene.api.machines.list(scene.app):
        scene.control(f"/machines/{machine.id}/host", {"status": "unreachable"})
    scene.fault("DELETE", "/machines/[^/]+$", "status", status=422, times=20)
    scene.run(scene.release("2", "bluegreen"), "host lost")


def failing_check_on_the_first(scene: Scene) -> None:
    scene.run(scene.release("2", sick=True), "failed check on the first")


def canary_left(scene: Scene) -> None:
    config = scene.release("0").release.config
    metadata = {**config["metadata"], "fly_canary": "true", "fly_release_id": "r0"}
    body = {"region": "iad", "config": {"image": config["image"], "metadata": metadata}}
    scene.api.machines.create(scene.app, body, launch_id=uuid4().hex)
    scene.run(scene.release("2"), "canary left")


def immediate_that_proves_nothing(scene: Scene) -> None:
    scene.run(scene.release("2", "immediate", sick=True))


@dataclass(frozen=True)
class Row:
    """A fault; by deployer, which version serves after it and what the error says, if any."""

    act: Act
    serves: dict[str, str]
    says: dict[str, str] = field(default_factory=dict)


BOTH = ("machines_api", "flyctl")
NEW, OLD = dict.fromkeys(BOTH, "2"), dict.fromkeys(BOTH, "1")
UNDONE = dict.fromkeys(BOTH, "was undone")
TABLE = (
    Row(doubled, NEW),
    Row(
        no_addresses,
        {"machines_api": "1"},
        {"machines_api": "was undone", "flyctl": "has no address, so nobody reaches it"},
    ),
    Row(first_create_cut, NEW),
    Row(aborted_after_uncordon, NEW),
    Row(
        old_machines_that_will_not_go,
        {},
        {
            "machines_api": r"DELETE /apps/\S+/machines/\w+ = HTTP 422",
            "flyctl": r"2 machines could not be removed: .*\n.*fly machine destroy --force \w+ -a",
        },
    ),
    Row(failing_check_on_the_first, OLD, UNDONE),
    Row(canary_left, {"machines_api": "2", "flyctl": "1"}, {"flyctl": "was undone"}),
    Row(immediate_that_proves_nothing, OLD, UNDONE),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    program = Served(tmp_path_factory.mktemp("fly") / "home")
    program.start()
    yield program
    program.end()


@pytest.fixture
def scene(served: Served, request: pytest.FixtureRequest) -> Iterator[Scene]:
    with app_on_version_1(served, request.param) as made:
        yield made


@pytest.mark.parametrize("scene", BOTH, indirect=True)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.act.__name__)
def test_each_fault_ends_clean_or_says_what_is_left(scene: Scene, row: Row) -> None:
    says = row.says.get(scene.by)
    if says is None:
        row.act(scene)
    else:
        with pytest.raises((ReleaseUndoneError, RolloutStoppedError, FlyError), match=says):
            row.act(scene)
    if scene.by in row.serves:
        assert scene.whole == row.serves[scene.by]
    scene.clear_faults()
    if not scene.api.ips.list(scene.app):
        scene.api.ips.create(scene.app, IpType.V6)
    scene.run(scene.release("3"))
    assert scene.whole == "3"
