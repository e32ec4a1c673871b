"""The catalogue: complete, in the stand-in's words, and every check of it can be broken."""

import pytest

from gateway.drill.catalogue import BENCH_FAULTS, BY_ID, FAULTS
from gateway.drill.extra_faults import EXTRA
from gateway.drill.fault import BENCH, Fault, Meets, On
from gateway.drill.known_limits import LIMITS
from gateway.drill.seen import Form
from gateway.explain_attempts import ERRORS
from sandbox.providers.scripts import parse_script


def test_all_sixteen_faults_of_failover_bench_are_there_in_their_order() -> None:
    assert [fault.id for fault in BENCH_FAULTS] == [f"S{number:02}" for number in range(1, 17)]
    assert all(fault.source.startswith(f"{BENCH} {fault.id}") for fault in BENCH_FAULTS)


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len(BY_ID) == len(FAULTS) == len(BENCH_FAULTS) + len(EXTRA) == 28
    assert len({fault.title for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_the_stand_in_understands_every_fault(fault: Fault) -> None:
    for step in (fault.step, fault.target_step):
        if step:
            assert parse_script({"script": [dict(step)]}).steps


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_says_what_is_done_what_is_right_and_who_found_it(fault: Fault) -> None:
    assert fault.does.endswith(".")
    assert fault.correct.endswith(".")
    assert fault.source
    assert fault.forms
    assert fault.checks, "a fault without a check would pass whatever the log shows"


def test_what_a_fault_is_to_litellm_is_a_class_that_explain_knows() -> None:
    known = {error.name for error in ERRORS}
    assert {fault.meets.value for fault in FAULTS} - {""} <= known


def test_silence_is_drilled_on_every_provider_and_in_both_forms() -> None:
    silent = BY_ID["S06"]
    assert (silent.on, silent.providers) == (On.EACH_PROVIDER, ())
    assert set(silent.forms) == set(Form)
    assert silent.meets is Meets.TIME_OUT


def test_a_known_limit_is_about_a_fault_and_a_form_that_are_drilled() -> None:
    for limit in LIMITS:
        assert limit.form in BY_ID[limit.fault].forms
        assert limit.versions
