"""The recording that explanations are held to is still what LiteLLM's real Router does."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.images.catalogue import default_cache
from sandbox.images.install import install

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests" / "unit" / "gateway" / "cases" / "walks.json"

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet


def did(recording: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what was tried, slept and answered; how long a sleep was is chance."""
    return [
        (case["name"], case["calls"], len(case["sleeps"]), case["ended"])
        for case in recording["cases"]
    ]


@pytest.mark.parametrize("version", ["1.106.2", "1.109.1"])
def test_the_router_still_tries_what_was_recorded(version: str) -> None:
    recorded = json.loads(RECORDING.read_text("utf-8"))
    python = install(version, print, cache=default_cache()) / "bin" / "python"
    done = subprocess.run(
        [python, ROOT / "tools" / "record_walks.py", RECORDING, "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert did(json.loads(done.stdout)) == did(recorded)
