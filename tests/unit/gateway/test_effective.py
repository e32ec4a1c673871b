import ast
from pathlib import Path

from gateway.effective import ALLOWED_FAILS_OF_3, FACTS
from stacks.versions import Holds, order

TRUTHS = Path(__file__).parents[2] / "sandbox"


def truth_tests() -> set[str]:
    return {
        node.name
        for file in TRUTHS.glob("test_truth_*.py")
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_every_fact_has_a_truth_test_that_exists_or_says_why_it_has_none() -> None:
    known = truth_tests()
    without = [
        fact.id
        for fact in FACTS
        if (fact.test not in known if fact.test is not None else not fact.untested)
    ]

    assert len(FACTS) > 50
    assert without == []


def test_no_two_facts_have_one_id() -> None:
    ids = [fact.id for fact in FACTS]

    assert len(ids) == len(set(ids))


def test_every_fact_says_its_effect_and_a_source() -> None:
    assert [f.id for f in FACTS if not f.effect or f.effect.endswith(".") or not f.evidence] == []


def test_a_range_begins_before_it_ends() -> None:
    for fact in FACTS:
        span = fact.versions
        assert order(span.first) <= order(span.last), fact.id
        if span.since and span.until:
            assert order(span.since) < order(span.until), fact.id


def test_a_value_of_3_is_not_set_until_1_109_0() -> None:
    assert ALLOWED_FAILS_OF_3.versions.hold("1.108.11") is Holds.YES
    assert ALLOWED_FAILS_OF_3.versions.hold("1.109.0") is Holds.NO


def test_no_effect_quotes_a_path_of_some_machine() -> None:
    texts = [text for fact in FACTS for text in (fact.effect, *fact.evidence, fact.untested)]

    assert [text for text in texts if text.startswith("/") or "/home/" in text] == []
