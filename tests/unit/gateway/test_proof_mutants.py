"""The proof's own mutants: whatever is taken out of it, a gateway is judged differently."""

import pytest

from tests.unit.gateway import gateway_mutants
from tests.unit.gateway.proof_mutants import MUTANTS, ProofMutant, mutated

GATEWAYS = {one.name: one for one in (*gateway_mutants.HEALTHY, *gateway_mutants.MUTANTS)}


def test_the_copy_that_nothing_was_changed_in_judges_as_the_proof_does() -> None:
    with mutated(None) as copy:
        for gateway in GATEWAYS.values():
            evidence = gateway.proven(copy)
            assert gateway.is_told(evidence), (gateway.name, evidence["reasons"])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_proof_that_is_made_wrong_judges_a_gateway_wrongly(mutant: ProofMutant) -> None:
    gateway = GATEWAYS[mutant.found_by]
    with mutated(mutant) as copy:
        evidence = gateway.proven(copy)

    assert not gateway.is_told(evidence), f"{mutant.name} survived {gateway.name}"
