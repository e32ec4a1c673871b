"""No way in which a real LiteLLM can be wrong about its fallbacks is proven, nor told wrongly."""

import time
from collections.abc import Iterator

import pytest

from gateway import proof
from tests.sandbox.gateway_mutants import HEALTHY, HOOK, MUTANTS, Mutant, with_probes
from tests.sandbox.real_gateway import KEY, Gateway, booted

ADDRESS = "127.91.12.1"

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and a boot


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("mutants")
    (folder / "mutations.py").write_text(HOOK)
    # xAI's key is missing, as it is where a secret was forgotten.
    with booted(folder, ADDRESS, with_probes, without=("XAI_API_KEY",)) as running_gateway:
        yield running_gateway


def test_there_are_at_least_twenty_of_them_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20


@pytest.mark.parametrize("mutant", [*HEALTHY, *MUTANTS], ids=lambda mutant: mutant.name)
def test_each_gateway_is_told_by_what_is_wrong_with_it(gateway: Gateway, mutant: Mutant) -> None:
    if mutant.fault:
        gateway.break_(*mutant.target.split("/"), **mutant.fault)
    try:
        with proof.gateway_client(mutant.url or gateway.url) as client:
            evidence = proof.run(
                mutant.plan_from(gateway.plan()),
                client=client,
                key=mutant.key or KEY,
                clock=proof.steady_clock(),
                nonce=proof.new_nonce,
                progress=lambda _: None,
                surroundings=proof.Surroundings(breaker=bool(mutant.breaker), sleep=time.sleep),
            )
    finally:
        gateway.scripts.heal_all()

    told = " | ".join(evidence["reasons"])
    assert evidence["verdict"] == mutant.verdict, told
    assert mutant.reason in told
    assert bool(told) == bool(mutant.reason)
