"""How an environment is installed when nothing, something or someone is in the way.

pip is replaced by a function; the test of the LiteLLM image uses a real environment.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.images.install import (
    default_cache,
    environment_of,
    install,
    installed_versions,
    is_installed,
    run_command,
)
from sandbox.interfaces import ImageError

VERSION = "1.106.2"


class Recorder:
    """Runs nothing: notes the commands and makes the folder that venv would make."""

    def __init__(self, ends_at: str | None = None) -> None:
        self.commands: list[list[str]] = []
        self._ends_at = ends_at

    def __call__(
        self, command: Sequence[str], *, held: int, on_line: Callable[[str], None]
    ) -> None:
        os.fstat(held)
        self.commands.append(list(command))
        on_line("Collecting litellm")
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        if self._ends_at in command:
            raise ImageError(f"{self._ends_at} ended with 1")


def silent(line: str) -> None:
    del line


def test_an_install_makes_fetches_and_compiles_and_says_how_far_it_is(tmp_path: Path) -> None:
    run, lines = Recorder(), list[str]()
    assert not is_installed(VERSION, tmp_path)
    folder = install(VERSION, lines.append, cache=tmp_path, run=run)
    assert folder == environment_of(VERSION, tmp_path)
    assert is_installed(VERSION, tmp_path)
    assert installed_versions(tmp_path) == [VERSION]
    made, fetched, compiled = run.commands
    assert made[1:] == ["-m", "venv", str(folder)]
    assert "litellm[proxy]==1.106.2" in fetched
    assert {"prometheus_client", "google-auth", "prisma"} < set(fetched)
    assert "compileall" in compiled
    steps = [f"LiteLLM {VERSION}: step {number} of 3" for number in (1, 2, 3)]
    assert [line[: len(steps[0])] for line in lines[:-1]] == steps
    assert lines[-1].startswith(f"LiteLLM {VERSION}: installed in ")


class Lacking(Recorder):
    """An index without the newest list of authorities, nor the newest migrations."""

    def __call__(
        self, command: Sequence[str], *, held: int, on_line: Callable[[str], None]
    ) -> None:
        super().__call__(command, held=held, on_line=on_line)
        if "--no-deps" in command:
            folder = Path(command[0]).parents[1] / "lib/python3.11/site-packages"
            metadata = folder / f"litellm-{VERSION}.dist-info" / "METADATA"
            metadata.parent.mkdir(parents=True)
            metadata.write_text(
                "Requires-Dist: certifi>=2026.10.19\n"
                "Requires-Dist: litellm-proxy-extras==9 ; extra == 'proxy'\n"
                "Requires-Dist: uvloop>=1 ; sys_platform != 'win32' and extra == 'proxy'\n"
                "Requires-Dist: mlflow>=3 ; extra == 'mlflow'\n"
            )
        elif f"litellm[proxy]=={VERSION}" in command:
            raise ImageError("No matching distribution found for certifi>=2026.10.19")
        elif "--requirement" in command:
            wanted = Path(command[command.index("--requirement") + 1]).read_text().splitlines()
            if "litellm-proxy-extras==9" in wanted:
                raise ImageError("No matching distribution found for litellm-proxy-extras==9")
            assert wanted == [
                "certifi",
                "litellm-proxy-extras",
                "uvloop>=1 ; sys_platform != 'win32'",
            ]


def test_what_an_index_lacks_and_an_older_release_serves_is_taken_older(tmp_path: Path) -> None:
    run = Lacking()

    install(VERSION, silent, cache=tmp_path, run=run)

    assert is_installed(VERSION, tmp_path)
    assert sum("--requirement" in command for command in run.commands) == 2
    assert {"prometheus_client", "google-auth", "prisma"} < set(run.commands[-2])


def test_anything_else_that_an_index_lacks_ends_the_install(tmp_path: Path) -> None:
    def run(command: Sequence[str], *, held: int, on_line: Callable[[str], None]) -> None:
        del held, on_line
        if "venv" not in command:
            raise ImageError("No matching distribution found for openai>=99")

    with pytest.raises(ImageError, match="openai"):
        install(VERSION, silent, cache=tmp_path, run=run)
    assert not is_installed(VERSION, tmp_path)


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    install(VERSION, silent, cache=tmp_path, run=Recorder())
    again, lines = Recorder(), list[str]()
    install(VERSION, lines.append, cache=tmp_path, run=again)
    assert again.commands == []
    assert lines == []


@pytest.mark.parametrize("step", ["venv", "pip", "compileall"])
def test_an_interrupted_install_leaves_nothing_that_counts_and_is_redone(
    tmp_path: Path, step: str
) -> None:
    with pytest.raises(ImageError, match="ended with 1"):
        install(VERSION, silent, cache=tmp_path, run=Recorder(ends_at=step))
    assert not is_installed(VERSION, tmp_path)
    leftover = environment_of(VERSION, tmp_path) / "leftover"
    leftover.touch()
    lines: list[str] = []
    install(VERSION, lines.append, cache=tmp_path, run=Recorder())
    assert "removing what an interrupted install left" in lines[0]
    assert not leftover.exists()
    assert is_installed(VERSION, tmp_path)


def test_two_installs_at_once_work_once(tmp_path: Path) -> None:
    entered, may_go_on = threading.Event(), threading.Event()
    waits = threading.Event()

    class Slow(Recorder):
        def __call__(
            self, command: Sequence[str], *, held: int, on_line: Callable[[str], None]
        ) -> None:
            entered.set()
            assert may_go_on.wait(20)
            super().__call__(command, held=held, on_line=on_line)

    def noted(line: str) -> None:
        if "another install is at work" in line:
            waits.set()

    first, second = Slow(), Recorder()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(install, VERSION, silent, cache=tmp_path, run=first)
        assert entered.wait(20)
        other = pool.submit(install, VERSION, noted, cache=tmp_path, run=second)
        assert waits.wait(20)
        may_go_on.set()
        assert one.result(20) == other.result(20)
    assert len(first.commands) == 3
    assert second.commands == []
    assert is_installed(VERSION, tmp_path)


def test_an_orphaned_command_keeps_the_lock(tmp_path: Path) -> None:
    # A killed installer leaves pip running: the next install must wait for it.
    lock = tmp_path / "lock"
    done = tmp_path / "done"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        script = f"(read line < {tmp_path}/gate; touch {done}) > /dev/null 2>&1 &"
        os.mkfifo(tmp_path / "gate")
        run_command(["/bin/sh", "-c", script], held=held.fileno(), on_line=silent)
    with lock.open("w") as other:
        with pytest.raises(BlockingIOError, match="unavailable"):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (tmp_path / "gate").write_text("go\n")
        fcntl.flock(other, fcntl.LOCK_EX)
    assert done.exists()


def test_a_command_that_ends_badly_shows_its_last_lines() -> None:
    with Path(os.devnull).open("w") as held:
        script = "echo first; echo ERROR: no such version >&2; exit 3"
        with pytest.raises(ImageError, match=r"ended with 3(.|\n)*ERROR: no such version"):
            run_command(["/bin/sh", "-c", script], held=held.fileno(), on_line=silent)


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.107.0"])
def test_compromised_releases_are_never_installed(tmp_path: Path, version: str) -> None:
    run = Recorder()
    with pytest.raises(ImageError, match=f"LiteLLM {version} is refused"):
        install(version, silent, cache=tmp_path, run=run)
    assert run.commands == []


@pytest.mark.parametrize("version", ["", "latest", "1.106", "../../etc", "1.106.2 evil"])
def test_what_is_no_version_is_not_installed(tmp_path: Path, version: str) -> None:
    with pytest.raises(ImageError, match="is not a LiteLLM version"):
        install(version, silent, cache=tmp_path, run=Recorder())


def test_the_cache_is_where_the_desktop_says() -> None:
    name = "litellm-fly-gateway"
    assert default_cache({"XDG_CACHE_HOME": "/caches"}) == Path("/caches") / name
    assert default_cache({"HOME": "/home/ann"}) == Path("/home/ann/.cache") / name
