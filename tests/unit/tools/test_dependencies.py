"""The three places that name dependencies agree."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROGRAM = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = [
    Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines
]


def requirements(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pinned(name: str) -> str:
    (specifier,) = requirements("constraints.txt")[canonicalize_name(name)].specifier
    assert specifier.operator == "=="
    return specifier.version


def test_the_program_needs_what_requirements_txt_lists_and_nothing_more() -> None:
    named = {canonicalize_name(requirement.name) for requirement in PROGRAM}
    assert set(requirements("requirements.txt")) == named


@pytest.mark.parametrize("requirement", [*PROGRAM, *EXTRAS], ids=str)
def test_what_was_tested_is_within_what_is_allowed(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned(requirement.name))


@pytest.mark.parametrize("requirement", requirements("requirements.txt").values(), ids=str)
def test_what_was_tested_is_within_what_the_program_asks_for(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned(requirement.name))


def test_every_tested_version_is_one_version_of_a_registry() -> None:
    pins = requirements("constraints.txt").values()
    assert len(pins) > 40
    assert [str(pin) for pin in pins if pin.url or len(pin.specifier) != 1] == []
