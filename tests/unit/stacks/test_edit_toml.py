import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.configuration import Document
from stacks.edit import EditRefused, Tree, plain
from stacks.edit_toml import edited_toml
from stacks.rule import Append, Edit, Move, Put, Remove
from tests.unit.stacks.plain_data import KEYS, as_toml, documents, paths_below

ROOT = "fly"

FLY = """\
# header
app = 'acme'
kill_timeout = 5  # too short

[env]
  # pinned
  PORT = "4000"
  A = "1"   # beside

[http_service]
  internal_port = 4000
  soft_limit = 100 # per machine

  [http_service.concurrency]
    type = 'requests'

[[vm]]
  size = 'shared-cpu-1x'

[[vm]]
  memory = '1gb'
  processes = ["app", "worker"]
"""


def edited(text: str, *edits: Edit) -> str:
    """Return a text after edits, once they are seen to change nothing more when made again."""
    result = edited_toml(text, edits)
    assert edited_toml(result, [it for it in edits if not isinstance(it, Remove)]) == result
    return result


def changed(text: str, *edits: Edit) -> list[str]:
    """Return the lines that go, with a minus, and those that come, with a plus."""
    before, after = text.splitlines(), edited(text, *edits).splitlines()
    gone = [f"-{line}" for line in before if line not in after]
    return gone + [f"+{line}" for line in after if line not in before]


def test_a_removed_key_takes_its_line_and_nothing_else() -> None:
    assert edited(FLY, Remove((ROOT, "env", "PORT"))) == FLY.replace('  PORT = "4000"\n', "")


def test_a_table_that_becomes_empty_goes_with_its_header() -> None:
    assert edited(FLY, Remove((ROOT, "http_service", "concurrency", "type"))) == FLY.replace(
        "\n  [http_service.concurrency]\n    type = 'requests'\n", ""
    )
    assert edited("[a]\nb.c = 1\n", Remove((ROOT, "a", "b", "c"))) == ""


def test_a_table_goes_with_those_below_it() -> None:
    result = edited(FLY, Remove((ROOT, "http_service")))
    assert result == FLY[: FLY.index("\n[http_service]")] + FLY[FLY.index("\n[[vm]]") :]


def test_one_of_several_tables_goes() -> None:
    assert edited(FLY, Remove((ROOT, "vm", 0))) == FLY.replace(
        "\n[[vm]]\n  size = 'shared-cpu-1x'\n", ""
    )


def test_a_value_is_put_in_its_place_with_the_comment_and_the_quotes_kept() -> None:
    assert changed(
        FLY,
        Put((ROOT, "kill_timeout"), 60),
        Put((ROOT, "env", "A"), "2"),
        Put((ROOT, "vm", 0, "size"), "shared-cpu-4x"),
    ) == [
        "-kill_timeout = 5  # too short",
        '-  A = "1"   # beside',
        "-  size = 'shared-cpu-1x'",
        "+kill_timeout = 60  # too short",
        '+  A = "2"   # beside',
        "+  size = 'shared-cpu-4x'",
    ]


def test_keys_are_put_behind_the_last_of_their_table() -> None:
    result = edited(
        FLY,
        Put((ROOT, "kill_signal"), "SIGTERM"),
        Put((ROOT, "http_service", "concurrency", "hard_limit"), 150),
        Put((ROOT, "vm", 1, "cpus"), 2),
    )
    assert '# too short\nkill_signal = "SIGTERM"\n\n[env]' in result
    assert "    type = 'requests'\n    hard_limit = 150\n\n[[vm]]" in result
    assert result.endswith('["app", "worker"]\n  cpus = 2\n')


def test_missing_tables_are_made_behind_their_neighbours() -> None:
    assert edited(FLY, Put((ROOT, "metrics", "port"), 9091)) == FLY + "\n[metrics]\n  port = 9091\n"
    assert "type = 'requests'\n\n[http_service.checks]\n  path = \"/\"\n\n[[vm]]" in edited(
        FLY, Put((ROOT, "http_service", "checks", "path"), "/")
    )
    assert edited("", Put((ROOT, "a", "b"), 1)) == "[a]\nb = 1\n"
    assert edited("[a]\nb = 1\n", Put((ROOT, "c"), 2)) == "c = 2\n\n[a]\nb = 1\n"
    assert edited("[a.b]\nc = 1\n", Put((ROOT, "a", "d"), 2)) == "[a]\nd = 2\n\n[a.b]\nc = 1\n"
    assert edited("[a.b]\n", Put((ROOT, "a", "d"), 2), Put((ROOT, "e"), 3)) == (
        "e = 3\n\n[a]\nd = 2\n\n[a.b]\n"
    )
    assert edited("a.b = 1\n", Put((ROOT, "a", "c"), 2)) == "a.b = 1\na.c = 2\n"


def test_a_moved_key_takes_its_comments_along() -> None:
    text = FLY.replace("  soft_limit", "  # measured\n  soft_limit")
    assert edited(
        text,
        Move(
            (ROOT, "http_service", "soft_limit"),
            (ROOT, "http_service", "concurrency", "soft_limit"),
        ),
    ) == FLY.replace("  soft_limit = 100 # per machine\n", "").replace(
        "    type = 'requests'\n",
        "    type = 'requests'\n    # measured\n    soft_limit = 100 # per machine\n",
    )


def test_two_keys_are_moved_into_a_table_that_does_not_exist() -> None:
    assert (
        edited(
            "[a]\n  x = 1 # one\n  # two\n  y = [\n    1, # i\n  ]\n",
            Move((ROOT, "a", "x"), (ROOT, "b", "x")),
            Move((ROOT, "a", "y"), (ROOT, "b", "z")),
        )
        == "[b]\n  x = 1 # one\n  # two\n  z = [\n    1, # i\n  ]\n"
    )


def test_keys_and_tables_are_renamed_in_place() -> None:
    assert changed(
        FLY,
        Move((ROOT, "kill_timeout"), (ROOT, "kill_time")),
        Move((ROOT, "http_service"), (ROOT, "service")),
    ) == [
        "-kill_timeout = 5  # too short",
        "-[http_service]",
        "-  [http_service.concurrency]",
        "+kill_time = 5  # too short",
        "+[service]",
        "+  [service.concurrency]",
    ]
    assert edited("[[vmm]]\na=1\n[vmm.b]\n", Move((ROOT, "vmm"), (ROOT, "vm"))) == (
        "[[vm]]\na=1\n[vm.b]\n"
    )


def test_lists_and_tables_in_braces_are_edited_where_they_stand() -> None:
    text = "a = [ 1, 2, # two\n  3 ]\nb = { c = 1, d = { e = 2 } }\n"
    assert edited(text, Put((ROOT, "b", "d", "e"), 5)) == text.replace("e = 2", "e = 5")
    assert edited(text, Put((ROOT, "b", "d", "f"), 5)) == text.replace("e = 2", "e = 2, f = 5")
    assert edited(text, Remove((ROOT, "b", "c"))) == text.replace("c = 1, ", "")
    assert edited(text, Remove((ROOT, "b", "d", "e"))) == text.replace(", d = { e = 2 }", "")
    assert edited(text, Remove((ROOT, "a", 0))) == text.replace("[ 1, ", "[ ")
    assert edited(text, Append((ROOT, "a"), 4)) == text.replace("3 ]", "3, 4 ]")
    lines = "x = [\n  'a', # one\n  'b' # two\n]\n"
    assert edited(lines, Append((ROOT, "x"), "c")) == (
        "x = [\n  'a', # one\n  'b', # two\n  'c'\n]\n"
    )


def test_a_table_is_appended_to_several() -> None:
    assert edited(FLY, Append((ROOT, "vm"), {"size": "x"})) == FLY + '\n[[vm]]\n  size = "x"\n'


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    assert (
        edited_toml(
            "\ufeffa = 1\r\n\r\n[b]\r\nc = 2", [Remove((ROOT, "a")), Put((ROOT, "b", "d"), 3)]
        )
        == "\ufeff[b]\r\nc = 2\r\nd = 3"
    )


def test_edits_of_what_does_not_exist_or_of_another_document_do_nothing() -> None:
    edits: list[Edit] = [
        Remove((ROOT, "x", "y")),
        Remove((ROOT, "vm", 3)),
        Remove(("litellm", "app")),
        Move((ROOT, "x"), (ROOT, "y")),
        Move((ROOT, "env", "A"), (ROOT, "env", "PORT")),
        Put((ROOT, "vm", 7), 1),
        Put((ROOT, "app"), "acme"),
    ]
    assert edited(FLY, *edits) == FLY


@pytest.mark.parametrize(
    ("text", "edit", "why"),
    [
        ("a = 1\n", Put((ROOT, "a", "b"), 1), "a: this is no mapping"),
        ("a = 1\n", Append((ROOT, "a"), 1), "a: this is no list"),
        ("a = 1\n", Put((ROOT, "b", 0, "c"), 1), "b\\[0\\]: nothing stands at this position"),
        ("a = 1\n", Put((ROOT, "b"), None), "TOML has no NoneType"),
        ("a = [1\n", Remove((ROOT, "a")), "this is no TOML"),
        ("a = 1\n", Move((ROOT, "a"), ("litellm", "a")), "litellm.a is in another file"),
        ("a = [\n 1, # c\n 2]\n", Remove((ROOT, "a", 0)), "a comment stands between"),
        ("[a]\nb = 1 # c\n", Move((ROOT, "a"), (ROOT, "d", "a")), "a table that is to be moved"),
    ],
)
def test_an_edit_that_would_break_something_is_refused(text: str, edit: Edit, why: str) -> None:
    with pytest.raises(EditRefused, match=why):
        edited_toml(text, [edit])


@st.composite
def documents_with_edits(draw: st.DrawFn) -> tuple[dict[str, Any], list[Edit]]:
    document = draw(documents(null=False))
    paths = [path for path, _ in paths_below(document)]
    existing = st.sampled_from(paths)
    missing = st.tuples(existing, KEYS).map(lambda it: (*it[0][:-1], it[1]))
    any_path = (existing | missing | st.tuples(KEYS, KEYS)).map(lambda path: (ROOT, *path))
    values = st.sampled_from([1, "x", 'a"\n', ["a"], {"k": {"l": [1]}}, [{"m": 1}], [], {}])
    edit: st.SearchStrategy[Edit] = st.one_of(
        st.builds(Remove, any_path),
        st.builds(Put, any_path, values),
        st.builds(Append, any_path, values),
        st.builds(Move, any_path, any_path),
    )
    return document, draw(st.lists(edit, min_size=1, max_size=4))


def refusal_of(text: str, edits: list[Edit]) -> str:
    try:
        edited_toml(text, edits)
    except EditRefused as refusal:
        return str(refusal)
    return ""


@given(documents_with_edits(), st.sampled_from(["tables", "dotted", "inline"]), st.booleans())
def test_an_edited_text_says_exactly_the_edited_data(
    case: tuple[dict[str, Any], list[Edit]], style: str, crlf: bool
) -> None:
    document, edits = case
    text = as_toml(document, style)
    if crlf:
        text = text.replace("\n", "\r\n")
    assert tomllib.loads(text) == document
    made: list[Edit] = []
    for edit in edits:
        why = refusal_of(text, [*made, edit])
        assert not why.endswith("safely here")
        made += [] if why else [edit]
    tree = Tree(document, Document.FLY)
    tree.apply(made)
    assert tomllib.loads(edited_toml(text, edits, lambda _: None)) == plain(tree.root)
