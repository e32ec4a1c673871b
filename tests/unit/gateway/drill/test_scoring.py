"""The scorer: both sides count, and a scorer that leaves one of them out is caught."""

import dataclasses
from typing import Any

import pytest

from gateway.drill.catalogue import BY_ID
from gateway.drill.scoring import Score, score, worst
from gateway.drill.seen import Answer, Form, Outcome, Seen
from tests.unit.gateway.drill.seen import PRIMARY, TARGET, answered, refused, saw, tried


def scored(fault: str, seen: Seen) -> tuple[Score, str]:
    found = score(BY_ID[fault], seen)
    return found.score, "; ".join(found.reasons)


def test_a_rescue_by_the_target_passes() -> None:
    assert scored("S04", saw()) == (Score.PASS, "")


def test_an_advisory_check_makes_a_pass_partial() -> None:
    found, why = scored("S03", saw())
    assert found is Score.PARTIAL
    assert "tried at least 2 x: once at the primary" in why
    retried = saw(answered(PRIMARY), log=tried(0, 1))
    assert scored("S03", retried) == (Score.PASS, "")


def test_a_clean_error_in_time_is_safe() -> None:
    found, why = scored("S08", saw(refused()))
    assert (found, why) == (Score.SAFE, "not rescued: HTTP 500")


def test_a_hang_fails() -> None:
    found, why = scored("S06", saw(refused(ended=False, took_s=15.02)))
    assert (found, why) == (Score.FAIL, "neither answer nor error within 15 s")


@pytest.mark.parametrize("text", ["", "answered by ", "answered by answered by a/b (sandbox)"])
def test_less_or_other_than_an_answer_told_as_a_success_fails(text: str) -> None:
    found, why = scored("S08", saw(answered(text=text)))
    assert found is Score.FAIL
    assert why == f'told as a success: "{text}"'


def test_half_an_answer_with_an_error_behind_it_is_an_error() -> None:
    assert answered(text="answered by ", error="broken").outcome is Outcome.ERROR


def test_a_fault_that_no_attempt_met_was_not_drilled_however_good_the_answer() -> None:
    found, why = scored("S04", saw(log=tried(0, deployment=TARGET)))
    assert found is Score.UNMET
    assert "never reached a request" in why


def test_an_answer_from_a_model_that_nobody_asked_fails() -> None:
    found, why = scored("S04", saw(log=tried(0)))
    assert found is Score.FAIL
    assert why == f"answered by {TARGET}, which was never asked: a cache?"


def test_hammering_fails_although_the_caller_was_rescued() -> None:
    log = tried(0, 0.1, 0.2, 0.3, 0.4) + tried(0.5, deployment=TARGET)
    found, why = scored("S02", saw(log=log))
    assert found is Score.FAIL
    assert "5 attempts in 3 s, at most 4 allowed" in why
    patient = tried(0, 0.6, 1.9, 5.0) + tried(9, deployment=TARGET)
    assert scored("S02", saw(log=patient)) == (Score.PASS, "")


def test_more_attempts_than_the_budget_fail() -> None:
    log = tried(*range(0, 14, 2)) + tried(15, deployment=TARGET)
    found, why = scored("S04", saw(log=log))
    assert (found, "7 times at the primary, at most 6 allowed" in why) == (Score.FAIL, True)


def test_a_retry_after_is_read_from_the_gap_in_the_log() -> None:
    early = saw(answered(PRIMARY), log=tried(0, 0.9))
    on_time = saw(answered(PRIMARY), log=tried(0, 2.01))
    assert scored("S01", early)[0] is Score.PARTIAL
    assert "tried again after 0.90 s, asked for 1.8 s" in scored("S01", early)[1]
    assert scored("S01", on_time) == (Score.PASS, "")


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({"fallbacks": None}, "no x-litellm-attempted-fallbacks of 1 or more"),
        ({"fallbacks": 0}, "no x-litellm-attempted-fallbacks of 1 or more"),
        ({"group": None}, "x-litellm-model-group is missing, another answered"),
        ({"group": PRIMARY}, f"x-litellm-model-group is {PRIMARY}, another answered"),
        ({"model": "grok-4.3"}, f'`model` is "grok-4.3", {TARGET} answered'),
    ],
)
def test_a_caller_who_is_not_told_who_answered_makes_accounting_fail(
    missing: dict[str, Any], why: str
) -> None:
    assert scored("S16", saw()) == (Score.PASS, "")
    found, said = scored("S16", saw(answered(**missing)))
    assert found is Score.FAIL
    assert why in said


def test_an_answer_without_usage_is_noted() -> None:
    assert scored("S16", saw(answered(usage=False)))[0] is Score.PARTIAL


def test_a_prompt_that_is_too_long_may_only_come_again_smaller() -> None:
    same = tried(0, tokens=900) + tried(1, tokens=900) + tried(2, deployment=TARGET)
    smaller = tried(0, tokens=900) + tried(1, tokens=500) + tried(2, deployment=TARGET)
    assert scored("S12", saw(log=same))[0] is Score.FAIL
    assert scored("S12", saw(log=smaller)) == (Score.PASS, "")


def test_answering_around_a_content_filter_is_partial_and_telling_is_a_pass() -> None:
    assert scored("S13", saw())[0] is Score.PARTIAL
    assert scored("S13", saw(refused(status=400))) == (Score.PASS, "")


def test_a_prefill_that_the_target_rejects_may_not_hide_the_fault() -> None:
    log = tried(0) + tried(1, deployment=TARGET, prefilled=True)
    assert scored("S14", saw(refused(), log=log))[0] is Score.FAIL
    assert scored("S14", saw(refused()))[0] is Score.SAFE


def test_a_gateway_that_is_dead_afterwards_fails() -> None:
    assert scored("S09", saw(refused()))[0] is Score.SAFE
    assert scored("S09", saw(refused(), alive=False))[0] is Score.FAIL


def test_waiting_for_a_slow_but_living_model_is_right_and_asking_another_is_not() -> None:
    assert scored("G11", saw(answered(PRIMARY)))[0] is Score.PASS
    assert scored("G11", saw())[0] is Score.FAIL


def flapping(*answers: Answer, log: Any = None) -> Seen:
    return saw(*answers, log=log, healed_at_s=4.0)


def test_a_primary_that_flaps_is_returned_to() -> None:
    down = [answered(at_s=at) for at in (0.0, 1.0, 2.0)]
    log = tried(0, 1, 2, 33) + tried(3, deployment=TARGET)
    back = answered(PRIMARY, at_s=33.0)
    assert scored("S15", flapping(*down, back, log=log)) == (Score.PASS, "")
    never = flapping(*down, answered(at_s=40.0), log=log)
    assert scored("S15", never)[0] is Score.FAIL
    lost = flapping(down[0], refused(at_s=1.0), back, log=log)
    assert scored("S15", lost)[0] is Score.FAIL
    asked_on = flapping(*down, back, log=tried(0, 1, 2, 3, 3.5) + tried(9, deployment=TARGET))
    assert scored("S15", asked_on)[0] is Score.PARTIAL


def test_a_fault_scores_as_its_worst_run() -> None:
    assert worst([Score.PASS, Score.SAFE, Score.PARTIAL]) is Score.SAFE
    assert worst([Score.FAIL, Score.PASS]) is Score.FAIL


def test_whether_it_was_a_rescue_is_read_from_text_and_log_together() -> None:
    assert saw().rescued
    assert not saw(answered(PRIMARY)).rescued
    assert not saw(refused()).rescued
    assert not saw(log=tried(0)).rescued
    assert not dataclasses.replace(saw(), answers=(answered(text="answered by "),)).rescued


def test_a_form_is_how_an_answer_is_asked_for() -> None:
    assert answered(form=Form.STREAM).outcome is Outcome.ANSWER
