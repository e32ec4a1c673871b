"""That the same file of suppressions holds for the command and before anything is deployed."""

from datetime import date
from pathlib import Path

import pytest

from components.suppressing import suppressions_in
from components.validate import meaning_problems
from stacks.problem import Problem, ProblemError
from stacks.suppressions import Suppression
from tests.unit.gateway.example import example

TODAY = date(2026, 11, 24)
MISPLACED = example(general_settings={"request_timeout": 90})


def problems(*suppressions: Suppression, today: date = TODAY) -> list[Problem]:
    found = meaning_problems(
        MISPLACED, lambda path: path, today=today, suppressions=list(suppressions)
    )
    return [problem for problem in found if problem.id.startswith(("L002", "suppressions"))]


def entry(where: str = "*", environment: str | None = None) -> Suppression:
    until = date(2026, 12, 31)
    return Suppression("L002", "known", until, "suppressions.yaml:2:5", where, environment)


@pytest.mark.parametrize("where", ["*", "general_settings.*", "litellm.general_settings.*"])
def test_what_is_suppressed_keeps_no_environment_from_being_deployed(where: str) -> None:
    assert [problem.id for problem in problems()] == ["L002"]
    assert problems(entry(where)) == []


def test_an_entry_that_has_expired_stops_a_deployment_with_what_it_hid() -> None:
    found = problems(entry(), today=date(2027, 1, 1))
    assert [problem.id for problem in found] == ["L002", "suppressions.expired"]
    assert {problem.severity.value for problem in found} == {"error"}


def test_an_entry_for_another_environment_changes_nothing() -> None:
    other = "live" if MISPLACED.environment != "live" else "dev"
    assert [problem.id for problem in problems(entry(environment=other))] == ["L002"]
    assert problems(entry(environment=MISPLACED.environment)) == []


def test_the_file_of_the_first_folder_that_has_one_holds(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for folder in (near, far):
        folder.mkdir()
    (far / "suppressions.yaml").write_text(
        "suppressions: [{rule: L002, reason: far, until: 2026-12-31}]"
    )
    assert [found.reason for found in suppressions_in([near, far])] == ["far"]
    (near / "suppressions.yaml").write_text("suppressions: []")
    assert suppressions_in([near, far]) == ()
    assert suppressions_in([tmp_path]) == ()


def test_a_file_that_was_named_and_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="No such file"):
        suppressions_in([], tmp_path / "none.yaml")
