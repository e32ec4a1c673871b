"""The rows and the page of rescues: bounds are held as they were promised, and shown as seen."""

from typing import Any

import pytest

from benchmarks import report
from benchmarks.rescue_times import Rescues, summary
from benchmarks.resilience import BEGIN, PAGE, rendered
from benchmarks.table import Row


def rescues(**changed: Any) -> Rescues:
    usual: dict[str, Any] = {
        "healthy": [0.03] * 9,
        "cold": [0.07] * 99 + [0.25],
        "retry_after": [0.08] * 10,
        "warm": [0.04] * 10,
        "silent": [3.08, 3.15],
        "pairs": [(0.07, 9.1), (0.1, 9.0), (0.08, 8.8)],
    }
    return Rescues(**usual | changed)


def row(name: str, **changed: Any) -> Row:
    return next(one for one in summary(rescues(**changed)) if one.name.startswith(name))


def test_all_bounds_hold_where_rescues_are_fast() -> None:
    rows = summary(rescues())
    assert [one.held for one in rows] == [True] * 8
    assert len({one.name for one in rows}) == len(rows)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("rescue from a 5xx or 429, p50", {"cold": [0.11] * 10}),
        ("rescue from a 5xx or 429, p99", {"cold": [0.05] * 90 + [0.31] * 10}),
        ("rescue from a 429 with Retry-After: 30, p50", {"retry_after": [0.2] * 3}),
        ("rescue while the breaker is open, p99", {"warm": [0.05, 0.4]}),
        ("rescue from silence", {"silent": [3.1, 3.21]}),
        ("rescue, times faster", {"pairs": [(0.2, 9.0)] * 3}),
    ],
)
def test_each_bound_can_be_missed(name: str, changed: dict[str, Any]) -> None:
    assert row(name, **changed).held is False


def test_times_faster_is_the_median_of_pairs() -> None:
    assert row("rescue, times faster").ratio == pytest.approx(110)


def fault(**changed: Any) -> dict[str, Any]:
    usual = {"id": "G02", "title": "429", "score": "pass", "known_limit": False, "took_s": 0.1234}
    more = {"tries": 1, "promised_s": 0.12, "promised_tries": 1, "kept": True}
    return usual | more | changed


def document(**published: Any) -> dict[str, Any]:
    times = {"kind": "5xx or 429", "count": 9, "p50_s": 0.05, "p99_s": 0.2}
    edge = {"source": "a", "target": "b", "bound_s": 0.3, "held": True}
    edge |= {"cold_s": [0.06, 0.08], "warm_s": []}
    ours = {"faults": [fault()], "edges": [edge], "times": [times | {"bound": "b", "held": True}]}
    return {
        "here": ours,
        "published": {"faults": [fault(**published)], "edges": [], "times": []},
        "times_faster": {"at_once": 123.4, "tried_again": None},
        "limit_s": 45.0,
    }


def test_the_page_shows_both_cards_side_by_side() -> None:
    hung = {"score": "fail", "took_s": None, "tries": 2, "promised_s": 123.4, "promised_tries": 4}
    text = rendered(document(**hung, kept=None))
    assert "| pass | 0.12 s | 1/1 | 0.12 s | fail | > 45 s | 2/4 | 123 s |" in text
    assert "123 times faster where the target is asked at once" in text
    assert "| a → b | 80 ms | - | 300 ms | yes |" in text


def test_the_page_says_what_was_not_kept_what_is_known_and_what_never_ends() -> None:
    shown = {"score": "fail", "known_limit": True, "promised_s": None, "kept": False}
    assert "| fail (known) | 0.12 s | 1/1 | never (not kept) |" in rendered(document(**shown))


def test_the_page_has_the_marks_between_which_it_is_written() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "text\n" in report.with_results(page, "text\n", begin=BEGIN)
