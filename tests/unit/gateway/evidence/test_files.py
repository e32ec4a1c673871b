"""How evidence is kept: whole or not at all, the newest ones, and never less than is needed."""

import json
import os
import threading
from pathlib import Path

import pytest

from gateway.evidence import files
from gateway.evidence.files import forget, kept_in, text_of, write
from gateway.evidence.keeping import keep
from tests.unit.gateway.evidence.documents import (
    Document,
    asked_by_a_person,
    made,
    never_proven,
    proven_by_two_gates,
    target_down,
)
from tests.unit.gateway.evidence.tampering import resealed


def written(folder: Path, document: Document, day: int) -> Path:
    """Write a document as if on a day of November."""
    moment = f"2026-11-{day:02}T12:00:00.000+00:00"
    return write(folder, resealed({**document, "written_at": moment}), page="<p>page</p>")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_listed_by_what_it_says_newest_first(tmp_path: Path) -> None:
    old = written(tmp_path, made(proven_by_two_gates), 1)
    new = written(tmp_path, made(never_proven), 2)

    newest, oldest = kept_in(tmp_path)

    assert (newest.path, oldest.path) == (new, old)
    assert (oldest.verdict, oldest.proven, oldest.edges) == ("passed", 3, 3)
    assert oldest.gates == ("inside", "outside")
    assert oldest.of_a_release
    assert (newest.verdict, newest.proven, newest.edges) == ("errored", 0, 0)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"\xff\xfe", b'{"gates": 1}', b"[" * 100_000, b'{"gates": [{}]}']
)
def test_what_is_no_evidence_is_listed_as_unreadable_and_never_removed(
    tmp_path: Path, text: bytes
) -> None:
    (tmp_path / "foreign.json").write_bytes(text)
    written(tmp_path, made(proven_by_two_gates), 1)
    written(tmp_path, made(proven_by_two_gates), 2)

    forget(tmp_path, keep=1, promotions=tmp_path / "none")

    assert "foreign.json" in names(tmp_path)
    assert [each.verdict for each in kept_in(tmp_path)] == ["passed", "unreadable"]


def test_the_newest_files_stay_and_their_pages_with_them(tmp_path: Path) -> None:
    days = [written(tmp_path, made(proven_by_two_gates), day) for day in range(1, 8)]

    gone = forget(tmp_path, keep=3, promotions=tmp_path / "none")

    assert set(gone) == set(days[:4])
    assert names(tmp_path) == {p for d in days[4:] for p in (d.name, d.with_suffix(".html").name)}


def test_the_newest_pass_and_the_newest_pass_of_a_release_stay_however_old_they_are(
    tmp_path: Path,
) -> None:
    older = written(tmp_path, made(proven_by_two_gates), 1)
    release = written(tmp_path, made(proven_by_two_gates), 2)
    asked = written(tmp_path, made(asked_by_a_person), 3)
    failed = [written(tmp_path, made(target_down), day) for day in range(4, 9)]

    gone = forget(tmp_path, keep=1, promotions=tmp_path / "none")

    assert set(gone) == {older, *failed[:-1]}
    assert {each.path for each in kept_in(tmp_path)} == {release, asked, failed[-1]}


@pytest.mark.parametrize("by", ["digest", "file"])
@pytest.mark.parametrize("name", ["live/2026.json", "live/2026.yaml"])
def test_what_a_promotion_names_stays(tmp_path: Path, by: str, name: str) -> None:
    folder, promotion = tmp_path / "evidence" / "dev", tmp_path / "promotions" / name
    named = written(folder, made(target_down), 1)
    for day in range(2, 6):
        written(folder, made(target_down), day)
    promotion.parent.mkdir(parents=True)
    digest = json.loads(named.read_text())["digest"]
    promotion.write_text(json.dumps({"evidence": digest if by == "digest" else str(named)}))

    forget(folder, keep=1, promotions=tmp_path / "promotions")

    assert named.exists()
    assert len(kept_in(folder)) == 2


def test_nothing_is_removed_while_a_promotion_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "evidence"
    for day in range(1, 5):
        written(folder, made(target_down), day)
    (tmp_path / "promotions").mkdir()
    (tmp_path / "promotions" / "live.json").write_text("{}")

    def refuse(self: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", refuse)
        assert forget(folder, keep=1, promotions=tmp_path / "promotions") == []
    assert len(kept_in(folder)) == 4


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = write(tmp_path, made(proven_by_two_gates))
    again = write(tmp_path, made(proven_by_two_gates))

    assert first == again
    assert first.read_text() == text_of(made(proven_by_two_gates))
    assert names(tmp_path) == {first.name}


def test_a_write_that_breaks_off_leaves_the_file_before_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, made(proven_by_two_gates))
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, made(proven_by_two_gates))
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, made(target_down))

    assert names(tmp_path) == {file.name}
    assert file.read_bytes() == before


def test_whoever_reads_while_many_write_sees_whole_documents_only(tmp_path: Path) -> None:
    document = made(proven_by_two_gates)
    file, halves, stop = write(tmp_path, document), [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            if file.read_text() != text_of(document):
                halves.append(1)

    reader = threading.Thread(target=read)
    writers = [
        threading.Thread(target=lambda: [write(tmp_path, document) for _ in range(20)])
        for _ in range(4)
    ]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()

    assert halves == []
    assert names(tmp_path) == {file.name}


def test_a_page_that_cannot_be_drawn_is_told_and_the_document_is_kept(tmp_path: Path) -> None:
    told: list[str] = []
    document = resealed({**made(never_proven), "started_at": "some day"})

    file = keep(document, tmp_path / "dev", 5, project=tmp_path, report=told.append)

    assert names(file.parent) == {file.name}
    assert "the page could not be drawn (ValueError" in told[0]


def test_keeping_writes_both_files_and_says_how_many_old_ones_went(tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / "dev"
    for day in range(1, 4):
        written(folder, made(target_down), day)

    file = keep(made(never_proven), folder, 1, project=tmp_path, report=told.append)

    assert names(folder) == {file.name, file.with_suffix(".html").name}
    assert told == [f"evidence: removed the 3 oldest of {folder}"]


def test_a_file_that_is_larger_than_any_evidence_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "huge.json"
    file.write_bytes(b"x" * 65)
    monkeypatch.setattr(files, "MOST_BYTES", 64)

    with pytest.raises(ValueError, match="larger than any evidence"):
        files.read_text(file)
    assert kept_in(tmp_path)[0].verdict == "unreadable"
