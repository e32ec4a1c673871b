"""The record of what was done: whole lines, whoever writes at the same time or is killed."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.history import Entry, Event, append, history_file, history_root, read, record

DEPLOY = Entry(
    Event.DEPLOY,
    "live",
    "a" * 64,
    verdict="passed",
    at="2026-11-24T12:00:00+00:00",
    by="Ada <ada@acme.example>",
    duration_s=12.5,
    evidence=f"sha256:{'b' * 64}",
    image="repo:v1@sha256:c",
    revision="c0ffee",
    more={"app": "acme", "secrets_version": 3},
)


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(
            Entry,
            event=st.sampled_from(Event).map(str),
            environment=st.just("live"),
            bundle=st.text(),
            at=st.text(),
            by=st.text(),
            duration_s=st.floats(0, 1e6),
            more=st.dictionaries(st.text(), st.integers() | st.text()),
        ),
        max_size=4,
    )
)
def test_what_is_appended_is_read_back_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]
) -> None:
    file = tmp_path_factory.mktemp("history") / "live.jsonl"
    for entry in entries:
        append(file, entry)
    assert read(file).entries == tuple(entries)
    assert read(file).torn == ()


def test_nothing_that_was_written_is_ever_changed(tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    append(file, DEPLOY)
    before = file.read_bytes()
    append(file, DEPLOY)
    assert file.read_bytes().startswith(before)
    assert file.read_bytes().count(b"\n") == 2


def test_a_line_that_a_killed_run_tore_is_counted_and_harms_no_other(tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    append(file, DEPLOY)
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    assert read(file).torn == (2,)
    append(file, DEPLOY)
    found = read(file)
    assert found.entries == (DEPLOY, DEPLOY)
    assert found.torn == (2,)


@pytest.mark.parametrize("line", ["[]", "7", "{}", '{"event": 1}', "\x00\xff", '{"event": "x"'])
def test_a_line_of_another_shape_is_no_entry_and_no_error(tmp_path: Path, line: str) -> None:
    file = tmp_path / "live.jsonl"
    file.write_text(f"{line}\n", encoding="utf-8")
    append(file, DEPLOY)
    assert read(file).entries == (DEPLOY,)
    assert read(file).torn == (1,)


def test_what_a_later_program_adds_to_a_line_is_left_aside(tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    append(file, DEPLOY)
    document = json.loads(file.read_text()) | {"schema": 2, "weather": "fine"}
    file.write_text(json.dumps(document) + "\n")
    assert read(file).entries == (DEPLOY,)


def test_appends_at_the_same_time_keep_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    begin = threading.Barrier(4)

    def write(number: int) -> None:
        begin.wait()
        for _ in range(25):
            append(file, Entry(Event.DEPLOY, "live", str(number) * 64, more={"x": "y" * 5000}))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(file)
    assert found.torn == ()
    assert sorted(entry.bundle[0] for entry in found.entries) == sorted("0123" * 25)


def test_a_record_says_who_and_when_by_itself(tmp_path: Path) -> None:
    record(tmp_path, tmp_path, Entry(Event.PROMOTION, "live", "a" * 64), pytest.fail)
    (entry,) = read(history_file(tmp_path, "live")).entries
    assert entry.by
    assert entry.at.endswith("+00:00")


def test_a_release_that_serves_does_not_fail_for_its_history(tmp_path: Path) -> None:
    (tmp_path / "live.jsonl").mkdir()
    told: list[str] = []
    record(tmp_path, tmp_path, DEPLOY, told.append)
    assert told
    assert "deploy of aaaaaaaaaaaa is in no file" in told[0]


def test_where_it_is_kept_can_be_chosen() -> None:
    assert history_root({}) == Path("history")
    assert history_root({"GATEWAY_HISTORY": "/elsewhere"}) == Path("/elsewhere")


def test_a_missing_history_is_an_empty_one(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl").entries == ()
