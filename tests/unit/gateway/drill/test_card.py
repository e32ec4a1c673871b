"""The card: the worst run counts, promises are held against both sides, limits excuse alone."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drill.assignment import Group, Run
from gateway.drill.card import Result, result, rows, seconds, speeds, tally, times_faster
from gateway.drill.catalogue import BY_ID
from gateway.drill.promise import Promise
from gateway.drill.scoring import score
from gateway.drill.seen import Form, Seen
from gateway.drill.speed import Edge, edge_bound_s, fast, hangs, percentile
from gateway.worst_case import Span
from tests.unit.gateway.drill.seen import PRIMARY, TARGET, answered, refused, saw, tried

GROUP = Group(PRIMARY, "xai", "grok-4.3", (TARGET,))
AT_ONCE = Promise(Span(0.03, 0.06, 0.12), 1)
SILENT = Promise(Span(10.03, 10.06, 10.12), 1, 10.0)


def ran(
    fault: str, seen: Seen, promise: Promise | None = AT_ONCE, form: Form = Form.STREAM
) -> Result:
    run = Run(BY_ID[fault], form, GROUP)
    return result(run, promise, seen, score(BY_ID[fault], seen), "1.106.2")


def rescued(took_s: float, *, calls: int = 1) -> Seen:
    log = tried(*range(calls)) + tried(calls, deployment=TARGET)
    return saw(answered(took_s=took_s), log=log)


def test_a_row_shows_its_worst_run() -> None:
    (row,) = rows([ran("S04", rescued(0.05)), ran("S04", rescued(0.4, calls=2))])
    assert (row.took, row.calls, row.score.value) == (0.4, 2, "pass")
    assert tally([row]) == "1 pass"


def test_a_run_of_several_requests_took_as_long_as_its_slowest() -> None:
    seen = saw(answered(took_s=0.1), answered(took_s=3.0), healed_at_s=4.0)
    assert ran("S15", seen).took_s == 3.0


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        (rescued(0.2), True),
        (rescued(0.33), False),  # 0.12 s promised, 0.2 s for LiteLLM's own work
        (rescued(0.05, calls=2), False),
        (saw(log=tried(0, deployment=TARGET)), None),
    ],
)
def test_a_promise_is_kept_in_time_and_in_attempts(seen: Seen, kept: bool | None) -> None:
    assert ran("S04", seen).kept is kept


def test_nobody_knows_about_a_promise_whose_time_the_drill_did_not_wait_for() -> None:
    hung = saw(refused(ended=False, took_s=45.0))
    assert ran("S06", hung, Promise(Span(500, 600, 700), 4)).kept is None
    assert ran("S06", hung, SILENT).kept is False
    assert rows([ran("S06", hung, SILENT)])[0].took is None


def test_a_known_limit_excuses_a_cut_answer_and_nothing_beside_it() -> None:
    cut = answered(text="answered by ")
    (alone,) = rows([ran("G09", saw(cut))])
    assert alone.excused
    (hammered,) = rows([ran("G09", saw(cut, log=tried(*range(7))))])
    assert hammered.score.value == "fail"
    assert not hammered.excused
    (both,) = rows([ran("G09", saw(cut)), ran("G09", saw(refused(ended=False)))])
    assert not both.excused


def test_a_version_that_was_not_measured_has_no_excuse() -> None:
    run, seen = Run(BY_ID["G09"], Form.STREAM, GROUP), saw(answered(text=""))
    assert result(run, None, seen, score(run.fault, seen), "1.109.1").limit is None


def test_an_attempt_that_was_not_promised_shows_in_the_times() -> None:
    (times,) = speeds([ran("S04", rescued(9.0, calls=4)), ran("G01", rescued(0.05))])
    assert (times.count, times.p99, times.held) == (2, 9.0, False)


def test_silence_is_measured_beyond_its_time_out() -> None:
    (times,) = speeds([ran("S06", rescued(10.15), SILENT)])
    assert times.p50 == pytest.approx(0.15)
    assert times.held
    assert not speeds([ran("S06", rescued(10.25), SILENT)])[0].held


def test_groups_that_are_tried_again_first_are_no_part_of_the_fixed_bound() -> None:
    later = Edge("a", "b", 0.6, at_once=False, cold=(0.5,), warm=(0.04,))
    (times,) = speeds([ran("S04", rescued(0.3, calls=2), Promise(AT_ONCE.span, 2))], [later])
    assert (times.kind, times.count) == ("breaker open", 1)


@pytest.mark.parametrize(
    ("cold", "warm", "held"),
    [((0.1,), (0.05,), True), ((0.31,), (0.05,), False), ((0.1,), (0.4,), False), ((), (), None)],
)
def test_an_edge_holds_when_each_of_its_rescues_does(
    cold: Any, warm: Any, held: bool | None
) -> None:
    bound = edge_bound_s(at_once=True, promised_s=9.0)
    assert Edge("a", "b", bound, at_once=True, cold=cold, warm=warm).held is held


def test_an_edge_that_is_tried_again_is_bound_by_the_arithmetic_of_its_retries() -> None:
    assert edge_bound_s(at_once=False, promised_s=0.4) == pytest.approx(0.6)


def test_ratios_are_of_the_same_fault_form_and_group() -> None:
    ours = [ran("G01", rescued(0.05)), ran("S04", rescued(0.1), form=Form.WHOLE)]
    theirs = [ran("G01", rescued(9.0, calls=4)), ran("S04", rescued(9.0, calls=4))]
    assert times_faster(ours, theirs, at_once=True) == pytest.approx(180)
    assert times_faster(ours, theirs, at_once=False) is None


def test_a_ratio_leaves_out_what_was_not_rescued_or_slept_out() -> None:
    ours = [ran("G01", rescued(0.05)), ran("G02", rescued(0.05))]
    theirs = [ran("G01", saw(refused(took_s=9))), ran("G02", rescued(120.0, calls=4))]
    assert times_faster(ours, theirs, at_once=True) is None


@given(st.floats(0, 1e6))
def test_a_duration_fits_its_column(value: float) -> None:
    assert len(seconds(value)) <= 7
    assert seconds(math.inf) == "never"


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.sampled_from([0.5, 0.99, 1.0]))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_times_say_their_bound_and_whether_it_held() -> None:
    held, slow = fast("any", [0.09] * 99 + [0.29]), fast("any", [0.11] * 3)
    assert held is not None
    assert slow is not None
    assert (held.held, slow.held) == (True, False)
    assert held.bound == "p50 <= 100 ms, p99 <= 300 ms"
    assert fast("any", []) is None
    assert hangs("any", []) is None
