import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.processes import BenchmarkError
from benchmarks.report import BEGIN, END, PAGE, Machine, results, with_results
from benchmarks.table import Row

MACHINE = Machine("2026-11-24", 2, "Linux x86_64", "3.11.7", (0.5, 1.5))
plain = st.text().filter(lambda text: BEGIN not in text and END not in text)


@given(head=plain, old=plain, tail=plain, new=plain)
def test_pasting_replaces_what_stands_between_the_marks_and_nothing_else(
    head: str, old: str, tail: str, new: str
) -> None:
    once = with_results(f"{head}{BEGIN}{old}{END}{tail}", f"{new}\n")
    assert once == f"{head}{BEGIN}\n{new}\n{END}{tail}"
    assert with_results(once, f"{new}\n") == once


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, BEGIN + BEGIN + END, BEGIN + END + END])
def test_a_page_without_its_two_marks_is_left_alone(page: str) -> None:
    with pytest.raises(BenchmarkError, match="the page needs"):
        with_results(page, "a table\n")


def test_the_documentation_has_a_place_for_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "| no-op" in with_results(page, "| no-op |\n")


def test_results_say_when_and_on_what_they_were_measured() -> None:
    text = results([Row("a row", "1 s", "1 s", 1.0, "-", held=None)], MACHINE)
    first = text.splitlines()[0]
    assert first == (
        "2026-11-24, 2 shared cores, Linux x86_64, Python 3.11.7; load 0.5 before, 1.5 after."
    )
    assert "| a row |" in text
