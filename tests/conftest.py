"""The tiers: each test's marker comes from its folder, and no tier can go missing unseen."""

import gc
from collections import Counter
from collections.abc import Generator, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

TIERS = ("unit", "sandbox", "vendor")

# Two busy cores make single examples slow without anything being wrong. The unit tier stays under
# 30 s; `make test ARGS=--hypothesis-profile=thorough` looks further.
settings.register_profile("project", deadline=None, print_blob=True, max_examples=20)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("project")


@cache
def tier_of(path: Path, root: Path) -> str | None:
    """Return the tier whose folder below `root`/tests holds `path`."""
    tests = root / "tests"
    if not path.is_relative_to(tests):
        return None
    first = path.relative_to(tests).parts[0]
    return first if first in TIERS else None


def tiers_asked_for_whole(arguments: Sequence[str], root: Path) -> list[str]:
    """Return the tiers that a command line with these paths runs from end to end."""
    paths = [(root / argument).resolve() for argument in arguments]
    return [
        tier
        for tier in TIERS
        if any((root / "tests" / tier).is_relative_to(path) for path in paths)
    ]


def tests_that_no_pattern_finds(folder: Path) -> list[Path]:
    """Return the files that define tests under a name which pytest does not collect."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not path.name.startswith("test_")
        and any(
            line.startswith(("def test_", "async def test_"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]


@pytest.hookimpl(tryfirst=True)  # before -m and -k deselect by what is set here
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with its tier and refuse a collection in which a tier is missing."""
    problems = []
    found: Counter[str] = Counter()
    for item in items:
        tier = tier_of(item.path, config.rootpath)
        if tier is None:
            problems.append(f"{item.nodeid}: lies in none of tests/{{{','.join(TIERS)}}}")
        else:
            item.add_marker(tier)
            found[tier] += 1
    whole = tiers_asked_for_whole(config.args, config.rootpath)
    if config.getoption("lf", default=False):
        whole = []  # --last-failed leaves out whole files before this is called
    problems += [f"tests/{tier}: no test was collected" for tier in whole if not found[tier]]
    problems += [
        f"{path.relative_to(config.rootpath)}: holds tests and is not named test_*.py"
        for tier in whole
        for path in tests_that_no_pattern_finds(config.rootpath / "tests" / tier)
    ]
    if problems:
        raise pytest.UsageError(*problems)


def pytest_collection_finish() -> None:
    """Keep the search for garbage away from what stays until the end: modules and tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip in the sandbox tier into a failure: what it needs, `make setup` installs."""
    del call
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and tier_of(item.path, item.config.rootpath) == "sandbox"
    ):
        report.outcome = "failed"
        report.longrepr = f"a sandbox test may not be skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole sandbox module into an error, for the same reason."""
    report = yield
    if report.skipped and tier_of(collector.path, collector.config.rootpath) == "sandbox":
        report.outcome = "failed"
        report.longrepr = f"a sandbox module may not be skipped: {report.longrepr}"
    return report
