"""The process that runs flyctl, by a program that notes what it was given and how it ended."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.flyctl import run_program
from fly.flyctl_deployment import Deployment, FlyctlFailedError
from fly.flyctl_run import PREFIX, Flyctl, find_flyctl, own_folder
from fly.release import Release
from tests.sandbox.served import until

TOKEN = "fo1_" + "token-marker"
# Plays a flyctl: writes what it was given to $NOTES, then waits for a signal if it is to.
PROGRAM = """#!{python}
import json, os, pathlib, signal, sys, time
notes = pathlib.Path({notes!r})
def told(number, frame):
    notes.with_suffix(".signal").write_text(signal.Signals(number).name)
    time.sleep(0.3)
    sys.exit(127)
signal.signal(signal.SIGINT, told)
signal.signal(signal.SIGTERM, told)
log = pathlib.Path(os.environ["FLY_CONFIG_DIR"], "logs")
log.mkdir()
(log / "flyctl.log").write_text("every body")
given = dict(arguments=sys.argv[1:], environ=dict(os.environ), cwd=os.getcwd(), pid=os.getpid())
notes.with_suffix(".part").write_text(json.dumps(given))
notes.with_suffix(".part").rename(notes)
print("\\x1b[32mdone\\x1b[0m")
if sys.argv[1] == "deploy":
    time.sleep(60)
"""
OWNER = """
import os, sys
from pathlib import Path
from fly.flyctl_run import Flyctl, own_folder
with own_folder() as folder:
    flyctl = Flyctl(Path(sys.argv[1]), progress=print)
    flyctl(("deploy",), folder=folder, environ=os.environ, limit_s=90)
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes.json"


@pytest.fixture
def program(tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called `fly` on a PATH of its own, and temporary folders that only we use."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "fly"
    path.write_text(PROGRAM.format(python=sys.executable, notes=str(notes)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert find_flyctl(str(tmp_path)) == path
    return path


def left(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.glob(f"{PREFIX}*")]


def test_flyctl_gets_the_token_its_own_folder_and_nothing_else_of_ours(
    program: Path, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{PREFIX}999999-left").mkdir()  # of a run that was killed
    environ = {
        "PATH": os.environ["PATH"],
        "FLY_API_TOKEN": TOKEN,
        "FLY_FLAPS_BASE_URL": "http://127.0.0.1:4280",
        "OPENAI_API_KEY": "not-for-flyctl",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    with own_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        ran = Flyctl(program, progress=print)(
            ("version", "--json"), folder=folder, environ=environ, limit_s=30
        )
        assert ran.exit_code == 0
        assert ran.tail(()) == "  flyctl: done"
    given: dict[str, Any] = json.loads(notes.read_text())
    assert given["arguments"] == ["version", "--json"]
    assert given["cwd"] == given["environ"]["FLY_CONFIG_DIR"] == str(folder)
    assert given["environ"]["FLY_API_TOKEN"] == TOKEN
    assert given["environ"]["FLY_API_BASE_URL"] == "http://127.0.0.1:4280"
    assert given["environ"]["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert "OPENAI_API_KEY" not in given["environ"]
    assert left(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whoever_ends_the_owner_flyctl_is_asked_to_end_and_its_log_is_removed(
    program: Path, notes: Path, tmp_path: Path, number: signal.Signals
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(program)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(notes.exists)
        assert left(tmp_path)
        owner.send_signal(number)
        _, said = owner.communicate(timeout=30)
    finally:
        owner.kill()
        owner.wait()
    expected = "SIGTERM" if number is signal.SIGTERM else "SIGINT"
    assert until(notes.with_suffix(".signal").exists)
    assert notes.with_suffix(".signal").read_text() == expected
    pid = json.loads(notes.read_text())["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: left(tmp_path) == [])
    if number is not signal.SIGKILL:
        assert f"InterruptedFlyctlError: interrupted by {number.name}" in said


def test_what_keeps_flyctl_from_beginning_reaches_the_release_that_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FLY_API_TOKEN", TOKEN)
    release = Release("acme", {"image": "example/app"}, {"iad": 1}, 0, "d" * 64, "iad")
    said: list[str] = []
    with pytest.raises(FlyctlFailedError, match=r"ended with 1\nerror\[flyctl.missing\]") as told:
        run_program(Deployment(release, 'app = "acme"'), progress=said.append)
    assert said[0].startswith("error[flyctl.missing] environment: PATH")
    assert "fly.io/docs/flyctl/install" in str(told.value)
