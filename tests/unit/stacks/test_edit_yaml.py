import textwrap
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.configuration import Document
from stacks.edit import EditRefused, Tree, plain
from stacks.edit_yaml import edited_yaml
from stacks.rule import Append, Edit, Move, Put, Remove
from tests.unit.stacks.plain_data import KEYS, documents, paths_below

ROOT = "litellm"


def edited(text: str, *edits: Edit) -> str:
    """Return a text after edits, once they are seen to change nothing more when made again."""
    given = textwrap.dedent(text)
    result = edited_yaml(given, edits)
    assert edited_yaml(result, [it for it in edits if not isinstance(it, Remove)]) == result
    return result


def as_text(text: str) -> str:
    return textwrap.dedent(text)


# --- what a reader sees in the diff ---------------------------------------------------------------


def test_a_removed_key_takes_its_line_and_nothing_else() -> None:
    assert edited(
        """\
        # header
        router_settings:
          # breaker
          allowed_fails: 3   # beside
          # retries
          num_retries:   2

        general_settings: {a: 1}   # end
        """,
        Remove((ROOT, "router_settings", "allowed_fails")),
    ) == as_text("""\
        # header
        router_settings:
          # breaker
          # retries
          num_retries:   2

        general_settings: {a: 1}   # end
        """)


def test_a_section_that_becomes_empty_goes_with_its_last_key() -> None:
    assert (
        edited("a:\n  b:\n    c: 1\n  # kept\nd: 2\n", Remove((ROOT, "a", "b", "c")))
        == "  # kept\nd: 2\n"
    )


def test_a_list_that_becomes_empty_goes_with_its_last_entry() -> None:
    assert edited('a: ["x"]\nd: 2\n', Remove((ROOT, "a", 0))) == "d: 2\n"


def test_a_text_that_becomes_empty_is_an_empty_mapping() -> None:
    assert edited("# header\na: 1\n", Remove((ROOT, "a"))) == "# header\n{}\n"


def test_a_value_is_put_in_its_place_with_the_comment_kept() -> None:
    assert (
        edited(
            "a:\n  b:   3   # why\n  c: 'x'\n", Put((ROOT, "a", "b"), 2), Put((ROOT, "a", "c"), "y")
        )
        == "a:\n  b:   2   # why\n  c: 'y'\n"
    )


def test_a_missing_section_is_made_at_the_end() -> None:
    assert (
        edited("a:\n    b: 1\n\nc:\n    d: 2", Put((ROOT, "e", "f", "g"), 3))
        == "a:\n    b: 1\n\nc:\n    d: 2\n\ne:\n    f:\n        g: 3"
    )


def test_a_key_is_put_behind_the_last_of_its_section() -> None:
    assert edited(
        """\
        a:
          b: 1  # beside

        # about c
        c: 2
        """,
        Put((ROOT, "a", "x"), ["y", "z"]),
    ) == as_text("""\
        a:
          b: 1  # beside
          x: [y, z]

        # about c
        c: 2
        """)


def test_a_key_is_put_into_a_section_in_braces() -> None:
    assert (
        edited(
            "cache_params: { type: redis, ttl: 300 }  # c\n", Put((ROOT, "cache_params", "port"), 1)
        )
        == "cache_params: { type: redis, ttl: 300, port: 1 }  # c\n"
    )


def test_a_key_without_a_value_becomes_a_section() -> None:
    assert (
        edited("router_settings:  # later\nx: 1\n", Put((ROOT, "router_settings", "a"), 1))
        == "router_settings:  # later\n  a: 1\nx: 1\n"
    )


def test_keys_are_taken_out_of_braces() -> None:
    text = "p: {a: 1, b: 2, c: 3}\n"
    assert edited(text, Remove((ROOT, "p", "a"))) == "p: {b: 2, c: 3}\n"
    assert edited(text, Remove((ROOT, "p", "b"))) == "p: {a: 1, c: 3}\n"
    assert edited(text, Remove((ROOT, "p", "c"))) == "p: {a: 1, b: 2}\n"
    assert edited(text, Remove((ROOT, "p", "b")), Remove((ROOT, "p", "c"))) == "p: {a: 1}\n"


def test_an_entry_is_appended_as_its_neighbours_are_written() -> None:
    value = {"*": ["x/y"]}
    assert edited('f:\n  - {"a": ["b"]}\nz: 1\n', Append((ROOT, "f"), "x")) == (
        'f:\n  - {"a": ["b"]}\n  - "x"\nz: 1\n'
    )
    assert edited('f: ["a", "b"] # c\n', Append((ROOT, "f"), "c")) == 'f: ["a", "b", "c"] # c\n'
    assert edited("p: { x: 1 }\nf:\n  - {'a': ['b']}\n", Append((ROOT, "f"), value)) == (
        "p: { x: 1 }\nf:\n  - {'a': ['b']}\n  - {'*': ['x/y']}\n"
    )
    assert edited("f:\n- a\n", Append((ROOT, "f"), value)) == ('f:\n- a\n- "*":\n  - x/y\n')
    assert edited("r: {}\n", Append((ROOT, "r", "f"), "x")) == "r: {f: [x]}\n"
    assert edited("f: [\n  a,  # one\n  b  # two\n]\n", Append((ROOT, "f"), "c")) == (
        "f: [\n  a,  # one\n  b,  # two\n  c\n]\n"
    )


def test_a_moved_key_takes_its_comments_along() -> None:
    assert edited(
        """\
        # header
        general_settings:
          master_key: os.environ/LITELLM_MASTER_KEY
          # a request may take this long
          # in seconds
          request_timeout: 90   # measured
          store: true

        litellm_settings:
            drop_params: true
        """,
        Move(
            (ROOT, "general_settings", "request_timeout"),
            (ROOT, "litellm_settings", "request_timeout"),
        ),
    ) == as_text("""\
        # header
        general_settings:
          master_key: os.environ/LITELLM_MASTER_KEY
          store: true

        litellm_settings:
            drop_params: true
            # a request may take this long
            # in seconds
            request_timeout: 90   # measured
        """)


def test_two_keys_are_moved_into_a_section_that_does_not_exist() -> None:
    assert (
        edited(
            "a:\n  x:\n    - 1 # one\n    - 2\n  y: |\n    two\n    lines\n",
            Move((ROOT, "a", "x"), (ROOT, "b", "x")),
            Move((ROOT, "a", "y"), (ROOT, "b", "c", "y")),
        )
        == "b:\n  x:\n    - 1 # one\n    - 2\n  c:\n    y: |\n      two\n      lines\n"
    )


def test_a_key_moved_within_its_section_is_renamed_in_place() -> None:
    assert (
        edited("a: 1\ntimeoutt: 5 # s\nb: 2\n", Move((ROOT, "timeoutt"), (ROOT, "timeout")))
        == "a: 1\ntimeout: 5 # s\nb: 2\n"
    )


def test_nothing_is_moved_over_what_is_there() -> None:
    text = "a: {x: 1}\nb: {x: 2}\n"
    assert edited(text, Move((ROOT, "a", "x"), (ROOT, "b", "x"))) == text


def test_keys_move_between_braces_and_blocks() -> None:
    assert (
        edited("a: {x: 1, y: {z: 2}}\nb:\n  c: 3\n", Move((ROOT, "a", "y"), (ROOT, "b", "y")))
        == "a: {x: 1}\nb:\n  c: 3\n  y: {z: 2}\n"
    )
    assert edited("a:\n  x: 1\nb: {c: 3}\n", Move((ROOT, "a", "x"), (ROOT, "b", "x"))) == (
        "b: {c: 3, x: 1}\n"
    )


def test_the_first_key_behind_a_dash_is_taken_out() -> None:
    text = "m:\n  - model_name: a\n    rpm: 1\n  - model_name: b\n    # about rpm\n    rpm: 2\n"
    assert (
        edited(text, Remove((ROOT, "m", 0, "model_name")), Remove((ROOT, "m", 1, "model_name")))
        == "m:\n  - rpm: 1\n  -\n    # about rpm\n    rpm: 2\n"
    )


def test_positions_are_those_of_the_text_as_given() -> None:
    text = "m:\n  - a\n  - b # b\n  - c\n  - d\n"
    assert edited_yaml(
        text, [Remove((ROOT, "m", 0)), Remove((ROOT, "m", 2)), Put((ROOT, "m", 3), 4)]
    ) == ("m:\n  - b # b\n  - 4\n")


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    assert (
        edited_yaml(
            "\ufeffa: 1\r\nb:\r\n  c: 2\r\n", [Remove((ROOT, "a")), Put((ROOT, "b", "d"), [1])]
        )
        == "\ufeffb:\r\n  c: 2\r\n  d: [1]\r\n"
    )


def test_a_text_that_says_nothing_gets_its_first_section() -> None:
    assert edited("# only this\n", Put((ROOT, "a", "b"), 1)) == "# only this\na:\n  b: 1\n"
    assert edited("{}\n", Put((ROOT, "a"), 1)) == "a: 1\n"


def test_edits_of_what_does_not_exist_or_of_another_document_do_nothing() -> None:
    text = "a: {b: [1]} # as it is\n"
    edits: list[Edit] = [
        Remove((ROOT, "x", "y")),
        Remove((ROOT, "a", "b", 3)),
        Remove(("fly", "a")),
        Move((ROOT, "x"), (ROOT, "y")),
        Put((ROOT, "a", "b", 7), 1),
        Put((ROOT, "a", "b", 0), 1),
    ]
    assert edited(text, *edits) == text


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "edit", "why"),
    [
        (
            "a: &x {b: 1, d: 2}\nc: *x\n",
            Remove((ROOT, "a", "b")),
            "line 1: a is shared by an anchor",
        ),
        ("a: &x {b: 1}\nc: *x\n", Put((ROOT, "c", "b"), 2), "line 2: c is shared by an anchor"),
        ("a: &x {b: 1}\nc: *x\n", Remove((ROOT, "a")), "line 1: this has an anchor"),
        (
            "a: &x {b: 1}\nc: {<<: *x, d: 1}\n",
            Remove((ROOT, "c", "b")),
            "line 2: a part of c stands at",
        ),
        ("a: &x 1\nb: {c: *x}\n", Move((ROOT, "b"), (ROOT, "d", "b")), "an alias that needs one"),
        ("a: 1\na: 2\n", Remove((ROOT, "a")), "stands here twice"),
        ("a: [1\n", Remove((ROOT, "a")), "never closed"),
        ("- a\n", Put((ROOT, "a"), 1), "the top level is no mapping"),
        ("a: 5\n", Put((ROOT, "a", "b"), 1), "a: this is no mapping"),
        ("a: 5\n", Append((ROOT, "a"), 1), "a: this is no list"),
        ("a: [1]\n", Put((ROOT, "a", "b"), 1), "a: this is no mapping"),
        ("a: 5\n", Move((ROOT, "a"), ("fly", "a")), "fly.a is in another file"),
        ("a: {b: 1}\n", Move((ROOT, "a"), (ROOT, "a", "c")), "nothing can be moved to a.c"),
        ("a: {\n  b: 1, # c\n  d: 2 }\n", Remove((ROOT, "a", "b")), "a comment stands between"),
    ],
)
def test_an_edit_that_would_break_something_is_refused(text: str, edit: Edit, why: str) -> None:
    with pytest.raises(EditRefused, match=why):
        edited_yaml(text, [edit])


def test_an_alias_may_be_taken_out_and_a_merged_key_overridden() -> None:
    assert edited("a: &x 1\nb: *x\nc: 2\n", Remove((ROOT, "b"))) == "a: &x 1\nc: 2\n"
    assert edited("a: &x {b: 1}\nc:\n  <<: *x\n", Put((ROOT, "c", "d"), 2)) == (
        "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n"
    )


def test_a_refused_edit_leaves_the_others_made() -> None:
    refused: list[EditRefused] = []
    text = "a: &x 1\nb: *x\nc: 2\nd: 3\n"
    result = edited_yaml(
        text, [Remove((ROOT, "c")), Remove((ROOT, "a")), Put((ROOT, "d"), 4)], refused.append
    )
    assert result == "a: &x 1\nb: *x\nd: 4\n"
    (refusal,) = refused
    assert refusal.problem.place == "line 1"
    assert refusal.problem.id == "source.edit"


# --- properties -----------------------------------------------------------------------------------


@st.composite
def documents_with_edits(draw: st.DrawFn) -> tuple[dict[str, Any], list[Edit]]:
    document = draw(documents())
    paths = [path for path, _ in paths_below(document)]
    existing = st.sampled_from(paths)
    missing = st.tuples(existing, KEYS).map(lambda it: (*it[0][:-1], it[1]))
    any_path = (existing | missing | st.tuples(KEYS, KEYS)).map(lambda path: (ROOT, *path))
    values = st.sampled_from([1, None, "x", "yes: ", ["a", "- b"], {"k": {"l": [1]}}, [], {}])
    edit: st.SearchStrategy[Edit] = st.one_of(
        st.builds(Remove, any_path),
        st.builds(Put, any_path, values),
        st.builds(Append, any_path, values),
        st.builds(Move, any_path, any_path),
    )
    return document, draw(st.lists(edit, min_size=1, max_size=4))


def commented(text: str) -> tuple[str, list[str]]:
    """Return a block text with a comment above and beside each line of a key."""
    lines = []
    comments = []
    for number, line in enumerate(text.splitlines()):
        plain_line = line.lstrip(" -")
        if plain_line[:1].isalpha() and plain_line.endswith(":") and "'" not in line:
            indent = " " * (len(line) - len(line.lstrip(" ")))
            comments.append(f"# above {number}")
            lines.append(f"{indent}# above {number}")
        lines.append(line)
    return "\n".join(lines) + "\n", comments


def refusal_of(text: str, edits: list[Edit]) -> str:
    try:
        edited_yaml(text, edits)
    except EditRefused as refusal:
        return str(refusal)
    return ""


@given(documents_with_edits(), st.sampled_from([True, False, None]), st.booleans())
def test_an_edited_text_says_exactly_the_edited_data(
    case: tuple[dict[str, Any], list[Edit]], flow: bool | None, crlf: bool
) -> None:
    document, edits = case
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    if crlf:
        text = text.replace("\n", "\r\n")
    made: list[Edit] = []
    for edit in edits:
        why = refusal_of(text, [*made, edit])
        assert not why.endswith("safely here")
        made += [] if why else [edit]
    tree = Tree(document, Document.LITELLM)
    tree.apply(made)
    result = edited_yaml(text, edits, lambda _: None)
    assert yaml.safe_load(result) == plain(tree.root)
    assert crlf == ("\r\n" in result) or "\n" not in result or "\n" not in text


@given(documents_with_edits())
def test_comments_that_no_edit_concerns_stay(case: tuple[dict[str, Any], list[Edit]]) -> None:
    document, edits = case
    text, comments = commented(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    if yaml.safe_load(text) != document:
        return
    result = edited_yaml(text, edits, lambda _: None)
    removing = any(isinstance(it, Remove | Put) for it in edits)
    if removing:
        return
    assert [line for line in comments if line not in result] == []
