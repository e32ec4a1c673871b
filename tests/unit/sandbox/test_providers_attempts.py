"""The attempt log: what is kept of a request, how much of it, and for whom a model is broken."""

import json
from typing import Any

import pytest

from sandbox.providers.attempts import AttemptLog, is_prefilled, marker_of
from sandbox.providers.scripts import FaultScripts, Kind, parse_script

MARKER = "drill-0123456789ab"
OTHER = "proof-ba9876543210"


def added(log: AttemptLog, marker: str = "", **more: Any) -> None:
    what = {"at": 1.0, "provider": "xai", "model": "grok-4.3", "streamed": False, "given": "ok"}
    log.add(**{**what, "marker": marker, "tokens": 3, "prefilled": False, **more})


def test_a_record_says_who_was_asked_when_and_what_was_given() -> None:
    log = AttemptLog()
    added(log, MARKER, at=4.5, given="status", streamed=True)
    (record,) = log.read()
    assert record == {
        "number": 1,
        "at": 4.5,
        "provider": "xai",
        "model": "grok-4.3",
        "streamed": True,
        "given": "status",
        "marker": MARKER,
        "tokens": 3,
        "prefilled": False,
    }


def test_the_oldest_records_make_room_and_numbers_go_on() -> None:
    log = AttemptLog(kept=2)
    for _ in range(5):
        added(log)
    assert [record["number"] for record in log.read()] == [4, 5]
    assert log.clear() == 2
    added(log)
    assert [record["number"] for record in log.read()] == [6]


def test_a_caller_finds_its_own_requests_by_their_marker() -> None:
    log = AttemptLog()
    added(log, MARKER)
    added(log, OTHER)
    assert [record["marker"] for record in log.read(OTHER)] == [OTHER]


def test_nothing_of_a_prompt_is_kept_but_its_first_marker() -> None:
    question = [[{"role": "user", "content": [{"text": f"tell {MARKER} a secret {OTHER}"}]}], None]
    assert marker_of(question) == MARKER
    assert marker_of(["a word-with-hyphens and drill-0123456789abc"]) == ""
    log = AttemptLog()
    added(log, marker_of(question))
    assert "secret" not in json.dumps(log.read())


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"role": "user"}, {"role": "assistant"}], True),
        ([{"role": "model"}], True),
        ([{"role": "assistant"}, {"role": "user"}], False),
        ([], False),
        (None, False),
    ],
)
def test_a_prefill_is_a_last_message_of_the_assistant(messages: Any, expected: bool) -> None:
    assert is_prefilled(messages) is expected


def test_a_model_is_broken_only_for_whom_it_is_told_to_be() -> None:
    scripts = FaultScripts()
    scripts.put("xai", "m", parse_script({"script": [{"kind": "reset"}]}), only=MARKER)
    assert scripts.take("xai", "m", MARKER).kind is Kind.RESET
    assert scripts.take("xai", "m", OTHER).kind is Kind.OK
    assert scripts.take("xai", "m").kind is Kind.OK
    assert [fault["only"] for fault in scripts.faults()] == [MARKER]


def test_a_marker_s_own_script_goes_before_the_one_for_all() -> None:
    scripts = FaultScripts()
    scripts.put("xai", "*", parse_script({"script": [{"kind": "hang"}]}))
    scripts.put("xai", "m", parse_script({"script": [{"kind": "ok"}]}), only=MARKER)
    assert scripts.take("xai", "m", MARKER).kind is Kind.OK
    assert scripts.take("xai", "m", OTHER).kind is Kind.HANG


def test_what_was_broken_for_one_marker_is_healed_by_it_alone() -> None:
    scripts = FaultScripts()
    reset = parse_script({"script": [{"kind": "reset"}]})
    scripts.put("xai", "m", reset, only=MARKER)
    scripts.put("xai", "m", reset)
    assert scripts.heal_all(only=MARKER) == 1
    assert scripts.take("xai", "m", MARKER).kind is Kind.RESET
    assert scripts.heal("xai", "m")
    assert scripts.take("xai", "m").kind is Kind.OK
