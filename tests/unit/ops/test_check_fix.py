import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ops.check_fix import mended
from ops.check_input import Files
from ops.exit_codes import ExitCode
from stacks.source_toml import read_toml
from tests.unit.ops.checks import BROKEN, CLEAN, ROOT, TODAY, run, write

PUBLISHED = Path(__file__).parent / "cases" / "published"
ORIGINAL = ROOT / "tests" / "unit" / "gateway" / "cases" / "original_litellm_config.yaml"
RIGHT = {"L002", "L003", "L004", "L020"}  # what has one right answer


def published(folder: Path) -> dict[str, Any]:
    """Return the published files, copied to a folder."""
    sources = {
        "config": ORIGINAL,
        "toml": PUBLISHED / "fly.toml",
        "database_url_file": PUBLISHED / "database_url.txt",
    }
    return {
        name: Path(shutil.copy(source, folder / source.name)) for name, source in sources.items()
    }


def test_the_published_configuration_yields_its_defects_with_place_and_remedy(
    tmp_path: Path,
) -> None:
    code, told = run(**published(tmp_path), as_json=True)
    assert code is ExitCode.FINDING
    findings = json.loads(told.out)["findings"]
    found = {(entry["rule"], entry["key"]) for entry in findings}
    assert found >= {
        ("L002", "general_settings.request_timeout"),
        ("L002", "litellm_settings.stream_timeout"),
        ("L003", "litellm_settings.default_fallbacks"),
        ("L004", "router_settings.allowed_fails"),
        ("L005", "litellm_settings.request_timeout"),
        ("L012", "litellm_settings.require_auth_for_metrics_endpoint"),
        ("L020", "keepalives"),
        ("L020", "keepalives_count"),
        ("L056", "router_settings.num_retries"),
        ("source.string", ""),
    }
    assert all(entry["file"] and entry["expected"] and entry["next_step"] for entry in findings)
    assert all(entry["line"] for entry in findings if not entry["file"].endswith(".txt"))


def test_what_has_one_right_answer_is_mended_and_a_second_run_finds_nothing_to_mend(
    tmp_path: Path,
) -> None:
    files = published(tmp_path)
    _, told = run(**files, fix=True, as_json=True)
    document = json.loads(told.out)
    assert {entry["rule"] for entry in document["mended"]} == RIGHT
    assert document["written"]
    assert not RIGHT & {entry["rule"] for entry in document["findings"]}
    once = {path: path.read_bytes() for path in files.values()}
    assert b"# The configuration that" in once[files["config"]]  # comments stay
    _, told = run(**files, fix=True, as_json=True)
    document = json.loads(told.out)
    assert (document["mended"], document["diff"]) == ([], "")
    assert {path: path.read_bytes() for path in files.values()} == once


def test_after_it_and_the_stated_changes_by_hand_nothing_is_left() -> None:
    """What was changed by hand is said in the first lines of the mended files."""
    folder = PUBLISHED / "mended"
    code, told = run(
        config=folder / "litellm_config.yaml",
        toml=folder / "fly.toml",
        database_url_file=folder / "database_url.txt",
        fail_on="warning",
    )
    assert (code, told.out.count("\n")) == (ExitCode.OK, 1), told.out


def test_the_mended_file_is_clean_and_keeps_its_comment(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    code, told = run(config=file, fix=True)
    assert code is ExitCode.OK
    assert file.read_text() == CLEAN
    assert "-  allowed_fails: 3  # the breaker\n+  allowed_fails: 2  # the breaker\n" in told.out
    assert "mended 1 finding: L004" in told.out
    assert "clean;" in told.out


def test_a_look_at_the_difference_changes_nothing_and_ends_as_the_check_does(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, BROKEN)
    code, told = run(config=file, diff=True)
    assert code is ExitCode.FINDING
    assert file.read_text() == BROKEN
    assert "+  allowed_fails: 2  # the breaker\n" in told.out
    assert "would mend 1 finding: L004" in told.out
    assert f"error[L004] {file}:4:3" in told.out


def test_a_fly_toml_is_mended_beside_the_yaml(tmp_path: Path) -> None:
    text = "app = 'a'\nkill_signal = 'sigterm' # as it was\n"
    toml = write(tmp_path, text, "fly.toml")
    run(config=write(tmp_path, BROKEN), toml=toml, fix=True)
    assert toml.read_text() == text.replace("sigterm", "SIGTERM")
    assert read_toml(toml.read_bytes(), "fly.toml").readable


def test_what_is_suppressed_is_not_mended(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    entry = "suppressions: [{rule: L004, reason: meant, until: 2026-12-31}]"
    write(tmp_path, entry, "suppressions.yaml")
    assert run(config=file, fix=True)[0] is ExitCode.OK
    assert file.read_text() == BROKEN


def test_what_stands_in_an_included_file_is_left_to_its_owner(tmp_path: Path) -> None:
    router = write(tmp_path, "router_settings: {allowed_fails: 3}\n", "router.yaml")
    text = "include: [router.yaml]\nlitellm_settings: {request_timeout: 60}\n"
    code, told = run(config=write(tmp_path, text), fix=True)
    assert code is ExitCode.FINDING
    assert "error[L004]" in told.out
    assert router.read_text() == "router_settings: {allowed_fails: 3}\n"


def test_a_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    file = write(tmp_path, "router_settings: [")
    assert run(config=file, fix=True)[0] is ExitCode.FAILED
    assert file.read_text() == "router_settings: ["


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    file = write(tmp_path, BROKEN)
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    run(config=link, fix=True)
    assert link.is_symlink()
    assert file.read_text() == CLEAN
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "litellm_config.yaml"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_the_byte_order_mark_stay(tmp_path: Path, end: str, mark: bytes) -> None:
    file = tmp_path / "litellm_config.yaml"
    file.write_bytes(mark + BROKEN.replace("\n", end).encode())
    run(config=file, fix=True)
    assert file.read_bytes() == mark + CLEAN.replace("\n", end).encode()


def test_no_secret_is_shown_in_a_difference(tmp_path: Path) -> None:
    fake = "sk-" + "a1B2c3D4" * 4
    text = f"router_settings:\n  allowed_fails: 3\n  api_key: {fake}\n  redis_password: hunter2\n"
    url = write(tmp_path, "postgres://role:hunter2@db:5432/n?keepalives=1\n", "url.txt")
    _, told = run(config=write(tmp_path, text), database_url_file=url, diff=True)
    assert "+  allowed_fails: 2" in told.out
    assert "-postgres://***@db:5432/n?keepalives=1\n+postgres://***@db:5432/n\n" in told.out
    assert "(not shown: it may be a secret)" in told.out
    assert fake not in told.out + told.err
    assert "hunter2" not in told.out + told.err


def test_a_database_url_keeps_all_but_the_dead_parameters(tmp_path: Path) -> None:
    url = write(tmp_path, "postgres://r:p%40@db/n?sslmode=disable&keepalives=1&x%20y=2\n", "u.txt")
    mending, _ = mended(
        Files(database_url_file=url, config=write(tmp_path, CLEAN)), (), today=TODAY
    )
    assert mending.texts[url] == b"postgres://r:p%40@db/n?sslmode=disable\n"
