import copy
from collections.abc import Callable
from typing import Any

import pytest

from components.actual import Actual, Reality, Running, Unmanaged
from components.desired import Desired, desired
from components.recorded import SECRET, Recorded, read_export
from fly.replies import ImageRef, Machine
from ops.drift_compare import Comparison
from ops.drift_findings import Finding, Layer, Moved, Verdict
from ops.drift_heal import plan_for
from ops.drift_settings import wishes
from stacks.settings import Settings
from tests.unit.components.recorded_stack import export_of
from tests.unit.components.test_bundle import some_settings
from tests.unit.ops.test_drift_report import report

YAML = "/app/litellm_config.yaml"
MARKER = "planted-marker-7f31"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return some_settings(postgres={"kind": "single"})


@pytest.fixture(scope="module")
def recorded(settings: Settings) -> tuple[Recorded, ...]:
    return read_export(export_of(settings))


@pytest.fixture(scope="module")
def wanted(settings: Settings, recorded: tuple[Recorded, ...]) -> tuple[Desired, ...]:
    return desired(settings, recorded)


Change = Callable[[dict[str, Any]], None]
Compare = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def compare(recorded: tuple[Recorded, ...], wanted: tuple[Desired, ...]) -> Compare:
    """Compare after a change of what is there, of one resource."""

    def act(
        name: str = "", change: Change | None = None, *, gone: bool = False, **more: Any
    ) -> tuple[Finding, ...]:
        resources = []
        for each in recorded:
            inputs = copy.deepcopy(dict(each.inputs))
            if each.name == name and change is not None:
                change(inputs)
            resources.append(Actual(each.name, None if gone and each.name == name else inputs))
        reality = Reality(tuple(resources), **more)
        return Comparison("dev", recorded, reality, wanted).findings()

    return act


def in_slot(slot: str, *path: str, to: Any) -> Change:
    def change(inputs: dict[str, Any]) -> None:
        at = inputs["machines"][slot]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to

    return change


def test_an_untouched_stack_has_no_finding(compare: Compare) -> None:
    assert compare() == ()


def test_a_property_of_one_machine_is_found_where_it_is(compare: Compare) -> None:
    change = in_slot("iad-2", "env", "LITELLM_LOG", to="DEBUG")
    (found,) = compare("gateway-release", change)
    assert (found.layer, found.verdict, found.moved) == (
        Layer.INFRASTRUCTURE,
        Verdict.DRIFTED,
        Moved.REALITY,
    )
    assert found.path == "machines.iad-2.env.LITELLM_LOG"
    assert (found.recorded, found.actual, found.desired) == ('"INFO"', '"DEBUG"', '"INFO"')
    assert found.remedy == "gateway deploy dev"


def test_what_is_the_same_on_every_machine_is_told_once(compare: Compare) -> None:
    def change(inputs: dict[str, Any]) -> None:
        for slot in inputs["machines"]:
            in_slot(slot, "guest", "memory_mb", to=512)(inputs)

    (found,) = compare("gateway-release", change)
    assert found.path == "machines.*.guest.memory_mb"


def test_a_machine_that_is_gone_is_missing_and_one_too_many_unmanaged(compare: Compare) -> None:
    (gone,) = compare("gateway-release", lambda inputs: inputs["machines"].pop("lhr-1"))
    assert (gone.path, gone.verdict, gone.actual) == ("machines.lhr-1", Verdict.MISSING, None)

    def add(inputs: dict[str, Any]) -> None:
        inputs["machines"]["lhr-2"] = inputs["machines"]["lhr-1"]

    (more,) = compare("gateway-release", add)
    assert (more.path, more.verdict, more.recorded) == ("machines.lhr-2", Verdict.UNMANAGED, None)


def test_a_file_is_told_by_its_digest_and_by_what_changed_in_it(compare: Compare) -> None:
    def change(inputs: dict[str, Any]) -> None:
        files = inputs["machines"]["iad-1"]["files"]
        files[YAML] = files[YAML].replace("cooldown_time: 30", f"cooldown_time: 31 # {MARKER}")

    (found,) = compare("gateway-release", change)
    assert found.layer is Layer.FILES
    assert found.path == f'machines.iad-1.files["{YAML}"]'
    assert (found.actual or "").startswith("sha256:")
    assert any("cooldown_time" in detail and "31" in detail for detail in found.details)
    assert MARKER not in repr(found)


def test_a_secret_that_moved_is_told_by_its_digests(compare: Compare) -> None:
    def change(inputs: dict[str, Any]) -> None:
        inputs["names"]["XAI_API_KEY"] = "changed outside: digest 0123"
        del inputs["names"]["OPENAI_API_KEY"]

    missing, drifted = sorted(compare("gateway-secrets", change), key=lambda f: f.path)
    assert (missing.path, missing.verdict) == ("names.OPENAI_API_KEY", Verdict.MISSING)
    assert (drifted.path, drifted.verdict) == ("names.XAI_API_KEY", Verdict.DRIFTED)
    assert {found.layer for found in (missing, drifted)} == {Layer.SECRETS}
    assert (drifted.recorded, drifted.actual) == ("digest digest-of-XAI_API_KEY", "digest 0123")


def test_a_resource_that_is_gone_is_missing(compare: Compare) -> None:
    (found,) = compare("gateway-v6", gone=True)
    assert (found.resource, found.path, found.verdict) == ("gateway-v6", "", Verdict.MISSING)
    (volume,) = compare("gateway-postgres-volume", gone=True)
    assert "EMPTY" in volume.details[0]


def test_what_could_not_be_looked_at_has_not_moved(
    recorded: tuple[Recorded, ...], wanted: tuple[Desired, ...]
) -> None:
    assert Comparison("dev", recorded, Reality(), wanted).findings() == ()


def test_a_setting_that_changed_is_pending_and_both_together_is_said(
    recorded: tuple[Recorded, ...],
) -> None:
    fly = {
        "organization": "acme",
        "app": "acme-gateway-dev",
        "regions": {"iad": 2, "lhr": 1},
        "primary": "lhr",
        "memory_mb": 4096,
    }
    other = desired(some_settings(postgres={"kind": "single"}, fly=fly), recorded)
    resources = [Actual(each.name, dict(each.inputs)) for each in recorded]
    found = Comparison("dev", recorded, Reality(tuple(resources)), other).findings()
    (memory,) = [each for each in found if "memory_mb" in each.path]
    assert (memory.path, memory.verdict, memory.moved) == (
        "machines.*.guest.memory_mb",
        Verdict.PENDING,
        Moved.PROGRAM,
    )
    assert {each.verdict for each in found} == {Verdict.PENDING}

    moved = copy.deepcopy(resources)
    release = next(each for each in moved if each.name == "gateway-release")
    in_slot("iad-1", "guest", "memory_mb", to=512)(dict(release.inputs or {}))
    both = Comparison("dev", recorded, Reality(tuple(moved)), other).findings()
    (one,) = [each for each in both if each.path == "machines.iad-1.guest.memory_mb"]
    assert (one.verdict, one.moved, one.actual) == (Verdict.DRIFTED, Moved.BOTH, "512")


def test_where_the_settings_followed_reality_nothing_is_left(
    recorded: tuple[Recorded, ...], wanted: tuple[Desired, ...]
) -> None:
    def followed(inputs: dict[str, Any]) -> dict[str, Any]:
        inputs = copy.deepcopy(inputs)
        if "machines" in inputs:
            in_slot("iad-1", "guest", "memory_mb", to=512)(inputs)
        return inputs

    resources = tuple(Actual(each.name, followed(dict(each.inputs))) for each in recorded)
    program = tuple(Desired(e.name, e.kind, followed(dict(e.inputs))) for e in wanted)
    assert Comparison("dev", recorded, Reality(resources), program).findings() == ()


def test_a_resource_that_the_program_no_longer_has_or_has_now_is_pending(
    recorded: tuple[Recorded, ...], wanted: tuple[Desired, ...]
) -> None:
    resources = tuple(Actual(each.name, each.inputs) for each in recorded)
    less = [each for each in wanted if each.name != "gateway-v6"]
    (gone,) = Comparison("dev", recorded, Reality(resources), less).findings()
    assert (gone.resource, gone.verdict, gone.desired) == ("gateway-v6", Verdict.PENDING, None)
    fewer = [each for each in recorded if each.name != "gateway-v6"]
    (new,) = Comparison("dev", fewer, Reality(resources), wanted).findings()
    assert (new.resource, new.verdict, new.actual) == ("gateway-v6", Verdict.PENDING, None)


@pytest.mark.parametrize(
    ("kind", "path", "layer", "remedy"),
    [
        ("machine", 'machines["1"]', Layer.INFRASTRUCTURE, "gateway drift dev --heal"),
        ("address", 'addresses["1"]', Layer.INFRASTRUCTURE, "gateway drift dev --heal"),
        ("secret", 'secrets["1"]', Layer.SECRETS, "gateway drift dev --heal"),
        ("volume", 'volumes["1"]', Layer.INFRASTRUCTURE, "fly volumes destroy 1 -a acme"),
    ],
)
def test_what_nobody_declared_is_unmanaged(
    compare: Compare, kind: str, path: str, layer: Layer, remedy: str
) -> None:
    (found,) = compare(unmanaged=(Unmanaged("acme", kind, "1", "told"),))
    assert (found.path, found.layer, found.verdict) == (path, layer, Verdict.UNMANAGED)
    assert (found.resource, found.remedy) == ("app acme", remedy)


def test_an_image_that_was_pushed_anew_under_its_tag_is_found(
    compare: Compare, recorded: tuple[Recorded, ...]
) -> None:
    release = next(each for each in recorded if each.kind == "Release")
    config = release.inputs["machines"]["iad-1"]

    def running(digest: str) -> Running:
        image = ImageRef(digest=digest)
        machine = Machine("m1", "n", "started", "iad", "i1", config, image)
        return Running(release.name, "acme", "iad-1", machine)

    same = running(str(release.outputs["image_digest"]))
    assert compare(running=(same,)) == ()
    other = "sha256:" + "cd" * 32
    (found,) = compare(running=(running(other),))
    assert (found.path, found.actual) == ("machines.iad-1.image_ref.digest", other)
    assert "gateway:image.digest" in found.remedy


def test_a_volume_of_another_size_stops_the_heal_before_the_engine(compare: Compare) -> None:
    (found,) = compare("gateway-postgres-volume", lambda inputs: inputs.update(size_gb=99))
    assert found.remedy == (
        "pulumi config set -s dev --path gateway:postgres.machine.volume_gb --type int 99"
    )
    moved = compare("gateway-release", in_slot("iad-1", "guest", "memory_mb", to=512))
    plan = plan_for(report(found, *moved))
    assert (plan.deploy, plan.by_hand, plan.blocked) == (moved, (found,), True)
    assert not plan_for(report(*moved)).blocked
    (shorter,) = compare("gateway-postgres-volume", lambda inputs: inputs.update(size_gb=1))
    assert shorter.remedy.startswith("fly volumes extend vol_1 --size 10 ")


def test_nothing_of_a_secret_reaches_a_finding(compare: Compare) -> None:
    def change(inputs: dict[str, Any]) -> None:
        first = inputs["machines"]["iad-1"]
        first["env"] |= {"SOMETHING": MARKER, "XAI_API_KEY": MARKER}
        first["files"]["/app/key.txt"] = MARKER
        first["init"] = {"exec": [f"sk-{MARKER}-0123456789"]}
        inputs["gate_key"] = MARKER

    found = compare("gateway-release", change)
    assert len(found) >= 4
    shown = repr([each.as_json() for each in found])
    assert MARKER not in shown
    assert SECRET.value not in shown


def test_what_fly_let_a_cluster_become_is_kept_by_a_setting_and_the_rest_is_for_people() -> None:
    settings = some_settings(postgres={"kind": "managed"})
    recorded = read_export(export_of(settings))
    name = "gateway-postgres-cluster"

    def told(wanted: Settings, **there: Any) -> tuple[Finding, ...]:
        resources = tuple(
            Actual(each.name, {**each.inputs, **(there if each.name == name else {})})
            for each in recorded
        )
        found = Comparison("dev", recorded, Reality(resources), desired(wanted, recorded))
        return tuple(each for each in found.findings() if each.resource == name)

    (grown,) = told(settings, disk_size_gb=20)
    setting = "gateway:postgres.managed.disk_size_gb"
    assert grown.remedy == f"pulumi config set -s dev --path {setting} --type int 20"
    (wish,) = wishes(settings, grown, (grown,), recorded)
    assert (wish.spelled, wish.value) == ("postgres.managed.disk_size_gb", 20)
    larger = some_settings(postgres={"kind": "managed", "managed": {"plan": "scale"}})
    (pending,) = told(larger)
    assert pending.remedy.startswith("# in Fly's dashboard, cluster ")
    assert pending.remedy.endswith(": plan = scale")
