"""`python -m benchmarks.resilience`: the drill's card of both settings, for docs/resilience.md."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import report
from benchmarks.harness import ROOT, local_gateway
from benchmarks.processes import BenchmarkError, tell
from gateway.drill.card import seconds
from gateway.drill.scoring import Score

PAGE = ROOT / "docs" / "resilience.md"
BEGIN = "<!-- results of `python -m benchmarks.resilience --paste`: begin -->"
CARD = (
    *("fault", "provider does", "ours", "took", "tries", "promise"),
    *("published", "took", "tries", "promise"),
)
EDGES = ("rescue from a 500", "primary asked", "at rest", "bound", "held")
YES_NO = {True: "yes", False: "NO", None: "-"}
TIMES = ("rescues", "n", "p50", "p99", "bound", "held")


def main() -> int:
    """Deploy a local gateway of its own, drill it beside the published settings, print the card."""
    parser = argparse.ArgumentParser(prog="benchmarks.resilience", description=__doc__)
    parser.add_argument("--paste", action="store_true", help="also put it into docs/resilience.md")
    options = parser.parse_args()
    load = report.load_now()
    try:
        document = measured()
    except BenchmarkError as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        tell("interrupted; everything that was started has ended")
        return 130
    text = f"{report.this_machine(load).sentence()}\n\n{rendered(document)}"
    print(text, end="")
    if options.paste:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(report.with_results(page, text, begin=BEGIN), encoding="utf-8")
        tell("the card stands in docs/resilience.md")
    return 0


def measured() -> dict[str, Any]:
    """Return the document of `gateway drill local --compare`."""
    with local_gateway() as gateway:
        tell("resilience: deploying the local stack on the real LiteLLM")
        gateway.deploy()
        tell("resilience: gateway drill local --compare")
        done = gateway.gateway("drill", "local", "--compare", "--json", ends_with=(0, 2))
        document: dict[str, Any] = json.loads(done.output)
    return document


def rendered(document: Mapping[str, Any]) -> str:
    """Return the card, its reasons counted, and the times of rescues, as Markdown."""
    ours, published = document["here"], document["published"]
    beside = {row["id"]: row for row in published["faults"]}
    limit_s = document["limit_s"]
    card = [
        (row["id"], row["title"], *_scored(row, limit_s), *_scored(beside[row["id"]], limit_s))
        for row in ours["faults"]
    ]
    times = [
        (
            one["kind"],
            str(one["count"]),
            _ms(one["p50_s"]),
            _ms(one["p99_s"]),
            one["bound"],
            YES_NO[one["held"]],
        )
        for one in ours["times"]
    ]
    totals = [f"- {name}: {_tally(part['faults'])}" for name, part in _named(ours, published)]
    edges = [
        (
            f"{edge['source']} → {edge['target']}",
            _ms(max(edge["cold_s"], default=None)),
            _ms(max(edge["warm_s"], default=None)),
            _ms(edge["bound_s"]),
            YES_NO[edge["held"]],
        )
        for edge in ours["edges"]
    ]
    faster = document["times_faster"]
    return "\n".join(
        [
            *totals,
            "",
            f"Each answer was waited for {limit_s:g} s at most; longer is a hang. The same faults"
            " on the same groups were rescued"
            f" {_times(faster['at_once'])} faster where the target is asked at once,"
            f" {_times(faster['tried_again'])} where the model has no chain of its own and is tried"
            " once more.",
            "",
            _table(CARD, card),
            _table(EDGES, edges),
            _table(TIMES, times),
        ]
    )


def _named(ours: Any, published: Any) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return (("these settings", ours), ("published settings", published))


def _scored(row: Mapping[str, Any], limit_s: float) -> tuple[str, ...]:
    known = " (known)" if row["score"] == "fail" and row["known_limit"] else ""
    took = f"> {limit_s:g} s" if row["took_s"] is None else seconds(row["took_s"])
    if row["promised_tries"] is None:
        promise, of = "-", "-"
    else:
        promise = "never" if row["promised_s"] is None else seconds(row["promised_s"])
        of = str(row["promised_tries"])
    missed = " (not kept)" if row["kept"] is False else ""
    return (f"{row['score']}{known}", took, f"{row['tries']}/{of}", f"{promise}{missed}")


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.0f} times"


def _tally(rows: Sequence[Mapping[str, Any]]) -> str:
    scores = [row["score"] for row in rows]
    return ", ".join(f"{scores.count(score)} {score}" for score in Score if score in scores)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
