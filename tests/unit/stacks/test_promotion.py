import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stacks.gateway import DEFINITION
from stacks.problem import ProblemError
from stacks.promotion import file_name, promotion_files, read_promotion, sealed, text_of
from stacks.settings import Promotion

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SMALL: dict[str, Any] = {
    "schema": 1,
    "number": 7,
    "environment": "live",
    "source": "dev",
    "bundle": "a" * 64,
    "definition": DEFINITION.model_dump(mode="json"),
    "gates": [],
    "program": {"revision": "c0ffee"},
}


@given(st.dictionaries(st.text(), JSON, max_size=4), st.randoms())
def test_the_seal_is_over_what_is_said_in_whatever_order(
    document: dict[str, Any], random: Any
) -> None:
    document.pop("digest", None)
    once = sealed(document)
    keys = list(document)
    random.shuffle(keys)
    assert sealed({key: document[key] for key in keys}) == once
    assert json.loads(text_of(once)) == once
    if document:
        name = sorted(document)[0]
        assert sealed(document | {name: "something else"})["digest"] != once["digest"]


def write(root: Path, document: dict[str, Any], name: str = "") -> str:
    folder = root / "promotions" / "live"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or file_name(document["number"], document["bundle"]))
    path.write_text(text_of(document))
    return str(path.relative_to(root))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, sealed(SMALL))
    found = read_promotion(tmp_path, file, "live", "dev")
    assert (found.number, found.bundle, found.revision) == (7, "a" * 64, "c0ffee")
    assert found.definition == DEFINITION
    assert file == "promotions/live/0007-aaaaaaaaaaaa.json"


@pytest.mark.parametrize("change", [{"schema": 2}, {"definition": {"a_later_key": 1}}])
def test_a_promotion_of_another_program_names_the_revision_that_reads_it(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    file = write(tmp_path, sealed(SMALL | change))
    with pytest.raises(ProblemError, match=r"promotion\.schema(.|\n)*git checkout c0ffee"):
        read_promotion(tmp_path, file, "live")


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"digest": 1}', "\x00", "null"])
def test_what_is_no_promotion_is_told_and_raises_nothing_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ProblemError, match=r"promotion\.seal"):
        read_promotion(tmp_path, "x.json", "live")


def test_only_files_with_a_promotions_name_are_promotions(tmp_path: Path) -> None:
    for name in ("notes.json", "1-aaaaaaaaaaaa.json", "0001-AAAAAAAAAAAA.json", ".0001-x.partial"):
        write(tmp_path, sealed(SMALL), name)
    write(tmp_path, sealed(SMALL | {"number": 2}))
    write(tmp_path, sealed(SMALL | {"number": 1}))
    names = [path.name for path in promotion_files(tmp_path, "live")]
    assert names == ["0001-aaaaaaaaaaaa.json", "0002-aaaaaaaaaaaa.json"]


@pytest.mark.parametrize(
    "file",
    [
        "/srv/a.json",
        "../live/a.json",
        "promotions/../../a.json",
        "./a.json",
        "a//b.json",
        "a\\b.json",
    ],
)
def test_a_promotion_is_named_below_the_project(file: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        Promotion(source="dev", file=file)


@given(st.lists(st.text(st.sampled_from("ab.-0"), min_size=1), min_size=1, max_size=4))
def test_every_step_down_may_be_named(steps: list[str]) -> None:
    file = "/".join([*steps, "0001-5fd0ae5ff1c2.json"])
    if any(step.startswith("..") or step == "." for step in steps):
        with pytest.raises(ValidationError, match="pattern"):
            Promotion(source="dev", file=file)
    else:
        assert Promotion(source="dev", file=file).file == file
