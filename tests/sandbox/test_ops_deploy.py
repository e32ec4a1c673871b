import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.engine.sandbox_program import wait_until
from tests.sandbox.ops_project import Project
from tests.sandbox.subnets import free_subnet

pytestmark = pytest.mark.timeout(300)
TARGET = "anthropic/claude-sonnet-4-6"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a running sandbox."""
    made = Project.make(tmp_path_factory.mktemp("ops"), subnet=free_subnet())
    made.up()
    yield made
    made.run("sandbox", "down")


@pytest.fixture
def deployed(project: Project) -> dict[str, Any]:
    """What a deployment of the usual configuration says, whatever a test before left."""
    project.configure()
    return project.answer("deploy", "local")


def lock_file(project: Project) -> Path:
    folder = project.state / "pulumi/.pulumi/locks/organization/gateway/local"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "00000000-test.json"


def write_lock(project: Project, *, pid: int, host: str) -> None:
    lock = {"pid": pid, "username": "u", "hostname": host, "timestamp": "2026-11-24T00:00:00Z"}
    lock_file(project).write_text(json.dumps(lock))


def ended_pid() -> int:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    return process.pid


def test_a_deployment_ends_with_a_gateway_that_answers_and_the_proof_of_each_fallback(
    project: Project, deployed: dict[str, Any]
) -> None:
    (edge,) = deployed["release"]["edges"]
    assert (edge["source"], edge["target"]) == ("xai/grok-4.3", TARGET)
    assert (edge["verdict"], edge["latency_ms"] > 0) == ("passed", True)
    assert (project.root / deployed["release"]["evidence_file"]).is_file()
    answer = httpx.post(
        f"{deployed['url']}/v1/chat/completions",
        headers={"Authorization": f"Bearer {deployed['key']}"},
        json={"model": "xai/grok-4.3", "messages": [{"role": "user", "content": "hello"}]},
    )
    assert answer.status_code == 200


@pytest.mark.usefixtures("deployed")
def test_a_second_deployment_changes_nothing_and_says_so(project: Project) -> None:
    done = project.run("deploy", "local")
    assert done.returncode == 0
    assert "local: nothing changed (" in done.stdout
    assert f"xai/grok-4.3 -> {TARGET}" in done.stdout
    line = next(line for line in done.stdout.splitlines() if line.startswith("curl -i http://127."))
    body = json.loads(line.partition("-d '")[2].rstrip("'"))
    assert body["model"] == "xai/grok-4.3"
    # LiteLLM caches answers: without this the same line, pasted again, would never show a rescue.
    assert body["cache"] == {"no-cache": True}


@pytest.mark.usefixtures("deployed")
def test_plain_pulumi_works_under_the_printed_environment(project: Project) -> None:
    exports = project.run("env", "local").stdout
    assert "private_key" not in exports
    script = f"{exports}\npulumi preview --stack local --refresh --expect-no-changes"
    done = subprocess.run(
        ["/bin/sh", "-ec", script],
        cwd=project.root,
        env=project.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_status_and_proof_tell_of_the_release_that_serves(
    project: Project, deployed: dict[str, Any]
) -> None:
    status = project.answer("status", "local")
    assert status["ready"]
    assert status["release"]["bundle"] == deployed["release"]["bundle"]
    assert {machine["checks"] for machine in status["machines"]} == {"passing"}
    proof = project.answer("prove", "local")
    assert proof["evidence"]["verdict"] == "passed"
    assert (project.root / proof["evidence_file"]).is_file()


@pytest.mark.usefixtures("deployed")
def test_a_proof_whose_target_is_down_ends_with_two_and_leaves_its_evidence(
    project: Project,
) -> None:
    project.run("sandbox", "break", TARGET, "--status", "500")
    try:
        done = project.run("prove", "local", "--json")
    finally:
        project.run("sandbox", "heal")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert found["evidence"]["verdict"] != "passed"
    assert (project.root / found["evidence_file"]).is_file()


def test_a_release_that_is_not_proven_ends_with_two_and_the_old_one_serves(
    project: Project, deployed: dict[str, Any]
) -> None:
    project.configure(server={"workers": 1, "keepalive_timeout_s": 33})
    project.run("sandbox", "break", TARGET, "--status", "500")
    try:
        done = project.run("deploy", "local", "--json")
    finally:
        project.run("sandbox", "heal")
    assert done.returncode == 2, done.stderr
    assert "error[deploy.proof]" in done.stderr
    (problem,) = json.loads(done.stdout)["problems"]
    assert ".json holds what was seen" in problem["expected"]
    assert project.answer("status", "local")["release"]["bundle"] == deployed["release"]["bundle"]


def test_settings_that_are_wrong_end_with_one_before_anything_is_changed(
    project: Project, deployed: dict[str, Any]
) -> None:
    project.configure(fly={"memory_mb": 100})
    done = project.run("deploy", "local")
    assert done.returncode == 1
    assert "gateway:fly.memory_mb" in done.stderr
    project.configure()
    assert project.answer("status", "local")["release"]["bundle"] == deployed["release"]["bundle"]


@pytest.mark.usefixtures("deployed")
def test_the_lock_of_a_killed_engine_is_removed_and_told(project: Project) -> None:
    write_lock(project, pid=ended_pid(), host=socket.gethostname())
    done = project.run("deploy", "local")
    assert done.returncode == 0, done.stderr
    assert "removed the lock of an earlier run that was killed (process" in done.stderr
    assert not lock_file(project).exists()


@pytest.mark.usefixtures("deployed")
def test_a_lock_of_another_machine_is_respected(project: Project) -> None:
    write_lock(project, pid=1, host="another-machine")
    try:
        done = project.run("deploy", "local")
        reset = project.run("sandbox", "reset", "--yes")
        assert lock_file(project).exists()
    finally:
        lock_file(project).unlink()
    assert (done.returncode, reset.returncode) == (1, 1)
    assert "error[deploy.locked] environment local" in done.stderr
    assert "process 1 on another-machine" in done.stderr
    assert "error[sandbox.busy]" in reset.stderr


@pytest.mark.usefixtures("deployed")
def test_an_interruption_reaches_the_engine_which_ends_without_leaving_its_lock(
    project: Project, tmp_path: Path
) -> None:
    project.configure(server={"workers": 1, "keepalive_timeout_s": 34})
    log = tmp_path / "progress"
    with (
        log.open("wb") as progress,
        subprocess.Popen(
            project.command("deploy", "local"),
            cwd=project.root,
            env=project.environ,
            stdout=progress,
            stderr=progress,
        ) as process,
    ):
        # Between its first line and its first resource the engine dies of a signal at once.
        wait_until(lambda: b"gateway-release" in log.read_bytes(), 60, "the engine is at work")
        process.send_signal(signal.SIGINT)
        code = process.wait(100)
    assert code == 130, log.read_text()
    assert "interrupted; run `gateway deploy local` again" in log.read_text()
    assert list(lock_file(project).parent.glob("*.json")) == []


@pytest.mark.usefixtures("deployed")
def test_destroy_leaves_no_app_and_an_empty_stack_that_can_be_destroyed_again(
    project: Project,
) -> None:
    first = project.answer("destroy", "local", "--yes")
    assert first["destroyed"] > 5
    assert project.answer("sandbox", "status")["apps"] == []
    assert project.answer("destroy", "local", "--yes")["destroyed"] == 0
    status = project.run("status", "local")
    assert status.returncode == 1
    assert "error[deploy.none]" in status.stderr


@pytest.mark.usefixtures("deployed")
def test_no_secret_is_in_any_file_that_the_commands_wrote_for_reading(project: Project) -> None:
    key = project.answer("deploy", "local")["key"]
    project.answer("prove", "local")
    project.answer("render", "local")
    texts = [
        path.read_bytes()
        for folder in (project.root, project.state / "pulumi", project.state / "pulumi-home")
        for path in folder.rglob("*")
        if path.is_file() and ".venv" not in path.parts
    ]
    assert len(texts) > 5
    assert not any(key.encode() in text for text in texts)
