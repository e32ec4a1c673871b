import ast
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.import_code import Group, Item, comment, literal, one_line, quoted, statement
from ops.import_module import Statement, placed_in

TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text())
def test_a_quoted_text_reads_back_from_one_line(text: str) -> None:
    assert "\n" not in quoted(text)
    assert ast.literal_eval(quoted(text)) == text


@given(TREES)
def test_data_reads_back_in_one_line_and_in_many(tree: Any) -> None:
    value = literal(tree, ("a",))
    assert ast.literal_eval(one_line(value)) == tree
    assert ast.literal_eval(statement("x", value, ("a",), {}).removeprefix("x = ")) == tree


def test_a_text_gets_the_quotes_that_need_fewer_backslashes() -> None:
    assert quoted('say "no"') == "'say \"no\"'"
    assert quoted('it\'s "it"') == "'it\\'s \"it\"'"
    assert quoted("it's") == '"it\'s"'


def test_a_comment_opens_what_it_stands_in() -> None:
    value = Group("Model(", ")", (Item("rpm=", "5", ("models", 0, "rpm")),))
    text = statement("M", value, ("models", 0), {("models", 0, "rpm"): ("low",)})
    assert text == "M = Model(\n    # low\n    rpm=5,\n)\n"


def test_a_comment_is_wrapped_and_shows_no_control_character() -> None:
    lines = comment("word " * 40 + "\x1b[31m", "    ")
    assert all(line.startswith("    # ") and len(line) <= 100 for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_comment_that_says_nothing_opens_nothing() -> None:
    statements: list[Statement] = [
        ("M", Group("Model(", ")", (Item("rpm=", "5", ("models", 0)),)), ("models",))
    ]
    assert placed_in(statements, {("models", 0): (" \n",)}) == {}
    assert placed_in(statements, {("models", 0): ("", "low")}) == {("models", 0): ("low",)}
