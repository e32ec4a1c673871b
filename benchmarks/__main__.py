"""`python -m benchmarks`: measure, and print one table of ratios to stdout; progress to stderr."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from types import FrameType

from benchmarks import (
    check_speed,
    drift,
    engine_cost,
    gateway_speed,
    release_scale,
    rendering,
    report,
    rescue_times,
    rollout_loss,
)
from benchmarks.processes import BenchmarkError, tell
from benchmarks.table import Row

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "rendering": rendering.rows,
    "check": check_speed.rows,
    "engine": engine_cost.rows,
    "gateway": gateway_speed.rows,
    "rollout": rollout_loss.rows,
    "resilience": rescue_times.rows,
    "drift": drift.rows,
    "scale": release_scale.rows,
}


def main() -> int:
    """Run the benchmarks asked for; 0 when all could be measured, held or not."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="rows as JSON instead of the table")
    parser.add_argument(
        "--paste", action="store_true", help="also put the table into docs/benchmarks.md"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupted)
    load = report.load_now()
    rows: list[Row] = []
    status = 0
    try:
        for number, name in enumerate(options.only, start=1):
            tell(f"{name}: {number} of {len(options.only)}")
            try:
                rows += BENCHMARKS[name]()
            except BenchmarkError as error:
                tell(f"{name}: {error}")
                status = 1
    except KeyboardInterrupt:
        tell("interrupted; everything that was started has ended")
        return 130
    machine = report.this_machine(load)
    text = report.results(rows, machine)
    if options.json:
        document = {"machine": machine.as_json(), "rows": [row.as_json() for row in rows]}
        print(json.dumps(document, indent=1))
    else:
        print(text, end="")
    if options.paste and status == 0:
        page = report.PAGE.read_text(encoding="utf-8")
        report.PAGE.write_text(report.with_results(page, text), encoding="utf-8")
        tell("the table stands in docs/benchmarks.md")
    return status


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Let a polite end unwind like Ctrl-C: what was started is ended."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
