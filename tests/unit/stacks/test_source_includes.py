from pathlib import Path

import pytest

from stacks.includes import read_with_includes
from stacks.problem import Severity
from stacks.source import Place, Source


def read(files: dict[str, str], first: str = "conf/main.yaml") -> Source:
    def raw(path: Path) -> bytes:
        try:
            return files[str(path)].encode()
        except KeyError:
            raise FileNotFoundError(path) from None

    return read_with_includes(Path(first), read=raw)


def test_a_file_without_includes_is_read_as_it_is() -> None:
    assert read({"conf/main.yaml": "model_list: []\n"}).data == {"model_list": []}


def test_lists_are_joined_and_each_entry_keeps_its_file() -> None:
    source = read(
        {
            "conf/main.yaml": "include: [more.yaml]\nmodel_list:\n  - model_name: a\n",
            "conf/more.yaml": "# more\nmodel_list:\n  - model_name: b\n  - model_name: c\n",
        }
    )
    assert source.data == {
        "model_list": [{"model_name": "a"}, {"model_name": "b"}, {"model_name": "c"}]
    }
    assert source.problems == ()
    assert source.place(("model_list", 0, "model_name")) == Place("conf/main.yaml", 3, 5)
    assert source.place(("model_list", 2, "model_name")) == Place("conf/more.yaml", 4, 5)
    assert source.place(("model_list",)) == Place("conf/main.yaml", 2, 1)


def test_an_included_section_replaces_the_whole_section_and_this_is_said_with_what_is_lost() -> (
    None
):
    source = read(
        {
            "conf/main.yaml": "include: [more.yaml]\nrouter_settings:\n  fallbacks: []\n",
            "conf/more.yaml": "router_settings:\n  num_retries: 1\n",
        }
    )
    assert source.data == {"router_settings": {"num_retries": 1}}
    (problem,) = source.problems
    assert problem.id == "source.include_replaces"
    assert problem.place == "conf/main.yaml:2:1"
    assert problem.value == "router_settings"
    assert "conf/more.yaml, included at conf/main.yaml:1:11" in problem.expected
    assert "fallbacks is gone" in problem.expected
    assert (
        problem.next_step
        == "write all of router_settings into conf/more.yaml, or take it out there"
    )
    assert source.place(("router_settings", "num_retries")) == Place("conf/more.yaml", 2, 3)


def test_a_missing_include_is_an_error_at_the_entry_that_names_it() -> None:
    source = read(
        {"conf/main.yaml": "include:\n  - gone.yaml\n  - more.yaml\n", "conf/more.yaml": "a: 1\n"}
    )
    (problem,) = source.problems
    assert (problem.id, problem.place, problem.value) == (
        "source.include",
        "conf/main.yaml:2:5",
        "gone.yaml",
    )
    assert source.data == {"a": 1}


def test_a_circle_of_includes_ends_and_is_a_warning() -> None:
    source = read(
        {
            "conf/main.yaml": "include: [more.yaml]\na: [1]\n",
            "conf/more.yaml": "include: [main.yaml]\na: [2]\n",
        }
    )
    assert source.data == {"a": [1, 2]}
    (problem,) = source.problems
    assert (problem.place, problem.severity) == ("conf/more.yaml:1:11", Severity.WARNING)


def test_a_nested_include_is_looked_for_beside_its_file_and_then_beside_the_first() -> None:
    source = read(
        {
            "conf/main.yaml": "include: [deep/one.yaml]\n",
            "conf/deep/one.yaml": "include: [two.yaml, three.yaml]\n",
            "conf/deep/two.yaml": "two: 2\n",
            "conf/three.yaml": "three: 3\n",
        }
    )
    assert source.data == {"two": 2, "three": 3}
    assert source.place(("two",)).file == "conf/deep/two.yaml"
    assert source.place(("three",)).file == "conf/three.yaml"


@pytest.mark.parametrize("include", ["more.yaml", "[1]", "{a: b}", "[[more.yaml]]"])
def test_an_include_that_is_no_list_of_names_is_an_error(include: str) -> None:
    source = read({"conf/main.yaml": f"include: {include}\n", "conf/more.yaml": "a: 1\n"})
    (problem,) = source.problems
    assert problem.expected == "`include` must be a list of file names; LiteLLM stops here"


def test_what_is_wrong_in_an_included_file_is_said_with_its_place() -> None:
    source = read({"conf/main.yaml": "include: [more.yaml]\n", "conf/more.yaml": "a: 1\na: 2\n"})
    (problem,) = source.problems
    assert (problem.id, problem.place) == ("source.duplicate", "conf/more.yaml:2:1")


def test_an_empty_included_file_adds_nothing() -> None:
    source = read({"conf/main.yaml": "include: [more.yaml]\n", "conf/more.yaml": "# later\n"})
    assert (source.data, source.problems) == ({}, ())


def test_a_file_that_is_not_there_is_a_problem() -> None:
    (problem,) = read({}).problems
    assert (problem.id, problem.place, problem.expected) == (
        "source.file",
        "conf/main.yaml",
        "no such file",
    )


def test_names_that_no_file_can_have_are_a_problem() -> None:
    def raw(path: Path) -> bytes:
        if path.name == "main.yaml":
            return b'include: ["\\0"]\n'
        return path.read_bytes()

    (problem,) = read_with_includes(Path("main.yaml"), read=raw).problems
    assert problem.expected == "no file can have this name; LiteLLM stops here"
