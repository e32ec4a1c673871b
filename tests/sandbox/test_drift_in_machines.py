from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sandbox.drift_project import BELOW_LITELLM, CLEAN, FOUND, PREVIEW, DriftProject
from tests.sandbox.engine.sandbox_program import shipped_file, wait_until
from tests.sandbox.ops_project import Project
from tests.sandbox.subnets import free_subnet
from tests.sandbox.tampering import APP, YAML, first, started
from tests.sandbox.tamperings import IN_A_MACHINE

pytestmark = pytest.mark.timeout(900)
REPEATED = 5  # looks after each of four things that are no drift


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriftProject]:
    """A gateway of two machines on the stub image, with a Redis beside it."""
    made = DriftProject(Project.make(tmp_path_factory.mktemp("drift"), subnet=free_subnet()))
    made.deploy()
    yield made
    made.project.run("sandbox", "down")


def test_what_is_no_drift_is_never_told(drifting: DriftProject) -> None:
    sandbox = drifting.sandbox
    machine = first(sandbox, APP)["id"]
    path = f"/apps/{APP}/machines/{machine}"

    def look(times: int = REPEATED) -> None:
        for _ in range(times):
            found = drifting.drift(code=CLEAN)
            assert (found["findings"], found["clean"]) == ([], True)

    assert sandbox.fly("POST", f"{path}/restart").is_success
    for _ in range(2):  # while it restarts the gateway may not answer, and nothing else is told
        assert drifting.drift(*BELOW_LITELLM, code=CLEAN)["findings"] == []
    wait_until(lambda: serves(drifting), 60, "the machine serves again")
    look(REPEATED - 2)
    assert sandbox.fly("POST", f"{path}/stop").is_success  # what Fly's proxy does to an idle one
    wait_until(lambda: not started(sandbox, machine), 60, "the machine has stopped")
    look()
    assert "is stopped" in drifting.drift(code=CLEAN)["notes"][0]
    assert sandbox.fly("POST", f"{path}/start").is_success
    assert sandbox.fly("POST", f"{path}/cordon").is_success
    look()
    assert sandbox.fly("POST", f"{path}/uncordon").is_success
    drifting.project.answer("deploy", "local")
    look()


@pytest.mark.parametrize("number", range(len(IN_A_MACHINE)))
def test_a_tampering_is_found_by_both(drifting: DriftProject, number: int) -> None:
    tampering = IN_A_MACHINE[number]
    before = drifting.before(APP)
    try:
        drifting.finds(tampering)
    finally:
        before.restore()
        before.disk_restored()
    assert {row["state"] for row in drifting.sandbox.machines(APP)} == {"started"}
    drifting.tells_no_marker()


def test_several_at_once_are_healed_by_one_command(drifting: DriftProject) -> None:
    chosen = {
        "a variable changed",
        "another breaker in LiteLLM's file",
        "the proof removed from the disk",
        "a machine too many",
        "an older version of the secrets",
    }
    several = [tampering for tampering in IN_A_MACHINE if tampering.what in chosen]
    assert len(several) == len(chosen)
    for tampering in several:
        tampering.act(drifting.sandbox)
    found = drifting.drift(*BELOW_LITELLM, code=FOUND)
    assert len(found["findings"]) == len(chosen)

    refused = drifting.project.run("drift", "local", "--heal", stdin="n\n")
    assert refused.returncode == FOUND
    assert "nothing was changed" in refused.stderr
    assert len(drifting.drift(*BELOW_LITELLM, code=FOUND)["findings"]) == len(chosen)

    healed = drifting.drift("--heal", "--yes", code=CLEAN)
    assert healed["healed"]
    assert drifting.drift(code=CLEAN)["clean"]
    _, preview = drifting.both()
    assert preview.returncode == CLEAN, (PREVIEW, preview.stdout)


def test_what_litellm_itself_says_is_told_with_what_becomes_of_it(drifting: DriftProject) -> None:
    before = drifting.before(APP)
    sandbox = drifting.sandbox
    old, new = "    - anthropic/claude-sonnet-4-6\n", "    - xai/grok-4.3\n"
    for row in sandbox.machines(APP):
        text = shipped_file(row, YAML)
        assert old in text
        body = {"file": {YAML: text.replace(old, new)}}
        sandbox.control("POST", f"/machines/{row['id']}/edit", body)
    try:
        wait_until(lambda: serves(drifting), 60, "both machines serve again")
        found = drifting.drift(code=FOUND)["findings"]
    finally:
        before.restore()
    (file,) = [row for row in found if row["layer"] == "files"]
    assert file["path"] == f'machines.*.files["{YAML}"]'
    said = [row["details"] for row in found if row["layer"] == "litellm"]
    assert any("the chain of xai/grok-4.3" in sentence for sentence, _ in said)
    assert all("no database is connected" in outlook for _, outlook in said)


def serves(drifting: DriftProject) -> bool:
    rows = drifting.sandbox.status_of(APP)["machines"]
    return all(row["routable"] for row in rows if row["state"] == "started") and len(rows) > 1


def test_a_finding_keeps_the_moment_at_which_it_was_first_seen(
    drifting: DriftProject, tmp_path: Path
) -> None:
    memory = ("--memory", str(tmp_path / "memory.json"))
    before = drifting.before(APP)
    try:
        IN_A_MACHINE[0].act(drifting.sandbox)
        seen = drifting.drift(*BELOW_LITELLM, *memory, code=FOUND)["findings"][0]["since"]
        again = drifting.drift(*BELOW_LITELLM, *memory, code=FOUND)
        assert again["findings"][0]["since"] == seen
    finally:
        before.restore()
    assert drifting.drift(*BELOW_LITELLM, *memory, code=CLEAN)["findings"] == []
    wait_until(lambda: now() > again["looked_at"], 5, "the next second")
    IN_A_MACHINE[0].act(drifting.sandbox)
    anew = drifting.drift(*BELOW_LITELLM, *memory, code=FOUND)
    before.restore()
    assert anew["findings"][0]["since"] > again["looked_at"] >= seen


def now() -> str:
    """The time as findings tell it, in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
