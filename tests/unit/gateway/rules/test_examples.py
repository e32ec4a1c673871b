import re
from collections import Counter

import pytest

from gateway.checking import check
from gateway.rules.all import RULES
from gateway.subject import Subject
from stacks.problem import Severity
from stacks.rule import Rule
from stacks.versions import Holds
from tests.unit.gateway.rules.cases import configuration_of, edited, ids

LAST_OF_LITELLM = "L149"  # from L150 on rules look at texts beside LiteLLM's file
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


def test_every_rule_has_an_id_of_its_own() -> None:
    twice = [rule_id for rule_id, count in Counter(rule.id for rule in RULES).items() if count > 1]
    assert twice == []
    assert [rule.id for rule in RULES if not re.fullmatch(r"L[0-2][0-9]{2}", rule.id)] == []


@each_rule
def test_a_rule_says_what_it_is_about_and_where_that_can_be_read(rule: Rule[Subject]) -> None:
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.about
    assert rule.remedy.endswith(".")
    assert rule.evidence
    assert all(rule.evidence)


@each_rule
def test_the_failing_example_breaks_the_rule_and_no_other_is_an_error(
    rule: Rule[Subject],
) -> None:
    configuration = configuration_of(rule.failing)
    assert rule.id in ids(configuration)
    if rule.id <= LAST_OF_LITELLM:
        assert set(ids(configuration, Severity.ERROR)) <= {rule.id}


@each_rule
def test_the_passing_example_keeps_the_rule_and_gives_no_error(rule: Rule[Subject]) -> None:
    configuration = configuration_of(rule.passing)
    assert rule.versions.hold(configuration.version) is not Holds.NO
    assert rule.id not in ids(configuration)
    if rule.id <= LAST_OF_LITELLM:
        assert ids(configuration, Severity.ERROR) == []


@each_rule
def test_the_edits_of_the_failing_example_mend_it(rule: Rule[Subject]) -> None:
    configuration = configuration_of(rule.failing)
    found = [result for result in check(configuration) if result.rule_id == rule.id]
    if not any(result.finding.edits for result in found):
        return  # nothing here has one right answer
    edits = [edit for result in reversed(found) for edit in result.finding.edits]
    assert rule.id not in ids(edited(configuration, tuple(edits)))


@each_rule
def test_a_finding_has_its_three_parts(rule: Rule[Subject]) -> None:
    for result in check(configuration_of(rule.failing)):
        finding = result.finding
        assert finding.path
        assert finding.expected
        assert not finding.expected.endswith(".")
        assert finding.next_step
        assert "\n" not in finding.expected + finding.next_step
