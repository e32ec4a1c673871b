"""Many machines at once: one error ends the work of all, and is the one that is told."""

import threading

import pytest

from fly.tally import FEW, Tally
from fly.together import Together

DEADLINE_S = 10.0


class Gone(BaseException):
    """Says that the process is to end."""


def until(event: threading.Event) -> None:
    assert event.wait(DEADLINE_S), "nobody came"


def test_results_keep_the_order_of_the_items_whoever_ends_first() -> None:
    last_has_begun = threading.Event()

    def act(number: int) -> int:
        if number == 0:
            until(last_has_begun)
        if number == 3:
            last_has_begun.set()
        return number * 2

    assert Together(4).each(range(4), act) == [0, 2, 4, 6]


def test_no_more_than_so_many_are_at_work_at_a_time() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    all_three = threading.Barrier(3, timeout=DEADLINE_S)

    def act(_: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        all_three.wait()
        with lock:
            now[0] -= 1

    Together(3).each(range(30), act)
    assert 1 < most[0] <= 3


def test_after_an_error_nothing_begins_and_what_is_under_way_ends_at_its_next_step() -> None:
    together, failed, begun = Together(2), threading.Event(), []

    def act(number: int) -> None:
        begun.append(number)
        if number == 0:
            failed.set()
            raise ValueError("of the first")
        until(failed)
        while True:
            together.check()

    with pytest.raises(ValueError, match="of the first"):
        together.each(range(50), act)
    assert len(begun) <= 2
    assert together.each([1, 2], lambda number: number) == [1, 2]


def test_what_ends_the_process_is_told_before_any_other_error() -> None:
    both = threading.Barrier(2)

    def act(number: int) -> None:
        both.wait(DEADLINE_S)
        if number == 1:
            raise Gone("at once")
        raise ValueError("no")

    with pytest.raises(Gone, match="at once"):
        Together(2).each([1, 2], act)


def test_what_the_waiting_thread_meets_ends_all() -> None:
    together = Together(2, tick_s=0.001)

    def act(_: int) -> None:
        while True:
            together.check()

    def tick() -> None:
        raise KeyboardInterrupt("of the user")

    with pytest.raises(KeyboardInterrupt, match="of the user"):
        together.each([1, 2, 3], act, tick=tick)


def test_few_machines_are_told_one_by_one_and_many_as_counts() -> None:
    lines: list[str] = []
    now = [0.0]
    few = Tally(lines.append, lambda: now[0], FEW)
    few.one("creating iad-1")
    few.done("created")
    assert lines == ["creating iad-1"]
    lines.clear()
    many = Tally(lines.append, lambda: now[0], 100)
    for number in range(100):
        now[0] = number
        many.one("creating one")
        many.done("created")
        if number % 2:
            many.done("proven")
    assert lines[0] == "created 6, proven 2 of 100; 5 s"
    assert lines[-1] == "created 100, proven 49 of 100; 99 s"
    assert len(lines) <= 21
