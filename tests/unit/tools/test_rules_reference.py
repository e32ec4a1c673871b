import re
from collections import Counter

from components.rules import all_rules
from tools.rules_reference import TARGET, reference

RULES = all_rules()


def test_the_page_is_what_the_rules_say() -> None:
    """When this is red: `python -m tools.rules_reference`."""
    assert TARGET.read_text(encoding="utf-8") == reference()


def test_every_rule_has_a_section_that_the_table_leads_to() -> None:
    text = reference()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) == len(RULES)
    assert set(links) == anchors


def test_no_two_rules_share_an_id() -> None:
    twice = [id_ for id_, number in Counter(rule.id for rule in RULES).items() if number > 1]
    assert twice == []


def test_every_rule_shows_a_configuration_that_breaks_it_and_one_that_does_not() -> None:
    text = reference()
    assert text.count("Found in") == text.count("Not in") == len(RULES)
