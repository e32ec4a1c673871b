import os
from pathlib import Path

import pytest

from benchmarks.processor_time import processor_s

TICKS = os.sysconf("SC_CLK_TCK")


def stat(proc: Path, pid: int, name: str, session: int, program: int, kernel: int) -> None:
    fields = ["S", "1", "1", str(session), *["0"] * 7, str(program), str(kernel), "0"]
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}")


def test_it_counts_a_program_with_what_it_started_and_nobody_else(tmp_path: Path) -> None:
    stat(tmp_path, 10, "litellm", 10, 2 * TICKS, TICKS)
    stat(tmp_path, 11, "a (strange) name", 10, TICKS, 0)
    stat(tmp_path, 12, "another", 12, 9 * TICKS, 0)

    assert processor_s(10, tmp_path) == pytest.approx(4)


def test_a_program_that_has_ended_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="10"):
        processor_s(10, tmp_path)
