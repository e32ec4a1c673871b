from gateway.drill.known_limits import LIMITS
from tools.known_limits_page import PAGE, table, with_table


def test_the_page_lists_what_the_drill_excuses() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "run: python -m tools.known_limits_page"


def test_every_limit_is_a_row() -> None:
    assert table().count("\n") == len(LIMITS) + 2
