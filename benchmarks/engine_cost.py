"""What the project adds to the engine: a no-op `up` and a preview, against an empty program's."""

from collections.abc import Callable
from statistics import median

from benchmarks.harness import STUB, LocalGateway, local_gateway
from benchmarks.processes import tell
from benchmarks.table import Row, paired_ratio

PAIRS = 5
UP = ("up", "--yes", "--skip-preview")
PREVIEW = ("preview", "--refresh")


def rows() -> list[Row]:
    """Measure both in turn with an empty program, A B A B, on the stub image."""
    with local_gateway(image=STUB) as gateway:
        tell("engine: first deploy of the whole local stack on the stub image")
        gateway.deploy()
        gateway.empty_project()
        up = _compare(gateway, "no-op `pulumi up`", UP, 1.3, lambda: gateway.pulumi(*UP).seconds)
        preview = _compare(
            gateway, "preview with refresh", PREVIEW, 1.6, lambda: gateway.pulumi(*PREVIEW).seconds
        )
    return [up, preview]


def _compare(
    gateway: LocalGateway,
    name: str,
    words: tuple[str, ...],
    limit: float,
    measure: Callable[[], float],
) -> Row:
    ours: list[float] = []
    empties: list[float] = []
    # An empty program has nothing to refresh: its plain preview is the floor.
    floor = tuple(word for word in words if word != "--refresh")
    for number in range(1, PAIRS + 1):
        ours.append(measure())
        empties.append(gateway.pulumi(*floor, project=gateway.empty_project()).seconds)
        tell(f"{name}: pair {number} of {PAIRS}: {ours[-1]:.1f} s against {empties[-1]:.1f} s")
    ratio = paired_ratio(ours, empties)
    return Row(
        name,
        f"{median(ours):.2f} s",
        f"{median(empties):.2f} s, an empty program",
        ratio,
        f"<= {limit}",
        ratio <= limit,
    )
