"""What the project adds to the engine: a no-op `up` and a preview, against an empty program's."""

from collections.abc import Callable, Mapping
from statistics import median

from benchmarks.harness import STUB, local_gateway
from benchmarks.processes import tell
from benchmarks.table import Row, paired_ratio

ROUNDS = 5
UP_LIMIT = 1.3
PREVIEW_LIMIT = 1.6
UP = ("up", "--yes", "--skip-preview")
PREVIEW = ("preview", "--refresh")


NOTE = "stub image for the gateway: the engine's own cost is the point"
FLOOR_NOTE = (
    "the least that `refresh: always` costs: one dynamic resource whose provider only answers;"
    " it explains the first row and has no target"
)


def rows() -> list[Row]:
    """Measure both in turn with an empty program, A B A B, on the stub image."""
    with local_gateway(image=STUB) as gateway:
        tell("engine: first deploy of the whole local stack on the stub image")
        gateway.deploy()
        empty, floor = gateway.empty_project(), gateway.floor_project()
        ups = _interleaved(
            "no-op `pulumi up`",
            {
                "empty": lambda: gateway.pulumi(*UP, project=empty).seconds,
                "ours": lambda: gateway.pulumi(*UP).seconds,
                "floor": lambda: gateway.pulumi(*UP, project=floor).seconds,
            },
        )
        previews = _interleaved(
            "preview with refresh",
            {
                # An empty program has nothing to refresh: its plain preview is the baseline.
                "empty": lambda: gateway.pulumi("preview", project=empty).seconds,
                "ours": lambda: gateway.pulumi(*PREVIEW).seconds,
            },
        )
    return [
        summary("no-op `pulumi up`", ups["ours"], ups["empty"], limit=UP_LIMIT, note=NOTE),
        summary("one dynamic resource", ups["floor"], ups["empty"], note=FLOOR_NOTE),
        summary(
            "preview with refresh",
            previews["ours"],
            previews["empty"],
            limit=PREVIEW_LIMIT,
            note=NOTE,
        ),
    ]


def summary(
    name: str,
    ours: list[float],
    empties: list[float],
    *,
    limit: float | None = None,
    note: str = "",
) -> Row:
    """Return the row: medians in seconds, and the median of the ratios of each pair."""
    ratio = paired_ratio(ours, empties)
    return Row(
        name,
        f"{median(ours):.2f} s",
        f"{median(empties):.2f} s, an empty program",
        ratio,
        "-" if limit is None else f"<= {limit}",
        None if limit is None else ratio <= limit,
        note,
    )


def _interleaved(name: str, measures: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Run all of them in turn, several times: the machine's mood is shared by each round."""
    found: dict[str, list[float]] = {key: [] for key in measures}
    for number in range(1, ROUNDS + 1):
        for key, measure in measures.items():
            found[key].append(measure())
        told = ", ".join(f"{key} {seconds[-1]:.1f} s" for key, seconds in found.items())
        tell(f"{name}: round {number} of {ROUNDS}: {told}")
    return found
