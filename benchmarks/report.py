"""When and on what a run was made, and where its results stand in the documentation."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkError
from benchmarks.table import Row, render

BEGIN = "<!-- results of `make bench ARGS=--paste`: begin -->"
END = "<!-- results: end -->"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run was made on; `load` counts the processes that wanted a core, before and after.

    Of the load after, about one is the run's own.
    """

    day: str
    cores: int
    system: str
    python: str
    load: tuple[float, float]

    def sentence(self) -> str:
        """Say it in one sentence."""
        before, after = self.load
        return (
            f"{self.day}, {self.cores} shared cores, {self.system}, Python {self.python};"
            f" load {before:.1f} before, {after:.1f} after."
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as fields."""
        return {
            "day": self.day,
            "cores": self.cores,
            "system": self.system,
            "python": self.python,
            "load_before": self.load[0],
            "load_after": self.load[1],
        }


def load_now() -> float:
    """Return the load of the last minute."""
    return os.getloadavg()[0]


def this_machine(load_before: float) -> Machine:
    """Describe the machine at the end of a run, without its name or any path."""
    return Machine(
        day=datetime.now(UTC).date().isoformat(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load=(load_before, load_now()),
    )


def results(rows: Sequence[Row], machine: Machine) -> str:
    """Return the table under the sentence about the machine."""
    return f"{machine.sentence()}\n\n{render(rows)}"


def with_results(page: str, text: str, *, begin: str = BEGIN) -> str:
    """Return the page with `text` between its marks; the rest stays as it is.

    `BenchmarkError` when the page does not have each mark once, in order.
    """
    head, found, rest = page.partition(begin)
    _, end, tail = rest.partition(END)
    if not (found and end) or begin in rest or END in tail:
        raise BenchmarkError(f"the page needs the line {begin} once, and after it {END} once")
    return f"{head}{begin}\n{text}{END}{tail}"
