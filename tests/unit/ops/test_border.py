import io

import pytest

from fly.errors import FlyNotFound, Where
from ops.border import answered, problems_of
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError

PROBLEM = Problem("here", "x.y", "", "that", "do this")


def run(error: BaseException, *, debug: bool = False) -> tuple[ExitCode, str]:
    err = io.StringIO()

    def act() -> ExitCode:
        raise error

    code = answered(act, Output(stdout=io.StringIO(), stderr=err), debug=debug)
    return code, err.getvalue()


def test_a_command_that_ends_well_keeps_its_exit_code() -> None:
    assert answered(lambda: ExitCode.FINDING, Output(), debug=False) is ExitCode.FINDING


def test_every_problem_of_an_error_is_shown() -> None:
    other = Problem("there", "x.z", "", "those", "do that")
    code, text = run(ProblemError([PROBLEM, other]))
    assert code is ExitCode.FAILED
    assert "error[x.y] here\n  that\n  do this" in text
    assert "error[x.z] there" in text


def test_an_error_of_fly_is_told_in_its_own_words() -> None:
    code, text = run(FlyNotFound(Where("GET", "/apps/acme", 404, "req-1"), "app not found"))
    assert code is ExitCode.FAILED
    assert "app not found" in text
    assert "Traceback" not in text


def test_a_file_that_cannot_be_read_is_named() -> None:
    (problem,) = problems_of(PermissionError(13, "Permission denied", "/a/file"))
    assert (problem.id, problem.place) == ("ops.system", "/a/file")


def test_what_nobody_foresaw_is_called_a_defect_and_shows_how_to_report_it() -> None:
    code, text = run(ZeroDivisionError("division by zero"))
    assert code is ExitCode.FAILED
    assert "error[ops.defect] gateway = ZeroDivisionError" in text
    assert "gateway --debug" in text
    assert "Traceback" not in text


def test_a_traceback_is_shown_only_on_request() -> None:
    assert "Traceback" in run(ZeroDivisionError(), debug=True)[1]


@pytest.mark.parametrize("error", [KeyboardInterrupt()])
def test_an_interruption_is_no_error(error: BaseException) -> None:
    assert run(error) == (ExitCode.INTERRUPTED, "interrupted\n")
