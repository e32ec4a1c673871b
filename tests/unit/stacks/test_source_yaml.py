from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.paths import Path
from stacks.problem import Problem, Severity
from stacks.source_yaml import read_yaml
from tests.unit.stacks.plain_data import documents, paths_below


def one(text: str | bytes) -> Problem:
    """Return the only problem of a text."""
    raw = text if isinstance(text, bytes) else text.encode()
    (problem,) = read_yaml(raw, "f.yaml").problems
    return problem


def read(text: str) -> Any:
    source = read_yaml(text.encode(), "f.yaml")
    assert source.problems == ()
    return source.data


# --- data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: [x, 1.5, null, ~, yes, off, 0x1F, 0o17, 017, 1_000, 1:30, .inf, -.5]\n",
        "a: 2026-11-24\nb: 2026-11-24T01:02:03Z\nc: 2026-11-24 01:02:03.5 +1\n",
        "base: &base {num_retries: 1, timeout: 5}\nuser:\n  <<: *base\n  timeout: 6\n",
        "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b], z: 4}\n",
        "a: &a text\nb: *a\n",
        "a: |\n  two\n  lines\nb: >-\n  folded\n  text\n",
        "a: !!str 1\nb: !!int '2'\nc: !!set {x, y}\nd: !!omap [x: 1, y: 2]\ne: !!binary aGk=\n",
        '"<<": 1\n=: 2\nf: ! "3"\n',
        "a:\n- b\n- c:\n  - d\n",
        "? a\n: b\n? c\n",
        "1: a\n2026-11-24x: b\n",
        "{}",
        "a: {b: {c: [{d: e}, {}]}, f: []}\n",
    ],
)
def test_data_is_what_safe_load_makes_of_a_text(text: str) -> None:
    assert read(text) == yaml.safe_load(text)


@given(documents(), st.booleans(), st.booleans())
def test_data_is_what_safe_load_makes_of_any_document(
    document: dict[str, Any], flow: bool, unicode: bool
) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=unicode)
    source = read_yaml(text.encode(), "f.yaml")
    assert source.data == yaml.safe_load(text) == document
    assert source.readable


@given(st.text() | st.text(alphabet="ab:-?[]{},'\"|>#&*!%@`\n \t\r\ufeff<=~1.", max_size=40))
def test_a_text_is_read_exactly_when_safe_load_reads_it_into_a_mapping(text: str) -> None:
    source = read_yaml(text.encode(errors="replace"), "f.yaml")
    try:
        expected = yaml.safe_load(text.encode(errors="replace").decode())
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError):
        assert not source.readable
        return
    if isinstance(expected, dict) and source.readable:
        assert repr(dict(source.data)) == repr(expected)
    if not isinstance(expected, dict):
        assert not source.readable


@given(st.binary())
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    source = read_yaml(raw, "f.yaml")
    assert all(problem.place.startswith("f.yaml:") for problem in source.problems)
    source.at(("a", 0))


# --- places -------------------------------------------------------------------------------------


@given(documents(), st.booleans())
def test_every_path_is_placed_at_its_key(document: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, width=1000)
    source = read_yaml(text.encode(), "f.yaml")
    lines = text.split("\n")
    for path, _ in paths_below(document):
        line, column = source.at(path)
        rest = lines[line - 1][column - 1 :]
        if isinstance(path[-1], str):
            scalars = (it for it in yaml.scan(rest) if isinstance(it, yaml.ScalarToken))
            assert next(scalars).value == path[-1]


TEXT = """\
# comment
model_list:
  - model_name: a
    litellm_params: {model: openai/a, timeout: 5}
  - model_name: "b"
router_settings:
  fallbacks:
    - {"a": ["b", "c"]}
    - "b":
      - c
  4: number
defaults: &d
  num_retries: 2
merged:
  <<: *d
  timeout: 1
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("model_list",), (2, 1)),
        (("model_list", 0), (3, 5)),
        (("model_list", 0, "litellm_params", "timeout"), (4, 39)),
        (("model_list", 1, "model_name"), (5, 5)),
        (("router_settings", "fallbacks", 0, "a", 1), (8, 19)),
        (("router_settings", "fallbacks", 1, "b", 0), (10, 9)),
        (("router_settings", "4"), (11, 3)),
        (("merged", "num_retries"), (13, 3)),
        (("merged", "timeout"), (16, 3)),
        # What is missing is placed at its nearest ancestor.
        (("router_settings", "allowed_fails"), (6, 1)),
        (("model_list", 0, "litellm_params", "api_key"), (4, 5)),
        (("model_list", 7), (2, 1)),
        (("model_list", "x"), (2, 1)),
        (("litellm_settings", "cache"), (2, 1)),
        ((), (2, 1)),
    ],
)
def test_a_path_is_found_or_its_nearest_ancestor(path: Path, place: tuple[int, int]) -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT):
        assert read_yaml(text.encode(), "f.yaml").at(path) == place


def test_columns_count_characters_not_bytes() -> None:
    assert read_yaml('{"é😀": 1, b: 2}'.encode(), "f.yaml").at(("b",)) == (1, 11)


# --- problems -----------------------------------------------------------------------------------


def test_a_duplicate_key_names_both_lines() -> None:
    source = read_yaml(b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "f.yaml")
    (problem,) = source.problems
    assert (problem.id, problem.place, problem.value) == ("source.duplicate", "f.yaml:5:3", "c")
    assert "stands in line 3 already; LiteLLM takes the value in line 5" in problem.expected
    assert source.data == {"a": 1, "b": {"c": 3, "d": 2}}
    assert source.at(("b", "c")) == (5, 3)


def test_of_very_many_problems_the_first_hundred_are_said() -> None:
    source = read_yaml(b"a: 1\n" * 5000, "f.yaml")
    assert len(source.problems) == 101
    assert source.problems[-1].id == "source.more"
    assert source.data == {"a": 1}


def test_a_key_that_overrides_a_merged_one_is_no_duplicate() -> None:
    assert read("a: &a {x: 1}\nb: {<<: *a, x: 2}\n")["b"] == {"x": 2}


@pytest.mark.parametrize(
    ("text", "problem_id", "place", "next_step"),
    [
        ("a:\n\tb: 1\n", "source.tab", "2:1", "put spaces there: `b: 1`"),
        ("a:\t1\n", "source.tab", "1:3", "put spaces there: `a:  1`"),
        ("model_name: *\n", "source.alias", "1:13", 'quote it: `model_name: "*"`'),
        ("a: *x\n", "source.alias", "1:4", 'name an anchor that does, or quote the text: "*x"'),
        ("a: &x 1\nb: &x 2\n", "source.alias", "2:4", "give one of them another name"),
        ("a: &x [*x]\n", "source.alias", "1:8", "write out what is meant"),
        ("a: !env HOME\n", "source.tag", "1:4", "os.environ/NAME"),
        ("a: !!python/object:os.system x\n", "source.tag", "1:4", "take the tag out"),
        ("a: !!map x\n", "source.tag", "1:4", "take the tag out"),
        ("a: 'x\nb: 2\n", "source.quote", "1:4", "add the closing ': `a: 'x'`"),
        ("a: [1, 2\n", "source.bracket", "1:4", "add the ]"),
        ("a: {b: 1\nc: 2}\n", "source.bracket", "2:2", "add the comma or the }"),
        ("a: b: c\n", "source.syntax", "1:5", "quote the value: `a: 'b: c'`"),
        ("a: @x\n", "source.syntax", "1:4", "quote it: `a: '@x'`"),
        ("a: 1\n  b: 2\n", "source.indentation", "2:4", "indent this line as its neighbours are"),
        ("a:\n  - b\n - c\n", "source.indentation", "3:2", "give it the indentation"),
        ("a: 1\n---\nb: 2\n", "source.documents", "2:1", "put everything into one document"),
        ("- a\n", "source.top", "1:1", "begin with a key"),
        ("text\n", "source.top", "1:1", "begin with a key"),
        ("", "source.empty", "1:1", "write at least `model_list: []`"),
        ("# nothing\n", "source.empty", "1:1", "write at least `model_list: []`"),
        ("null\n", "source.empty", "1:1", "write at least `model_list: []`"),
        ("a: 2026-13-45\n", "source.value", "1:4", "quote it if text is meant"),
        ("a: =\n", "source.value", "1:4", 'quote it: "="'),
        (f"a: {'9' * 5000}\n", "source.value", "1:4", "quote it if text is meant"),
        ("? [a]\n: 1\n", "source.key", "1:3", "quote it if text is meant"),
        ("yes: 1\n", "source.key", "1:1", 'quote it: "yes"'),
        ("a: {<<: 1}\n", "source.merge", "1:9", "name an anchor of a mapping"),
        ("a: '\x07'\n", "source.character", "1:5", '"\\u0007"'),
        ("a: \x00\n", "source.character", "1:4", "take it out"),
        ("a: " + "[" * 5000, "source.depth", "1:103", "take out the levels"),
        ("- " * 5000, "source.depth", "1:201", "take out the levels"),
    ],
)
def test_what_is_wrong_is_said_with_place_and_next_step(
    text: str, problem_id: str, place: str, next_step: str
) -> None:
    problem = one(text)
    assert (problem.id, problem.place) == (problem_id, f"f.yaml:{place}")
    assert next_step in problem.next_step
    assert problem.expected


@pytest.mark.parametrize(
    ("raw", "value", "place"),
    [
        ("a: 1\n".encode("utf-16"), "UTF-16", "1:1"),
        ("a: 1\n".encode("utf-32"), "UTF-32", "1:1"),
        ("a: é\nb: é\n".encode("latin-1"), "byte 0xE9", "1:4"),
        (b"a: \xc3\xa9 \xff", "byte 0xFF", "1:6"),
    ],
)
def test_what_is_not_utf_8_is_named(raw: bytes, value: str, place: str) -> None:
    problem = one(raw)
    assert (problem.id, problem.value) == ("source.encoding", value)
    assert problem.place == f"f.yaml:{place}"
    assert "iconv -f " in problem.next_step


def test_a_byte_order_mark_and_carriage_returns_are_taken_as_safe_load_takes_them() -> None:
    assert read("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n") == {"a": 1, "b": "x\ny\n"}


def test_aliases_of_aliases_do_not_explode() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        laughs += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    source = read_yaml(laughs.encode(), "f.yaml")
    (problem,) = source.problems
    assert problem.id == "source.alias"
    assert "more than 1,000,000 entries" in problem.expected
    assert len(repr(source.data)) < 20_000_000


def test_a_key_that_is_no_text_is_a_warning_and_a_number_is_none() -> None:
    assert one("on: 1\n").severity is Severity.WARNING
    assert read("404: x\n") == {404: "x"}


@pytest.mark.parametrize("text", ["api_key: @sk-1\n", "master_key: a: b\n", "url: 'redis://u:p\n"])
def test_a_mended_line_that_may_hold_a_secret_is_not_quoted(text: str) -> None:
    problem = one(text)
    assert text.split(": ", 1)[1].strip() not in problem.render()
