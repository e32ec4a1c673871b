from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.edit import EditRefused
from stacks.edit_url import edited_url
from stacks.rule import Append, Put, Remove

ADDRESS = "postgres://role:p%40ss@db.flycast:5432/name"
parameters = st.lists(
    st.tuples(st.sampled_from(["a", "b c", "sslmode"]), st.text(max_size=4)), max_size=5
)


def of(*names: str) -> tuple[Remove, ...]:
    return tuple(Remove(("database_url", name)) for name in names)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?keepalives=1&sslmode=disable\n", "?sslmode=disable\n"),
        ("?sslmode=disable&keepalives=1&keepalives=2", "?sslmode=disable"),
        ("?keepalives=1 \n", " \n"),
        ("", ""),
        ("?", "?"),
    ],
)
def test_a_parameter_goes_and_all_else_stays(query: str, left: str) -> None:
    assert edited_url(ADDRESS + query, of("keepalives")) == ADDRESS + left


@given(parameters, st.text(max_size=4))
def test_a_parameter_is_put_once_whatever_was_there(
    before: list[tuple[str, str]], value: str
) -> None:
    text = f"{ADDRESS}?{urlencode(before)}"
    now = edited_url(text, [Put(("database_url", "b c"), value)])
    read = parse_qsl(urlsplit(now).query, keep_blank_values=True)
    assert {found for name, found in read if name == "b c"} == {value}
    assert [pair for pair in read if pair[0] != "b c"] == [p for p in before if p[0] != "b c"]


def test_an_edit_of_another_document_does_nothing() -> None:
    assert edited_url(f"{ADDRESS}?a=1", [Remove(("litellm", "a"))]) == f"{ADDRESS}?a=1"


def test_what_a_url_cannot_say_is_refused() -> None:
    with pytest.raises(EditRefused, match="each has one value"):
        edited_url(ADDRESS, [Append(("database_url", "a"), 1)])
