from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.paths import Path, spell
from stacks.problem import ProblemError, Severity
from stacks.rule import Finding, Result
from stacks.suppressions import Applied, Suppression, applied, read_suppressions

TODAY = date(2026, 11, 24)
IDS = frozenset({"L004", "L005"})
TEXT = b"""\
suppressions:
  - rule: L004
    where: router_settings.*
    environment: live
    reason: until the release of December
    until: 2026-12-31
  - {rule: L005, where: null, reason: asked for, until: "2027-01-01"}
"""


def result(
    rule: str = "L004", path: Path = ("litellm", "router_settings", "allowed_fails")
) -> Result:
    return Result(rule, Severity.ERROR, Finding(path, "3", "it does nothing", "set 2"))


def spellings(path: Path) -> tuple[str, ...]:
    return (spell(path[1:]), spell(path))


def apply(
    *results: Result, by: Suppression, environment: str | None = None, today: date = TODAY
) -> Applied:
    return applied(results, [by], spellings=spellings, environment=environment, today=today)


def entry(**more: str) -> Suppression:
    until = date.fromisoformat(more.pop("until", "2026-12-31"))
    return Suppression("L004", "because", until, "suppressions.yaml:2:5", **more)


def test_a_file_is_read_entry_by_entry_with_its_places() -> None:
    first, second = read_suppressions(TEXT, "suppressions.yaml", rule_ids=IDS)
    assert first == Suppression(
        "L004",
        "until the release of December",
        date(2026, 12, 31),
        "suppressions.yaml:2:5",
        "router_settings.*",
        "live",
    )
    assert (second.where, second.environment, second.until) == ("*", None, date(2027, 1, 1))
    assert second.place.startswith("suppressions.yaml:7:")


def test_a_suppressed_finding_is_kept_apart_with_the_entry_that_did_it() -> None:
    other = result("L005")
    found = apply(result(), other, by=entry())
    assert found == Applied((other,), ((result(), entry()),))


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ("*", True),
        ("router_settings.allowed_fails", True),
        ("litellm.router_settings.allowed_fails", True),
        ("router_settings.*", True),
        ("*fails", True),
        ("router_settings", False),
        ("router_settings.num_retries", False),
        ("[a-z]*", False),
    ],
)
def test_a_star_stands_for_anything_and_all_else_for_itself(where: str, covered: bool) -> None:
    assert bool(apply(result(), by=entry(where=where)).suppressed) is covered


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3))
def test_the_place_that_a_finding_is_told_with_suppresses_it(parts: list[str]) -> None:
    path: Path = ("litellm", *parts, 0)
    assert apply(result(path=path), by=entry(where=spell(path[1:]))).kept == ()


def test_an_entry_holds_on_its_last_day_and_is_an_error_on_the_next() -> None:
    by = entry(until="2026-11-24")
    assert apply(result(), by=by, today=date(2026, 11, 24)).problems == ()
    late = apply(result(), by=by, today=date(2026, 11, 25))
    assert late.kept == (result(),)
    (problem,) = late.problems
    assert problem.id == "suppressions.expired"
    assert problem.severity is Severity.ERROR
    assert problem.place == "suppressions.yaml:2:5"
    assert "told again (1 found)" in problem.expected


def test_an_entry_that_nothing_needs_is_a_warning_whether_expired_or_not() -> None:
    (unused,) = apply(by=entry()).problems
    assert (unused.id, unused.severity) == ("suppressions.unused", Severity.WARNING)
    (expired,) = apply(by=entry(until="2026-01-01")).problems
    assert (expired.id, expired.next_step) == ("suppressions.expired", "remove the entry")


@pytest.mark.parametrize(
    ("of", "looked_at", "holds"),
    [
        (None, "live", True),
        (None, None, True),
        ("live", "live", True),
        ("live", "dev", False),
        ("live", None, False),
    ],
)
def test_an_entry_of_one_environment_says_nothing_about_another(
    of: str | None, looked_at: str | None, holds: bool
) -> None:
    by = Suppression("L004", "because", date(2026, 12, 31), "here", environment=of)
    found = apply(result(), by=by, environment=looked_at)
    assert bool(found.suppressed) is holds
    assert found.problems == ()


def test_every_mistake_in_a_file_is_told_at_once_with_its_place() -> None:
    text = b"""\
suppression: []
suppressions:
  - {rule: L999, reason: x, until: 2027-01-01}
  - {rule: L004, until: soon, why: x}
  - L005
  - {rule: L004, reason: x, until: 2026-02-30 }
  - {rule: L004, reason: 3, until: 2026-02-28 }
"""
    with pytest.raises(ProblemError, match="no rule has this id") as error:
        read_suppressions(text, "s.yaml", rule_ids=IDS)
    told = [(problem.place, problem.expected) for problem in error.value.problems]
    assert [place.split(": ")[0].split(":")[1] for place, _ in told] == [
        "1",
        "3",
        "4",
        "4",
        "4",
        "5",
        "6",
        "7",
    ]
    words = " ".join(expected for _, expected in told)
    for expected in ("one key", "needs `reason`", "a day", "the keys rule", "a mapping", "a text"):
        assert expected in words


def test_a_file_may_be_empty() -> None:
    assert read_suppressions(b"", "s.yaml", rule_ids=IDS) == ()
    assert read_suppressions(b"suppressions: []", "s.yaml", rule_ids=IDS) == ()


def test_a_file_that_is_no_yaml_is_no_empty_list_of_suppressions() -> None:
    with pytest.raises(ProblemError, match="this is no YAML"):
        read_suppressions(b"suppressions: [", "s.yaml", rule_ids=IDS)
    with pytest.raises(ProblemError, match="a list of entries"):
        read_suppressions(b"suppressions: L004", "s.yaml", rule_ids=IDS)
