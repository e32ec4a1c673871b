from pathlib import Path

import pytest

from ops.local_state import LocalState
from ops.project import is_local, project_root
from ops.stack import has_resources, stack_file
from stacks.problem import ProblemError

ROOT = Path(__file__).parents[3]


def test_the_project_is_found_from_any_folder_inside_it() -> None:
    assert project_root(ROOT / "tests" / "unit") == ROOT


def test_outside_of_any_project_the_commands_own_one_is_meant(tmp_path: Path) -> None:
    assert project_root(tmp_path) == ROOT


def test_another_checkout_is_worked_on_where_the_command_is_given(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: gateway\n")
    (tmp_path / "deep").mkdir()
    assert project_root(tmp_path / "deep") == tmp_path


def test_only_the_environment_of_the_sandbox_is_local() -> None:
    assert is_local(ROOT, "local")
    assert not is_local(ROOT, "dev")
    assert not is_local(ROOT, "live")


def test_an_environment_without_a_file_is_no_environment() -> None:
    with pytest.raises(ProblemError, match=r"settings\.file\] Pulumi\.locl\.yaml"):
        is_local(ROOT, "locl")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"checkpoint": {"latest": {"resources": [{}]}}}', True),
        ('{"checkpoint": {"latest": {}}}', False),
        ("not json", True),
        ("{}", True),
    ],
)
def test_a_stack_is_empty_only_when_its_file_says_so(
    tmp_path: Path, text: str, *, held: bool
) -> None:
    state = LocalState(tmp_path)
    file = stack_file(state, "local")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert has_resources(state, "local") is held


def test_a_stack_that_was_never_made_holds_nothing(tmp_path: Path) -> None:
    assert not has_resources(LocalState(tmp_path), "local")
