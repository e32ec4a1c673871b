import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.flyctl.query import QueryError, Selection, read_query

NAMES = st.from_regex(r"[a-z][A-Za-z0-9_]{0,6}", fullmatch=True).filter(lambda name: name != "on")
SELECTIONS = st.recursive(
    st.builds(Selection, NAMES, NAMES, st.just({})),
    lambda below: st.builds(
        Selection,
        NAMES,
        NAMES,
        st.dictionaries(NAMES, st.integers() | st.booleans() | st.none(), max_size=2),
        st.lists(below, min_size=1, max_size=3).map(tuple),
    ),
    max_leaves=8,
)
WORDS = {True: "true", False: "false", None: "null"}


def written(selection: Selection) -> str:
    """Write a selection as GraphQL."""
    arguments = ", ".join(
        f"{name}: {value if type(value) is int else WORDS[value]}"
        for name, value in selection.arguments.items()
    )
    below = " ".join(map(written, selection.fields))
    key = "" if selection.key == selection.name else f"{selection.key}: "
    return (
        f"{key}{selection.name}"
        + (f"({arguments})" if arguments else "")
        + (f" {{ {below} }}" if below else "")
    )


@given(st.lists(SELECTIONS, min_size=1, max_size=3).map(tuple))
def test_what_is_written_is_read(selections: tuple[Selection, ...]) -> None:
    body = "{ " + " ".join(map(written, selections)) + " }"
    assert read_query(body, {}) == selections
    assert read_query(f"query Name($a: String!) {body}", {}, "Name") == selections


def test_variables_and_fragments_are_put_in_their_places() -> None:
    text = """
        query A($n: String!) { app(name: $n, at: [{x: "a\\"b", y: ASC}]) { ...Data } } # a comment
        mutation B { b { ... on User { id } } }
        fragment Data on App { id, at: name }
    """
    (app,) = read_query(text, {"n": "gw"}, "A")
    assert app.arguments == {"name": "gw", "at": [{"x": 'a"b', "y": "ASC"}]}
    assert app.fields == (Selection("id", "id"), Selection("name", "at"))
    (other,) = read_query(text, {}, "B")
    assert other.fields == (Selection("id", "id"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 operations"),
        ("{ a } { b }", "2 operations"),
        ("query A { a", "ends too early"),
        ("{ a % }", "'% }'"),
        ("{ ...None }", "no fragment None"),
        ("{ ...A } fragment A on App { app { ...A } }", "fragment A contains itself"),
        ("{ a(b c) }", "where ':' belongs"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        read_query(text, {})
