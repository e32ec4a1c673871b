import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.sandbox.drift_project import BELOW_LITELLM, CLEAN, FOUND, DriftProject
from tests.sandbox.engine.sandbox_program import wait_until
from tests.sandbox.ops_project import Project
from tests.sandbox.subnets import free_subnet
from tests.sandbox.tampering import APP, HOSTNAME, POSTGRES, REDIS, YAML, edited, file_replaced
from tests.sandbox.tamperings import AROUND, GONE, IN_A_MACHINE

pytestmark = pytest.mark.timeout(900)
INTERRUPTED = 130


@contextmanager
def deployed(folder: Path) -> Iterator[DriftProject]:
    """Deploy a gateway of two machines on the stub image, with a Postgres and a Redis."""
    made = DriftProject(Project.make(folder, subnet=free_subnet()))
    made.deploy(postgres={"kind": "single"}, fly={"hostnames": [HOSTNAME]})
    try:
        yield made
    finally:
        made.project.run("sandbox", "down")


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriftProject]:
    """One gateway for all tests that put everything back."""
    with deployed(tmp_path_factory.mktemp("drift")) as made:
        yield made


@pytest.fixture
def changed_for_good(tmp_path: Path) -> Iterator[DriftProject]:
    """A gateway of its own, for a test after which settings and volumes are others."""
    with deployed(tmp_path) as made:
        yield made


def test_there_are_forty_tamperings_and_those_that_no_preview_sees_say_why() -> None:
    every = (*IN_A_MACHINE, *AROUND, *GONE)
    assert len({tampering.what for tampering in every}) == len(every) >= 40
    blind = {tampering.what for tampering in every if tampering.blind}
    assert blind == {
        "LiteLLM's file edited on the disk",
        "the proof removed from the disk",
        "a machine of no release",
        "a machine beside Redis",
        "a secret nobody declared",
        "one public address more",
        "a forgotten volume",
    }


@pytest.mark.parametrize("number", range(len(AROUND)))
def test_a_tampering_is_found_by_both(drifting: DriftProject, number: int) -> None:
    before = drifting.before(APP, REDIS, POSTGRES)
    try:
        drifting.finds(AROUND[number])
    finally:
        before.restore()
    drifting.tells_no_marker()


def test_what_no_preview_sees_is_seen_by_none(drifting: DriftProject) -> None:
    before = drifting.before(APP, REDIS, POSTGRES)
    blind = [tampering for tampering in AROUND if tampering.blind]
    try:
        for tampering in blind:
            tampering.act(drifting.sandbox)
        found, preview = drifting.both()
    finally:
        before.restore()
    assert len(found["findings"]) == len(blind)
    assert preview.returncode == CLEAN, preview.stdout


def test_what_is_gone_is_found_and_everything_is_healed_but_a_volume(
    changed_for_good: DriftProject,
) -> None:
    drifting = changed_for_good
    for number, tampering in enumerate(GONE):
        drifting.finds(tampering, earlier=GONE[:number])
    for tampering in AROUND:
        tampering.act(drifting.sandbox)

    stopped = drifting.drift("--heal", "--yes", code=FOUND)  # the engine would stop at the volume
    verdicts = {(row["resource"], row["path"]): row["verdict"] for row in stopped["findings"]}
    assert verdicts["gateway-redis-volume", "size_gb"] == "drifted"
    unmanaged = [path for (_, path), verdict in verdicts.items() if verdict == "unmanaged"]
    assert [path.partition(".")[0] for path in unmanaged] == ["volumes"]

    adopted = drifting.drift("--adopt", "--yes")
    assert [row["path"] for row in adopted["adopted"] if row["path"] == "size_gb"]
    config = yaml.safe_load((drifting.project.root / "Pulumi.local.yaml").read_text())
    assert config["config"]["gateway:redis"]["machine"]["volume_gb"] == 11

    healed = drifting.drift("--heal", "--yes", code=FOUND)  # a volume may hold data
    assert [row["path"] for row in healed["findings"]] == unmanaged
    (volume,) = drifting.sandbox.volumes(APP)
    path = f"/apps/{APP}/volumes/{volume['id']}"
    assert drifting.sandbox.fly("DELETE", path).is_success
    found, preview = drifting.both()
    assert (found["clean"], preview.returncode) == (True, CLEAN), preview.stdout
    (told,) = drifting.project.answer("status", "local")["hostnames"]
    assert (told["hostname"], told["configured"]) == (HOSTNAME, False)
    assert {record["type"] for record in told["dns_records"]} == {"TXT", "A", "AAAA", "CNAME"}


def test_an_interrupted_heal_leaves_what_the_next_one_repairs(drifting: DriftProject) -> None:
    project = drifting.project
    edited(env__LITELLM_MODE="DEV")(drifting.sandbox)
    healing = subprocess.Popen(
        project.command("drift", "local", "--heal", "--yes"),
        cwd=project.root,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(
            lambda: healing.poll() is not None or len(drifting.sandbox.machines(APP)) > 2,
            120,
            "the rollout has begun",
        )
        healing.send_signal(signal.SIGINT)
        told, _ = healing.communicate(timeout=120)
    finally:
        healing.kill()
    assert healing.returncode == INTERRUPTED, told
    assert drifting.drift("--heal", "--yes", code=CLEAN)["findings"] == []


def test_what_a_setting_can_say_is_adopted_and_the_rest_is_told_why(
    drifting: DriftProject,
) -> None:
    before = drifting.before(APP)
    file = drifting.project.root / "Pulumi.local.yaml"
    kept = file.read_text()
    try:
        adopts(drifting, file, kept)
    finally:
        file.write_text(kept)
        before.restore()
    assert drifting.drift(*BELOW_LITELLM, code=CLEAN)["findings"] == []


def adopts(drifting: DriftProject, file: Path, kept: str) -> None:
    """Adopt four changes, of which one has no setting."""
    file.write_text(f"# our gateway\n{kept}")
    changes = (
        edited(guest__memory_mb=4096, env__LITELLM_LOG="DEBUG", metadata__owner="somebody"),
        file_replaced(YAML, "cooldown_time: 30", "cooldown_time: 31"),
    )
    for change in changes:
        change(drifting.sandbox)

    shown = drifting.project.run("drift", "local", "--adopt", stdin="n\n")
    assert shown.returncode == FOUND
    assert "+" in shown.stdout
    assert file.read_text() == f"# our gateway\n{kept}"
    adopted = drifting.drift("--adopt", "--yes", *BELOW_LITELLM, code=FOUND)

    paths = {row["path"].removeprefix("machines.iad-1.") for row in adopted["adopted"]}
    assert paths == {"guest.memory_mb", "env.LITELLM_LOG", f'files["{YAML}"]'}
    reasons = {row["path"]: row["why"] for row in adopted["not_adopted"]}
    assert reasons["machines.iad-1.metadata.owner"] == "no setting decides it alone"
    text = file.read_text()
    config = yaml.safe_load(text)["config"]
    assert text.startswith("# our gateway\n")
    assert config["gateway:fly"]["memory_mb"] == 4096
    assert config["gateway:server"]["environment"]["LITELLM_LOG"] == "DEBUG"
    assert config["gateway:router_settings"]["cooldown_time"] == 31
    left = drifting.drift(*BELOW_LITELLM, code=FOUND)["findings"]
    assert [row["path"] for row in left if row["verdict"] == "drifted"] == [
        "machines.iad-1.metadata.owner"
    ]
    assert {row["moved"] for row in left if row["verdict"] == "pending"} == {"program"}
