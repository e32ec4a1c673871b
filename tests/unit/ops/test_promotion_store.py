"""A promotion is written whole or not at all, at whatever moment its writer is killed."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.promotion_lock import only_one
from ops.promotion_store import next_number, point_at, readable, write_promotion
from ops.promotion_text import markdown
from stacks.problem import ProblemError
from stacks.promotion import read_promotion, sealed
from tests.unit.promotions import candidate, document, write_config

WHAT = "gateway promote dev live"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A sealed promotion."""
    root = tmp_path_factory.mktemp("candidate")
    write_config(root, "dev")
    write_config(root, "live")
    return document(candidate(root))


def promote(root: Path, made: dict[str, Any]) -> str:
    """Do what the command does at its end."""
    file = write_promotion(root, made, markdown(made))
    point_at(root, "live", file)
    return file


def killed_at(step: int, root: Path, made: dict[str, Any]) -> bool:
    """Promote in a process of its own that is killed at its n-th step on files; False: it ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    left = step

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in {"open", "os.rename", "os.remove", "os.chmod", "os.mkdir", "os.truncate"}:
            if not any(str(root) in str(argument) for argument in arguments):
                return
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    try:
        promote(root, made)
    finally:
        os._exit(0)


def test_a_kill_at_any_step_leaves_nothing_half_written_and_the_next_run_goes_on(
    tmp_path: Path, made: dict[str, Any]
) -> None:
    step, seen = 0, set()
    while True:
        step += 1
        root = tmp_path / str(step)
        root.mkdir()
        write_config(root, "live")
        before = (root / "Pulumi.live.yaml").read_text()
        was_killed = killed_at(step, root, made)
        now = (root / "Pulumi.live.yaml").read_text()
        named = yaml.safe_load(now)["config"]["gateway:promotion"].get("file")
        assert now == before or named
        if named:
            assert read_promotion(root, named, "live", "dev").bundle == made["bundle"]
        for path in root.glob("promotions/live/*.json"):
            assert read_promotion(root, str(path.relative_to(root)), "live").number == 1
            assert path.with_suffix(".md").read_text() == markdown(made)
        seen.add((len(list(root.glob("promotions/live/*.json"))), bool(named)))
        if not was_killed:
            break
        file = promote(root, numbered(made, next_number(root, "live")))
        assert yaml.safe_load((root / "Pulumi.live.yaml").read_text())["config"][
            "gateway:promotion"
        ] == {"source": "dev", "file": file}
        left = {path.name for path in root.rglob("*") if path.is_file()}
        assert not [name for name in left if "partial" in name or name.startswith(".Pulumi")]
        assert len([name for name in left if name.endswith(".md")]) == len(readable(root, "live"))
    assert seen == {(0, False), (1, False), (1, True)}
    assert step > 5


def numbered(made: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the same promotion under another number."""
    unsealed = {key: value for key, value in made.items() if key != "digest"}
    return sealed(unsealed | {"number": number})


def test_comments_and_everything_else_of_the_environments_file_stay(
    tmp_path: Path,
) -> None:
    text = "# by hand\nconfig:\n  gateway:promotion: {source: dev}  # from dev\n  gateway:x: '1'\n"
    (tmp_path / "Pulumi.live.yaml").write_text(text)
    point_at(tmp_path, "live", "promotions/live/0001-aaaaaaaaaaaa.json")
    now = (tmp_path / "Pulumi.live.yaml").read_text()
    assert yaml.safe_load(now)["config"] == {
        "gateway:promotion": {
            "source": "dev",
            "file": "promotions/live/0001-aaaaaaaaaaaa.json",
        },
        "gateway:x": "1",
    }
    assert now.startswith("# by hand\n")
    assert "# from dev" in now
    assert now.endswith("  gateway:x: '1'\n")


def test_a_number_is_taken_once(tmp_path: Path, made: dict[str, Any]) -> None:
    write_config(tmp_path, "live")
    promote(tmp_path, made)
    with pytest.raises(ProblemError, match=r"promotion\.number"):
        write_promotion(tmp_path, made, "page")
    assert next_number(tmp_path, "live") == 2


def test_a_second_promotion_while_one_runs_is_refused_and_the_first_is_named(
    tmp_path: Path,
) -> None:
    with only_one(tmp_path, "live", WHAT):
        with (
            pytest.raises(ProblemError, match=rf"{WHAT}, process {os.getpid()}, since 20"),
            only_one(tmp_path, "live", WHAT),
        ):
            pytest.fail("two at a time")
        with only_one(tmp_path, "staging", WHAT):
            pass
    with only_one(tmp_path, "live", WHAT):
        pass


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with only_one(tmp_path, "live", WHAT):
            os.write(writing, b"held")
            signal.pause()
        os._exit(0)
    assert os.read(reading, 4) == b"held"
    with (
        pytest.raises(ProblemError, match=rf"process {child}"),
        only_one(tmp_path, "live", WHAT),
    ):
        pytest.fail("two at a time")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with only_one(tmp_path, "live", WHAT):
        pass
