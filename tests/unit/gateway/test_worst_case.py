import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.worst_case import (
    NEVER,
    ZERO,
    Backoff,
    attempts_s,
    backoff_of,
    exactly,
    sleeps_s,
)


@pytest.mark.parametrize(
    ("retries", "best", "worst"),
    [(0, 0.0, 0.0), (1, 1.5, 3.0), (3, 7.5, 10.5)],  # measured: local gateway, section 0, 2
)
def test_litellm_sleeps_once_more_than_it_retries(retries: int, best: float, worst: float) -> None:
    slept = sleeps_s(Backoff(), retries)
    assert (slept.best, slept.worst) == (best, worst)


def test_a_retry_after_is_obeyed_at_every_sleep() -> None:
    assert sleeps_s(Backoff(), 1, retry_after_s=4).best == 8
    assert sleeps_s(Backoff(), 3, retry_after_s=30).best == 120


def test_a_retry_after_above_a_minute_is_not_obeyed() -> None:
    assert sleeps_s(Backoff(), 1, retry_after_s=61) == sleeps_s(Backoff(), 1)


def test_retry_after_of_the_router_only_lengthens_and_only_up_to_the_longest_sleep() -> None:
    assert Backoff(minimum_s=2).sleep(0).best == 2
    assert Backoff(minimum_s=0.1).sleep(0).best == 0.5
    assert Backoff(minimum_s=20).sleep(0).best == 8


def test_variables_of_the_process_decide_the_sleeps() -> None:
    short = backoff_of({"INITIAL_RETRY_DELAY": "0.05", "MAX_RETRY_DELAY": "0.2", "JITTER": "0.05"})
    assert sleeps_s(short, 1).best == pytest.approx(0.15)
    assert sleeps_s(short, 1).worst == pytest.approx(0.25)


@pytest.mark.parametrize("text", ["", "fast", "nan", "inf", "-1"])
def test_a_variable_that_is_no_delay_counts_as_unset(text: str) -> None:
    assert backoff_of({"JITTER": text}) == Backoff()


def test_a_group_of_several_deployments_does_not_sleep() -> None:
    tried = attempts_s(exactly(1), retries=3, backoff=Backoff(), deployments=2)
    assert tried == exactly(4)


def test_an_endless_try_makes_an_endless_wait_and_no_try_none() -> None:
    assert attempts_s(exactly(NEVER), retries=1, backoff=Backoff()).best == math.inf
    assert exactly(NEVER).times(0) == ZERO


@given(st.integers(-5, 10**7), st.floats(0, 1e6), st.one_of(st.none(), st.floats(-10, 100)))
def test_best_is_never_more_than_typical_nor_that_than_worst(
    retries: int, attempt: float, retry_after: float | None
) -> None:
    span = attempts_s(
        exactly(attempt), retries=retries, backoff=Backoff(), retry_after_s=retry_after
    )
    assert 0 <= span.best <= span.typical <= span.worst
    assert span.worst < math.inf


@given(st.integers(0, 200))
def test_the_shortcut_for_many_retries_sums_as_one_by_one(retries: int) -> None:
    backoff = Backoff()
    whole = ZERO
    for number in range(retries + 1 if retries else 0):
        whole += backoff.sleep(number)
    shown = sleeps_s(backoff, retries)
    assert shown.best == pytest.approx(whole.best)
    assert shown.worst == pytest.approx(whole.worst)
