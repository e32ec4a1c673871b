"""`python -m benchmarks`: measure, and print one table of ratios to stdout; progress to stderr."""

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import engine_cost, gateway_speed, rendering, rollout_loss
from benchmarks.processes import BenchmarkError, tell
from benchmarks.table import Row, render

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "rendering": rendering.rows,
    "engine": engine_cost.rows,
    "gateway": gateway_speed.rows,
    "rollout": rollout_loss.rows,
}


def main() -> int:
    """Run the benchmarks asked for; 0 when all could be measured, held or not."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="rows as JSON instead of the table")
    options = parser.parse_args()
    rows: list[Row] = []
    status = 0
    for number, name in enumerate(options.only, start=1):
        tell(f"{name}: {number} of {len(options.only)}")
        try:
            rows += BENCHMARKS[name]()
        except BenchmarkError as error:
            tell(f"{name}: {error}")
            status = 1
    print(json.dumps([row.as_json() for row in rows], indent=1) if options.json else render(rows))
    return status


if __name__ == "__main__":
    sys.exit(main())
