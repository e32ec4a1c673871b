import io

import pytest

from ops.check_text import Style, text
from stacks.problem import Severity
from tests.unit.ops.checks import ENTRY, REPORT, SETTING


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


PLAIN = Style(io.StringIO())


def test_a_finding_has_three_lines_and_the_whole_has_one() -> None:
    assert text(REPORT, PLAIN).splitlines() == [
        "error[L004] conf/a b.yaml:4:3: router_settings.allowed_fails = 3",
        "  nothing is cooled down, 100% of the time",
        "  set 2",
        "",
        'warning[L007] stacks/gateway.py: router_settings.fallbacks["*"][0] = 3',
        "  nothing is cooled down, 100% of the time",
        "  set 2",
        "",
        "conf/a b.yaml: 1 error, 1 warning; 74 rules for LiteLLM 1.106.2 (given); 0.12 s",
        "--fix mends 1 of them, --diff shows how",
    ]


def test_a_release_that_nobody_looked_at_is_named_where_it_matters() -> None:
    unsure = REPORT._replace(version="1.120.0", entries=(ENTRY._replace(verified=False),))
    assert "100% of the time (unverified on LiteLLM 1.120.0)\n" in text(unsure, PLAIN)


def test_counts_are_singular_plural_or_left_out() -> None:
    both = REPORT._replace(entries=(ENTRY, ENTRY), suppressed=(SETTING, SETTING))
    assert ": 2 errors; 2 suppressed; 74 rules" in text(both, PLAIN)


def test_only_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31merror[L004]\x1b[0m" in text(REPORT, Style(Terminal()))
    assert "\x1b" not in text(REPORT, PLAIN)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in text(REPORT, Style(Terminal()))


def test_what_is_wider_than_the_terminal_is_wrapped_and_stays_indented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = text(REPORT, Style(Terminal())).splitlines()
    assert lines[1:3] == ["  nothing is cooled down, 100% of the", "  time"]


def test_the_verdict_is_a_matter_of_what_was_asked_for() -> None:
    warned = REPORT._replace(entries=(SETTING,))
    assert REPORT.fails(Severity.ERROR)
    assert not warned.fails(Severity.ERROR)
    assert warned.fails(Severity.WARNING)
    assert not REPORT._replace(entries=()).fails(Severity.WARNING)
