import json
from dataclasses import replace
from pathlib import Path

import pytest

from ops.drift_findings import Layer
from ops.drift_memory import dated, memory_file, remember, remembered
from tests.unit.ops.test_drift_report import FINDING

FIRST, LATER = "2026-11-27T08:00:00Z", "2026-11-28T12:00:00Z"
OTHER = replace(FINDING, path="machines.iad-1.image")


def test_a_finding_keeps_its_first_moment_whatever_its_value_becomes(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "dev.json"
    (first,) = dated([FINDING], remembered(file), FIRST)
    remember(file, [first], before={}, complete=True)
    changed = replace(FINDING, actual="2048")
    again = dated([changed, OTHER], remembered(file), LATER)
    assert [finding.since for finding in again] == [FIRST, LATER]


def test_what_is_gone_is_forgotten_and_what_was_not_looked_at_is_not(tmp_path: Path) -> None:
    file = memory_file(tmp_path, "dev")
    before = {FINDING.key: FIRST}
    remember(file, [], before=before, complete=False)
    assert remembered(file) == before
    remember(file, [], before=before, complete=True)
    assert remembered(file) == {}


def test_no_value_is_written(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    remember(file, dated([FINDING], {}, FIRST), before={}, complete=True)
    assert json.loads(file.read_text()) == {"schema": 1, "since": {FINDING.key: FIRST}}
    assert "4096" not in file.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["dev.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"since": 3}', "{", '{"schema": 1}'])
def test_a_file_that_is_no_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(text)
    assert remembered(file) == {}


def test_what_is_in_a_layer_that_was_not_looked_at_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    before = {FINDING.key: FIRST}
    others = [layer for layer in Layer if layer is not FINDING.layer]
    remember(file, [], before=before, complete=True, layers=others)
    assert remembered(file) == before
    remember(file, [], before=before, complete=True, layers=[FINDING.layer])
    assert remembered(file) == {}
