import io
import json

from hypothesis import given
from hypothesis import strategies as st

from ops.output import Output
from stacks.problem import Problem

PROBLEM = Problem("here", "x.y", "7", "that", "do this")


def make(*, as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, stdout=out, stderr=err), out, err


def test_an_answer_goes_to_stdout_and_progress_to_stderr() -> None:
    output, out, err = make()
    output.show("the answer")
    output.say("half way")
    output.answer({"a": 1})
    assert (out.getvalue(), err.getvalue()) == ("the answer\n", "half way\n")


def test_with_json_stdout_holds_the_document_and_nothing_else() -> None:
    output, out, err = make(as_json=True)
    output.show("the answer")
    output.facts([("name", "value")])
    output.table(("fallback",), [("a -> b",)])
    output.answer({"a": 1})
    assert json.loads(out.getvalue()) == {"a": 1}
    assert all(text in err.getvalue() for text in ("the answer", "value", "a -> b"))


def test_a_problem_has_three_lines_and_the_same_parts_as_fields() -> None:
    output, out, err = make(as_json=True)
    output.problems([PROBLEM], environment="dev")
    assert err.getvalue() == "error[x.y] here = 7\n  that\n  do this\n"
    found = json.loads(out.getvalue())
    assert found["environment"] == "dev"
    assert found["problems"][0]["next_step"] == "do this"


def test_facts_stand_in_columns_and_the_empty_ones_are_left_out() -> None:
    output, out, _ = make()
    output.facts([("url", "http://a"), ("none", ""), ("release", "b")])
    assert out.getvalue() == "url      http://a\nrelease  b\n"


@given(st.text(st.sampled_from("[]/ab*->"), min_size=1, max_size=60))
def test_a_cell_is_printed_as_it_is_whatever_brackets_it_holds(text: str) -> None:
    output, out, _ = make()
    output.table(("name",), [(text,)])
    assert text.strip() in out.getvalue()
