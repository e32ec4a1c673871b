"""docs/proof.md says what the code does: each form, fault, limit and default stands in it."""

from pathlib import Path

import pytest

from gateway.proof.faults import FAULTS
from gateway.proof.forms import FORMS
from gateway.proof.limits import LIMITS, Limit
from stacks.settings import Proof

PAGE = (Path(__file__).parents[3] / "docs" / "proof.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*FORMS, *FAULTS])
def test_every_form_and_every_fault_has_its_row(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: str(limit.id))
def test_every_known_limit_has_its_row(limit: Limit) -> None:
    versions = ", ".join(limit.versions)
    assert f"\n| `{limit.id}` | {versions} | {limit.what} | {limit.evidence} |\n" in PAGE


@pytest.mark.parametrize(
    "name",
    [
        "samples",
        "concurrency",
        "attempt_timeout_s",
        "request_timeout_s",
        "total_timeout_s",
        "total_requests",
        "total_cost_usd",
    ],
)
def test_every_default_is_the_one_that_holds(name: str) -> None:
    assert f"\n| `{name}` | {getattr(Proof(), name)}" in PAGE


def test_the_bounds_of_a_rescue_are_those_that_hold() -> None:
    proof = Proof()

    assert f"| {proof.cold_rescue_ms}, {proof.warm_rescue_ms} |" in PAGE
