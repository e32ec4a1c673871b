"""The evidence commands: what they print and end with, whatever file they are given."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.evidence import files
from gateway.evidence.document import Gate
from gateway.evidence.files import text_of, write
from ops.main import app
from tests.unit.gateway.evidence.documents import (
    CASES,
    document_of,
    known_limits,
    made,
    never_proven,
    proven_by_two_gates,
    without_fallbacks,
)
from tests.unit.gateway.evidence.tampering import changed, resealed
from tests.unit.gateway.stub_gateway import plan


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in which commands run."""
    (tmp_path / "Pulumi.yaml").write_text("name: gateway\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_EVIDENCE", raising=False)
    return tmp_path


def run(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, ["evidence", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def answer(*words: str | Path) -> tuple[int, dict[str, Any]]:
    result = run(*words, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_the_list_names_every_file_newest_first(project: Path) -> None:
    folder = project / "evidence" / "dev"
    file = write(folder, made(proven_by_two_gates))
    (folder / "foreign.json").write_bytes(b"\xff")

    code, told = answer("list", "dev")

    assert code == 0
    assert told["environment"] == "dev"
    assert [row["path"] for row in told["files"]] == [
        f"evidence/dev/{file.name}",
        "evidence/dev/foreign.json",
    ]
    assert told["files"][0]["digest"] == made(proven_by_two_gates)["digest"]
    assert [row["verdict"] for row in told["files"]] == ["passed", "unreadable"]
    assert "3 of 3" in run("list", "dev").stdout


def test_an_environment_without_evidence_says_what_leaves_some(project: Path) -> None:
    del project
    result = run("list", "dev")

    assert result.exit_code == 0
    assert "nothing in evidence/dev: `gateway deploy dev` leaves some" in result.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_document_can_be_shown_and_verified(tmp_path: Path, case: Any) -> None:
    file = write(tmp_path, made(case))

    shown, verified = run("show", file), run("verify", file)

    assert shown.exit_code == 0
    assert made(case)["digest"] in shown.stdout
    assert verified.exit_code == 0, verified.stdout
    assert f"intact  {file}: {made(case)['verdict']}" in verified.stdout
    assert "not recomputed: " in verified.stdout


def test_show_says_verdicts_reasons_and_known_limits(tmp_path: Path) -> None:
    shown = run("show", write(tmp_path, made(without_fallbacks))).stdout

    assert "failed: inside: a/one -> b/two (position 0): chat/refused" in shown
    assert "gate 1, inside the machine: failed, 0 of 3 fallbacks" in shown
    assert "known limit: " in run("show", write(tmp_path, made(known_limits))).stdout


def test_show_as_json_is_the_document_and_draws_the_page_where_it_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, made(never_proven))
    page = tmp_path / "page.html"

    assert answer("show", file) == (0, {"file": str(file), "evidence": made(never_proven)})
    assert answer("show", file, "--html", page) == (0, {"file": str(file), "html": str(page)})
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert run("show", file, "--html", tmp_path / "none" / "page.html").exit_code == 1


def test_a_changed_file_is_a_finding_that_names_the_place(tmp_path: Path) -> None:
    good = write(tmp_path, made(proven_by_two_gates))
    bad = tmp_path / "changed.json"
    bad.write_text(text_of(changed(made(without_fallbacks), ("verdict",), "passed")))
    foreign = tmp_path / "foreign.json"
    foreign.write_text("{}")

    code, told = answer("verify", good, bad, foreign)

    assert code == 2
    assert [row["state"] for row in told["files"]] == ["intact", "differs", "unreadable"]
    assert {"place", "recorded", "expected"} == set(told["files"][1]["differences"][0])
    assert "verdict: passed\n    expected failed" in run("verify", bad).stdout


def test_the_digest_of_the_outputs_finds_a_document_that_was_made_up_whole(tmp_path: Path) -> None:
    file = write(tmp_path, made(proven_by_two_gates))
    right, other = made(proven_by_two_gates)["digest"], made(never_proven)["digest"]

    assert run("verify", file, "--digest", right).exit_code == 0
    assert run("verify", file, "--digest", other).exit_code == 2
    assert "--digest is of one FILE" in run("verify", file, file, "--digest", right).stderr


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no UTF-8 text"),
        (b"[1]", "`schema`, `gates` or `digest` is missing"),
        (b"x" * 200, "larger than any evidence"),
        (text_of(resealed({"schema": 1, "gates": []})).encode(), "schema 1"),
    ],
    ids=["empty", "bytes", "foreign", "huge", "older"],
)
def test_what_is_no_evidence_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, why: str
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 150)
    file = tmp_path / "file.json"
    file.write_bytes(raw)

    verified, shown = run("verify", file), run("show", file)

    assert (verified.exit_code, shown.exit_code) == (1, 1)
    assert why in verified.stdout
    assert "error[evidence.file]" in shown.stderr
    assert why in shown.stderr
    assert answer("verify", file)[1]["files"][0]["state"] == "unreadable"
    assert answer("show", file)[1]["problems"][0]["id"] == "evidence.file"


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        assert run("verify", path).exit_code == 1
        assert run("show", path).exit_code == 1
        assert "directory" in run("verify", path).stdout


@pytest.mark.parametrize("part", ["gates", "plan", "grade", "reasons", "verdict"])
def test_a_document_of_another_shape_is_told_by_both(tmp_path: Path, part: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text_of(resealed_as(made(proven_by_two_gates), part)))

    assert run("verify", file).exit_code == 2
    assert run("show", file).exit_code in (0, 1)
    assert run("show", file, "--html", tmp_path / "x.html").exit_code in (0, 1)


def resealed_as(document: dict[str, Any], part: str) -> dict[str, Any]:
    copy = {**document, part: 7}
    return copy if part == "gates" else resealed(copy)


def test_no_letter_of_a_file_steers_the_terminal(tmp_path: Path) -> None:
    gate = Gate("inside", "3d8d", error="\x1b[2J\x1b]0;title\x07 gone")
    file = write(tmp_path, document_of(plan(), gate, app="\x1b[31macme"))

    for command in ("show", "verify"):
        assert "\x1b" not in run(command, file).output
    assert "\\x1b[2J" in run("show", file).stdout
