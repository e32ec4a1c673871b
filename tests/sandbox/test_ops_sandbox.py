import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.running_sandbox import is_sandbox
from tests.sandbox.engine.sandbox_program import wait_until
from tests.sandbox.ops_project import SANDBOX_IN, Project
from tests.sandbox.subnets import free_subnet

HEAVY = ("pydantic", "httpx", "yaml", "jinja2", "rich.table", "components", "gateway", "fly")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project whose sandbox, if a test starts it, is ended afterwards."""
    made = Project.make(tmp_path, subnet=free_subnet())
    yield made
    made.run("sandbox", "down")


def home(project: Project) -> Path:
    return project.state / "sandbox"


def test_a_sandbox_that_runs_is_not_started_twice(project: Project) -> None:
    first, second = project.up(), project.up()
    assert (first["started"], second["started"]) == (True, False)
    assert first["pid"] == second["pid"] == project.addresses["pid"]
    assert httpx.get(f"{first['api_url']}/_sandbox/status").json()["pid"] == first["pid"]


def test_down_ends_the_program_and_keeps_its_state(project: Project) -> None:
    pid = project.up()["pid"]
    assert is_sandbox(pid, home(project))
    assert project.run("sandbox", "status").returncode == 0
    assert project.answer("sandbox", "down") == {"stopped": True}
    assert not is_sandbox(pid, home(project))
    assert (home(project) / "state.json").is_file()
    assert project.answer("sandbox", "down") == {"stopped": False}
    status = project.run("sandbox", "status")
    assert status.returncode == 2
    assert "gateway sandbox up" in status.stdout


def test_a_sandbox_that_was_killed_counts_as_gone_and_starts_again(project: Project) -> None:
    pid = project.up()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_sandbox(pid, home(project)), 10, "the killed sandbox is gone")
    assert project.addresses["pid"] == pid  # its file stayed behind
    assert project.run("sandbox", "status").returncode == 2
    assert project.up()["started"]


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = project.run("sandbox", "up", *SANDBOX_IN, project.subnet, "--edge-port", port)
    assert done.returncode == 1
    assert "error[sandbox.start]" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr
    assert project.addresses == {}


def test_the_background_program_inherits_no_key_of_the_shell_that_started_it(
    project: Project,
) -> None:
    more = {"FLY_API_TOKEN": "planted-token", "XAI_API_KEY": "planted-key"}
    done = project.run("sandbox", "up", *SANDBOX_IN, project.subnet, more=more)
    assert done.returncode == 0, done.stderr
    environ = Path(f"/proc/{project.addresses['pid']}/environ").read_bytes()
    assert b"HOME=" in environ
    assert b"planted" not in environ


def test_a_model_is_broken_and_healed_by_its_groups_name(project: Project) -> None:
    url = project.up()["api_url"] + "/_sandbox/providers"
    words = ("break", "xai/grok-4.3", "--status", "503", "--times", "2")
    assert "answers HTTP 503, 2 times" in project.run("sandbox", *words).stdout
    (fault,) = httpx.get(url).json()["faults"]
    assert (fault["provider"], fault["model"]) == ("xai", "grok-4.3")
    assert fault["script"] == [{"kind": "status", "status": 503, "times": 2}]
    assert "broken: xai grok-4.3" in project.run("sandbox", "status").stdout
    assert project.answer("sandbox", "heal", "xai/grok-4.3")["healed"] == 1
    assert httpx.get(url).json()["faults"] == []


def test_everything_broken_is_healed_at_once(project: Project) -> None:
    project.up()
    for model in ("xai/grok-4.3", "anthropic/claude-sonnet-4-6"):
        assert project.run("sandbox", "break", model, "--hang").returncode == 0
    assert project.answer("sandbox", "heal") == {"model": None, "healed": 2}


@pytest.mark.parametrize(
    "words",
    [
        ("sandbox", "break", "xai/grok-4.3"),
        ("env", "local"),
        ("deploy", "local"),
        ("status", "local"),
    ],
)
def test_what_needs_the_sandbox_says_how_to_start_it(
    project: Project, words: tuple[str, ...]
) -> None:
    done = project.run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error[sandbox.down]")
    assert done.stderr.rstrip().endswith("gateway sandbox up")


def test_an_unknown_model_is_answered_with_the_nearest(project: Project) -> None:
    done = project.run("sandbox", "break", "xai/grok-4", "--json")
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["next_step"] == 'did you mean "xai/grok-4.3"?'


def test_reset_asks_and_removes_nothing_without_a_yes(project: Project) -> None:
    project.up()
    done = project.run("sandbox", "reset", stdin="n\n")
    assert done.stdout.strip() == "nothing was removed"
    assert project.run("sandbox", "status").returncode == 0


def test_reset_removes_the_sandbox_and_all_it_held(project: Project) -> None:
    pid = project.up()["pid"]
    assert home(project).is_dir()
    removed = project.answer("sandbox", "reset", "--yes")["removed"]
    assert removed == [str(home(project))]
    assert not home(project).exists()
    assert not is_sandbox(pid, home(project))


def test_the_sandboxs_own_log_is_shown_also_when_it_does_not_run(project: Project) -> None:
    pid = project.up()["pid"]
    project.run("sandbox", "down")
    assert f"serving as pid {pid}" in project.run("sandbox", "logs").stdout


def test_help_is_there_before_anything_heavy_is_loaded() -> None:
    code = f"import sys, ops.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_command_that_is_not_understood_fails_with_one_and_shows_where_to_read(
    project: Project,
) -> None:
    done = project.run("deploy")
    assert done.returncode == 1
    assert done.stderr == (
        "error[usage] gateway deploy\n  Missing argument 'ENV'.\n  gateway deploy --help\n"
    )
