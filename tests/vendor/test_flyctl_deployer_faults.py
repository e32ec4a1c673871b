"""Faults that a real flyctl can be led into, and what is made of what it leaves."""

import os
from collections.abc import Callable, Iterator

import pytest

from fly.flyctl_run import find_flyctl
from fly.gates import ReleaseUndoneError, RolloutStoppedError
from fly.release import in_group
from tests.sandbox.deployer_scene import Scene, app_on_version_1
from tests.sandbox.served import Served

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    program = Served(tmp_path_factory.mktemp("fly") / "home")
    program.start()
    yield program
    program.end()


@pytest.fixture
def scene(served: Served) -> Iterator[Scene]:
    flyctl = find_flyctl(os.environ.get("PATH"))
    if flyctl is None:
        pytest.skip("no flyctl on PATH; no registry has it")
    with app_on_version_1(served, "flyctl", flyctl) as made:
        yield made


def ended(scene: Scene) -> bool:
    """Tell whether flyctl itself believed that all was well."""
    return not [line for line in scene.said if line.startswith("flyctl deploy ended with")]


def test_a_create_that_took_effect_behind_a_503_is_made_again_by_flyctl_and_removed_by_us(
    scene: Scene,
) -> None:
    scene.fault("POST", "/machines$", "late_status", times=1, status=503)
    scene.run(scene.release("2", "bluegreen"))
    assert ended(scene)
    assert "flyctl deployed 3 machines of 3" in scene.said
    assert [line for line in scene.said if "one more than the settings say" in line]
    assert scene.whole == "2"


def test_old_machines_on_a_lost_host_serve_on_beside_the_new_until_we_remove_them(
    scene: Scene,
) -> None:
    old = {machine.id for machine in scene.api.machines.list(scene.app)}
    for machine in old:
        scene.control(f"/machines/{machine}/host", {"status": "unreachable"})
    scene.fault("DELETE", "/machines/[^/]+$", "status", times=2, status=409)  # as for its leases
    scene.run(scene.release("2", "bluegreen"))
    assert ended(scene)
    assert "flyctl deployed 2 machines of 4" in scene.said
    assert scene.whole == "2"
    assert not old & {machine.id for machine in in_group(scene.api.machines.list(scene.app))}


@pytest.mark.parametrize("strategy", ["rolling", "immediate"])
def test_a_release_whose_checks_do_not_pass_gives_way_to_the_bundle_before(
    scene: Scene, strategy: str
) -> None:
    with pytest.raises(ReleaseUndoneError, match="2 machines serve release 11") as told:
        scene.run(scene.release("2", strategy, sick=True))
    # rolling: it gave up at the first; immediate: it looked at nothing.
    assert ("flyctl deploy had ended with 1" in str(told.value)) is (strategy == "rolling")
    assert scene.whole == "1"


def interrupted_calls() -> dict[str, Callable[[Scene], None]]:
    """Return what is broken of a bluegreen deployment after it gave the new machines traffic."""
    return {
        "metadata": lambda s: s.fault("POST", "/metadata/fly_", "status", times=40, status=422),
        "cordon": lambda s: s.fault("POST", "/cordon$", "status", times=4, status=422),
        "stop": lambda s: s.fault("POST", "/stop$", "status", times=2, status=422),
    }


@pytest.mark.parametrize("call", sorted(interrupted_calls()))
def test_a_bluegreen_that_fails_after_it_moved_traffic_ends_with_one_release(
    scene: Scene, call: str
) -> None:
    interrupted_calls()[call](scene)
    try:
        scene.run(scene.release("2", "bluegreen"))
    except RolloutStoppedError as error:
        assert f"-a {scene.app}" in str(error)  # noqa: PT017 - either end is right here
        scene.clear_faults()
        scene.run(scene.release("2", "bluegreen"))
    assert scene.whole == "2"
