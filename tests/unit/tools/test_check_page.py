"""What docs/check.md shows is what the command prints (`python -m tools.check_page`)."""

import re

from components.rules import all_rules
from tools.check_page import PAGE, SHOWN, page


def test_the_page_shows_what_the_command_prints() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text
    assert all(f"$ {command}\n" in text for command in SHOWN)


def test_every_rule_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"\b[LF][0-9]{3}\b", PAGE.read_text("utf-8")))
    assert named <= {rule.id for rule in all_rules()}
