from datetime import date
from typing import Any

import pytest

from components.history import Entry, Event, History
from ops.recorded_release import Recorded
from ops.rollback_choice import chosen, stays
from stacks.gateway import DEFINITION
from stacks.problem import ProblemError
from stacks.promotion import Promoted
from tests.unit.gateway.example import example

TODAY = date(2026, 11, 24)


def promotion(number: int, digit: str, image: str = "repo:v1@sha256:1") -> Promoted:
    document = {"number": number, "bundle": digit * 64, "image": image, "secret_names": []}
    return Promoted(f"promotions/live/{number:04d}-{digit * 12}.json", document, DEFINITION)


ONE, TWO, THREE = promotion(1, "a"), promotion(2, "b"), promotion(3, "c")
KNOWN = (ONE, TWO, THREE)


def entry(digit: str, event: Event = Event.DEPLOY, verdict: str = "passed", **more: Any) -> Entry:
    return Entry(event, "live", digit * 64, verdict=verdict, more=more)


def history(*entries: Entry) -> History:
    return History(entries)


def back(serving: str, named: Promoted | None, told: History, to: str = "") -> Promoted:
    return chosen("live", KNOWN, named=named, serving=serving * 64, history=told, to=to)


def test_it_goes_back_to_the_last_bundle_that_was_proven_before_this_one() -> None:
    assert back("c", THREE, history(entry("a"), entry("b"), entry("c"))) is TWO


def test_a_bundle_that_was_never_proven_there_is_passed_over() -> None:
    told = history(entry("a"), entry("b", Event.UNDONE, "failed"), entry("c"))
    assert back("c", THREE, told) is ONE


def test_without_a_history_it_is_the_promotion_before() -> None:
    assert back("c", THREE, history()) is TWO


def test_a_promotion_that_never_came_to_serve_is_taken_back() -> None:
    told = history(entry("a"), entry("b"), entry("c", Event.UNDONE, "failed"))
    assert back("b", THREE, told) is TWO


def test_a_rollback_that_was_interrupted_is_finished_and_goes_no_further() -> None:
    told = history(entry("a"), entry("b"), entry("c"))
    assert back("c", TWO, told) is TWO


def test_a_second_rollback_goes_further_back_and_never_forward_to_what_was_left() -> None:
    told = history(entry("a"), entry("b"), entry("c"), entry("b"))
    assert back("b", TWO, told) is ONE
    with pytest.raises(ProblemError, match=r"rollback\.none"):
        back("a", ONE, history(entry("a"), entry("b"), entry("a")))


def test_nothing_before_the_first_is_told() -> None:
    with pytest.raises(ProblemError, match=r"rollback\.none"):
        back("a", ONE, history(entry("a")))


@pytest.mark.parametrize("to", ["2", "0002", "bbbbbb", "b" * 64, f"sha256:{'b' * 64}"])
def test_a_number_or_the_digits_of_a_bundle_name_a_promotion(to: str) -> None:
    assert back("c", THREE, history(), to) is TWO


@pytest.mark.parametrize("to", ["7", "bbb", "dddddd", "live", ""])
def test_what_names_none_is_told_with_those_there_are(to: str) -> None:
    if not to:
        return
    with pytest.raises(ProblemError, match=r"0001-aaaaaaaaaaaa\.json"):
        back("c", THREE, history(), to)


def test_of_one_bundle_promoted_twice_the_older_promotion_is_before_the_one_between() -> None:
    again = promotion(3, "a")
    found = chosen(
        "live",
        (ONE, TWO, again),
        named=TWO,
        serving="b" * 64,
        history=history(entry("a"), entry("b")),
    )
    assert found is ONE


def test_it_says_that_a_database_is_not_migrated_back() -> None:
    now = Recorded(image="repo:v2@sha256:2")
    (told,) = stays(ONE, example(), now, history(), today=TODAY)
    assert told.startswith("the database stays as repo:v2@sha256:2 migrated it: repo:v1@sha256:1")
    assert stays(ONE, example(store="file"), now, history(), today=TODAY) == ()
    same = Recorded(image="repo:v1@sha256:1")
    assert stays(ONE, example(), same, history(), today=TODAY) == ()


def test_it_says_which_models_do_not_come_back() -> None:
    retired = {"name": "xai/grok-code-fast-1", "provider": "xai"}
    settings = example(models=[retired], router_settings={"fallbacks": {}}, store="file")
    (told,) = stays(ONE, settings, Recorded(), history(), today=TODAY)
    assert "xai/grok-code-fast-1 was retired by its provider on 2026-" in told


def test_it_says_that_secrets_were_set_since() -> None:
    told = history(entry("a", secrets_version=3), entry("b", secrets_version=5))
    settings = example(store="file")
    (said,) = stays(ONE, settings, Recorded(secrets_version=5), told, today=TODAY)
    assert "Fly's version 3, now 5" in said
    assert stays(ONE, settings, Recorded(secrets_version=3), told, today=TODAY) == ()
