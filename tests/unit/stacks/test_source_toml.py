import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.paths import Path
from stacks.problem import Problem, Severity
from stacks.source_toml import read_toml
from tests.unit.stacks.plain_data import as_toml, documents, inline, paths_below, quoted

PUBLISHED = """\
[processes]
app = "--config /app/litellm_config.yaml --host 0.0.0.0 --port 4000 \\
--run_gunicorn --num_workers 4"

[metrics]
port = 4000
"""


def one(text: str | bytes) -> Problem:
    """Return the only problem of a text."""
    raw = text if isinstance(text, bytes) else text.encode()
    (problem,) = read_toml(raw, "fly.toml").problems
    return problem


# --- data and places ----------------------------------------------------------------------------


@given(documents(null=False), st.sampled_from(["tables", "dotted", "inline"]))
def test_data_is_tomllibs_and_every_path_is_placed_at_its_key(
    document: dict[str, Any], style: str
) -> None:
    text = as_toml(document, style)
    source = read_toml(text.encode(), "fly.toml")
    assert source.data == tomllib.loads(text) == document
    assert source.problems == ()
    lines = text.split("\n")
    for path, value in paths_below(document):
        line, column = source.at(path)
        rest = lines[line - 1][column - 1 :]
        shown = quoted(path[-1]) if isinstance(path[-1], str) else inline(value).split("\n")[0]
        section = quoted(path[-2]) if len(path) > 1 and isinstance(path[-2], str) else shown
        assert rest.startswith((shown, f"{section}]]"))


TEXT = """\
app = "x" # beside
primary_region = 'iad'

[env]
  A.B = "1"
  "c d" = "2"

[[vm]]
size = "shared-cpu-1x"
[[vm]]
memory = "1gb"
[vm.deep]
x = { y = [1, { z = 2 }], "w" = 1979-05-27 07:32:00 }

[http_service.concurrency]
soft_limit = 1_000
text = \"\"\"
[no] table = 1
\"\"\"
end = '''a\"'''
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("app",), (1, 1)),
        (("env", "A"), (5, 3)),
        (("env", "A", "B"), (5, 5)),
        (("env", "c d"), (6, 3)),
        (("vm",), (8, 3)),
        (("vm", 0, "size"), (9, 1)),
        (("vm", 1), (10, 3)),
        (("vm", 1, "memory"), (11, 1)),
        (("vm", 1, "deep", "x", "y", 1, "z"), (13, 17)),
        (("vm", 1, "deep", "x", "w"), (13, 27)),
        (("http_service",), (15, 2)),
        (("http_service", "concurrency"), (15, 15)),
        (("http_service", "concurrency", "end"), (20, 1)),
        (("http_service", "concurrency", "hard_limit"), (15, 15)),
        (("vm", 2), (8, 3)),
        (("metrics",), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_a_path_is_found_or_its_nearest_ancestor(path: Path, place: tuple[int, int]) -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n")):
        source = read_toml(text.encode(), "fly.toml")
        assert source.problems == ()
        assert source.at(path) == place


@given(st.binary() | st.text(alphabet="ab=.[]{}\"',#1 \n\r\\", max_size=40).map(str.encode))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    source = read_toml(raw, "fly.toml")
    source.at(("a", "b", 0))
    assert all(problem.place.startswith("fly.toml:") for problem in source.problems)
    try:
        assert source.data == tomllib.loads(raw.decode())
    except ValueError:
        assert not source.readable


# --- problems -----------------------------------------------------------------------------------


def test_the_published_line_break_is_an_error_with_the_mended_line_and_is_read_on_over() -> None:
    for text in (PUBLISHED, PUBLISHED.replace("\n", "\r\n")):
        source = read_toml(text.encode(), "fly.toml")
        (problem,) = source.problems
        assert (problem.id, problem.place) == ("source.string", "fly.toml:2:69")
        assert problem.next_step == (
            'write it in one line: `app = "--config /app/litellm_config.yaml --host 0.0.0.0 '
            '--port 4000 --run_gunicorn --num_workers 4"`'
        )
        assert not source.readable
        assert source.data["metrics"] == {"port": 4000}
        assert source.data["processes"]["app"].split()[-4:-1] == [
            "4000",
            "--run_gunicorn",
            "--num_workers",
        ]
        assert source.at(("metrics", "port")) == (6, 1)


@pytest.mark.parametrize(
    ("text", "problem_id", "place", "next_step"),
    [
        (
            "a = 1\nb = 2\na = 3\n",
            "source.duplicate",
            "3:1",
            "keep one of the two: line 1 or line 3",
        ),
        ("[a]\nb = 1\n[c]\n[a]\n", "source.duplicate", "4:1", "line 1 or line 4"),
        ("a.b = 1\na = 2\n", "source.duplicate", "2:1", "line 1 or line 2"),
        ("[[a]]\nx = 1\n[a]\n", "source.duplicate", "3:1", "line 1 or line 3"),
        ("[[a]]\n[a.b]\n[[a]]\n[a.b]\n[a.b]\n", "source.duplicate", "5:1", "line 4 or line 5"),
        ("a = {b = 1, b = 2}\n", "source.syntax", "1:18", "mend this line"),
        ('a = "x\nb = "y"\n', "source.quote", "1:5", 'add the closing ": `a = "x"`'),
        ("b = 1\na = 'x\nc = 2\n", "source.quote", "2:5", "add the closing ': `a = 'x'`"),
        ("a = 'x\n", "source.quote", "1:5", "add the closing ': `a = 'x'`"),
        ('a = "\\q"\n', "source.escape", "1:6", "write \\\\ for a backslash"),
        ("size = shared\n", "source.syntax", "1:8", 'quote the value: `size = "shared"`'),
        ("a = True\n", "source.syntax", "1:5", "write: `a = true`"),
        ("a = yes\n", "source.syntax", "1:5", "write: `a = true`"),
        ("a: 1\n", "source.syntax", "1:2", "an equals sign and the value: `a = 1`"),
        ("a = null\n", "source.syntax", "1:5", "take the line out: TOML has no null"),
        ("a = [1,\n", "source.syntax", "1:8", "mend this line"),
        ("[a\n", "source.syntax", "1:3", "mend this line"),
        ("a = \x00\n", "source.syntax", "1:5", "quote the value"),
        (f"a = {'9' * 5000}\n", "source.value", "1:5", "quote it if text is meant"),
        (f"a = {'[' * 99999}\n", "source.depth", "1:1", "take out the levels"),
        (f"a = {'[' * 120}{']' * 120}\n", "source.depth", "1:1", "take out the levels"),
        ("\ufeffa = 1\n", "source.encoding", "1:1", "save the file without it"),
    ],
)
def test_what_is_wrong_is_said_with_place_and_next_step(
    text: str, problem_id: str, place: str, next_step: str
) -> None:
    problem = one(text)
    assert (problem.id, problem.place) == (problem_id, f"fly.toml:{place}")
    assert next_step in problem.next_step


def test_an_empty_file_is_a_warning() -> None:
    problem = one("# nothing\n")
    assert (problem.id, problem.severity) == ("source.empty", Severity.WARNING)


def test_what_is_not_utf_8_is_named() -> None:
    assert one("a = 1".encode("utf-16")).value == "UTF-16"
    problem = one('a = "é"\n'.encode("latin-1"))
    assert (problem.place, problem.value) == ("fly.toml:1:6", "byte 0xE9")


def test_a_file_with_a_byte_order_mark_is_read_all_the_same() -> None:
    source = read_toml(b"\xef\xbb\xbfa = 1\n", "fly.toml")
    assert (source.data, source.at(("a",))) == ({"a": 1}, (1, 1))


def test_a_mended_line_that_may_hold_a_secret_is_not_quoted() -> None:
    for text in ("API_KEY = sk-abc\n", 'DATABASE_URL = "postgres://u:\npassw"\n'):
        assert text.split("= ")[1].strip() not in one(text).render()
        assert "`" not in one(text).next_step
