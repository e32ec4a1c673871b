"""The rules of the test tiers, tried on a small project with this project's own conftest."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = (Path(__file__).parents[2] / "conftest.py").read_text(encoding="utf-8")
INI = """
[pytest]
addopts = --import-mode=importlib --strict-markers -p no:randomly -p no:cacheprovider
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
markers =
    unit
    sandbox
    vendor
"""
PASSES = "def test_it_works():\n    assert True\n"
SKIPS = "import pytest\n\ndef test_it_waits():\n    pytest.skip('no server')\n"
SKIPS_WHOLE = "import pytest\n\npytest.skip('no engine', allow_module_level=True)\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with one passing test in each tier."""
    pytester.makeini(INI)
    write(pytester, "tests/conftest.py", CONFTEST)
    for tier in ("unit", "sandbox", "vendor"):
        write(pytester, f"tests/{tier}/test_{tier}.py", PASSES)
    return pytester


def write(pytester: pytest.Pytester, path: str, text: str) -> None:
    file = pytester.path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*arguments)


def test_each_test_is_marked_with_its_folder(project: pytest.Pytester) -> None:
    result = run(project, "tests", "-m", "unit")
    result.assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize("tier", ["unit", "sandbox", "vendor"])
def test_a_whole_run_in_which_a_tier_is_empty_is_an_error(
    project: pytest.Pytester, tier: str
) -> None:
    (project.path / f"tests/{tier}/test_{tier}.py").unlink()
    result = run(project, "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: tests/{tier}: no test was collected"])


def test_a_run_of_one_file_asks_nothing_of_the_other_tiers(project: pytest.Pytester) -> None:
    (project.path / "tests/vendor/test_vendor.py").unlink()
    run(project, "tests/unit/test_unit.py").assert_outcomes(passed=1)


def test_a_file_whose_name_no_pattern_finds_is_an_error(project: pytest.Pytester) -> None:
    write(project, "tests/unit/deep/drift_test_cases.py", PASSES)
    result = run(project, "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*drift_test_cases.py: holds tests and is not named test_?.py"])


def test_a_test_outside_every_tier_is_an_error(project: pytest.Pytester) -> None:
    write(project, "tests/test_lost.py", PASSES)
    result = run(project, "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_lost.py::test_it_works: lies in none of tests/*"])


def test_a_skip_in_the_sandbox_tier_fails(project: pytest.Pytester) -> None:
    write(project, "tests/sandbox/test_skips.py", SKIPS)
    result = run(project, "tests")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*a sandbox test may not be skipped: *no server*"])


def test_a_sandbox_module_that_skips_itself_is_an_error(project: pytest.Pytester) -> None:
    write(project, "tests/sandbox/test_skips.py", SKIPS_WHOLE)
    result = run(project, "tests")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*a sandbox module may not be skipped: *no engine*"])


def test_a_vendor_test_may_be_skipped(project: pytest.Pytester) -> None:
    write(project, "tests/vendor/test_skips.py", SKIPS)
    run(project, "tests").assert_outcomes(passed=3, skipped=1)
