"""A program that runs for long is told about, and what it says is kept apart."""

import os
from pathlib import Path

from tools.engine.program import run

WAITS = 'echo out; echo err >&2; read -r line < "$GATE"; echo "$line"; exit 3'


def test_a_long_run_calls_the_beat_until_it_ends(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    beats: list[int] = []

    def beat() -> None:
        beats.append(len(beats))
        if len(beats) == 3:
            gate.write_text("opened by the third beat\n", encoding="utf-8")

    ended = run(
        ["/bin/sh", "-c", WAITS], cwd=tmp_path, environ={"GATE": str(gate)}, beat=beat, beat_s=0.01
    )
    assert beats[:3] == [0, 1, 2]
    assert ended.exit_code == 3
    assert ended.output == "out\nopened by the third beat\n"
    assert ended.errors == "err\n"
