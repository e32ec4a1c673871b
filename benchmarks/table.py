"""One row per benchmark: what was measured, against what, and whether the target held."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

HEADER = ("benchmark", "measured", "baseline", "ratio", "target", "held")


@dataclass(frozen=True, slots=True)
class Row:
    """A finished measurement; texts carry their units, `ratio` is measured over baseline.

    `held` is None for a row that explains another and has no target of its own.
    """

    name: str
    measured: str
    baseline: str
    ratio: float | None
    target: str
    held: bool | None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table shows it."""
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        held = {True: "yes", False: "NO", None: "-"}[self.held]
        return (self.name, self.measured, self.baseline, ratio, self.target, held)

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON fields."""
        return asdict(self)


def render(rows: Iterable[Row]) -> str:
    """Return the table as Markdown, with the notes below it."""
    found = list(rows)
    lines = [HEADER, tuple("---" for _ in HEADER), *(row.cells() for row in found)]
    notes = [f"- {row.name}: {row.note}" for row in found if row.note]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return table + ("\n\n" + "\n".join(notes) if notes else "") + "\n"


def paired_ratio(measured: list[float], baseline: list[float]) -> float:
    """Return the median of the ratios pair by pair: drift of the machine cancels out."""
    return median(one / other for one, other in zip(measured, baseline, strict=True))
