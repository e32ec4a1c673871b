from pathlib import Path

import pytest

from sandbox.api.app import CONTROL, FLY, FLYCTL
from sandbox.api.context import Endpoint
from sandbox.api.coverage import coverage_markdown

COVERAGE = Path(__file__).parents[3] / "sandbox" / "COVERAGE.md"


def test_the_page_in_the_repository_is_the_one_the_route_table_gives() -> None:
    assert COVERAGE.read_text(encoding="utf-8") == coverage_markdown()


@pytest.mark.parametrize(
    "endpoint", [*FLY, *FLYCTL, *CONTROL], ids=lambda e: f"{e.method} {e.path}"
)
def test_every_endpoint_says_what_it_does(endpoint: Endpoint) -> None:
    assert (endpoint.handler.__doc__ or "").strip()
    assert f"| {endpoint.method} | `{endpoint.path}` | " in coverage_markdown()


def test_no_endpoint_stands_twice() -> None:
    rows = [(endpoint.method, endpoint.path) for endpoint in (*FLY, *FLYCTL, *CONTROL)]
    assert len(set(rows)) == len(rows)
