"""No gateway that lies is proven, and each is told by what is wrong with it."""

import pytest

from tests.unit.gateway.gateway_mutants import HEALTHY, MUTANTS, StubMutant


@pytest.mark.parametrize("mutant", [*HEALTHY, *MUTANTS], ids=lambda mutant: mutant.name)
def test_each_gateway_has_the_verdict_and_the_reason_that_it_earns(mutant: StubMutant) -> None:
    evidence = mutant.proven()

    assert mutant.is_told(evidence), (evidence["verdict"], evidence["reasons"])
