import io
import json
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.drift_commands import LAYERS
from ops.drift_findings import Finding, Layer, Moved, Part, Report, Verdict, ordered
from ops.drift_ignore import applied, entries_of
from ops.drift_text import markdown, show, summary
from ops.drift_values import NOT_SHOWN, value_text
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError

NOW = "2026-11-28T12:00:00Z"
TODAY = date(2026, 11, 28)
FINDING = Finding(
    layer=Layer.INFRASTRUCTURE,
    resource="gateway-release",
    path="machines.iad-1.guest.memory_mb",
    verdict=Verdict.DRIFTED,
    moved=Moved.REALITY,
    recorded="8192",
    actual="4096",
    desired="8192",
    remedy="gateway deploy dev",
    since=NOW,
)
PENDING = replace(FINDING, verdict=Verdict.PENDING, moved=Moved.PROGRAM)
TEXTS = st.text(max_size=20)
FINDINGS = st.builds(
    Finding,
    layer=st.sampled_from(Layer),
    resource=TEXTS,
    path=TEXTS,
    verdict=st.sampled_from(Verdict),
    moved=st.sampled_from(Moved),
    recorded=st.none() | TEXTS,
    actual=st.none() | TEXTS,
    desired=st.none() | TEXTS,
    remedy=TEXTS,
    details=st.lists(TEXTS, max_size=2).map(tuple),
    since=TEXTS,
    handle=st.just(FINDING.handle),
)
PROBLEM = Problem("app x", "fly.unavailable", "", "no answer", "try again")


def report(*findings: Finding, **more: Any) -> Report:
    return Report("dev", NOW, "ab" * 32, ordered(findings), **more)


def shown(told: Report) -> str:
    stdout, stderr = io.StringIO(), io.StringIO()
    show(told, Output(stdout=stdout, stderr=stderr))
    return stdout.getvalue() + stderr.getvalue()


@given(st.lists(FINDINGS, max_size=4), st.booleans())
def test_no_finding_is_too_strange_to_be_told(findings: list[Finding], whole: bool) -> None:
    told = report(*findings, problems=() if whole else (PROBLEM,), notes=("`|` [x]",))
    assert summary(told) in shown(told)
    for line in markdown(told).splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            assert line.replace("\\|", "").count(" | ") == 5
    assert len(json.dumps(told.as_json())) > 0


def test_only_what_moved_counts_unless_pending_is_asked_for() -> None:
    assert report().exit_code() is ExitCode.OK
    assert report(PENDING).exit_code() is ExitCode.OK
    assert report(PENDING).exit_code(pending=True) is ExitCode.FINDING
    assert report(FINDING, PENDING).exit_code() is ExitCode.FINDING
    assert report(replace(FINDING, verdict=Verdict.SHADOWED)).exit_code() is ExitCode.FINDING


def test_what_could_not_be_looked_at_is_no_clean_bill() -> None:
    told = report(FINDING, problems=(PROBLEM,))
    assert told.exit_code() is ExitCode.FAILED
    assert not report(problems=(PROBLEM,)).clean
    assert "not everything could be looked at" in shown(told)
    assert "4096" in shown(told)


def test_a_finding_is_told_with_its_values_its_place_and_the_way_out() -> None:
    text = shown(report(FINDING))
    assert "drifted" in text
    assert "gateway-release: machines.iad-1.guest.memory_mb" in text
    assert "applied 8192, is 4096" in text
    assert "wanted" not in text
    assert "  gateway deploy dev" in text
    assert "wanted 2048" in shown(report(replace(FINDING, desired="2048")))


def test_what_moved_is_told_before_what_is_pending() -> None:
    earlier = replace(PENDING, resource="a")
    assert [f.pending for f in report(earlier, FINDING).findings] == [False, True]


@pytest.mark.parametrize(
    ("steps", "value", "text"),
    [
        (("machines", "iad-1", "env", "LITELLM_MODE"), "DEV", '"DEV"'),
        (("machines", "iad-1", "env", "XAI_API_KEY"), "abc", "(not shown: it may be a secret)"),
        (("machines", "iad-1", "env", "X"), "sk-abcdefghijkl", "(not shown: it may be a secret)"),
        (("machines", "iad-1", "image"), "r.io/a:v1@sha256:" + "ab" * 32, None),
        (("machines", "iad-1", "files", "/app/x"), "secret text", "sha256:"),
        (("machines", "iad-1"), {"image": "a"}, "a machine, image a"),
    ],
)
def test_a_value_is_shown_unless_it_may_be_a_secret(
    steps: tuple[str, ...], value: Any, text: str | None
) -> None:
    told = value_text(steps, value)
    assert told is not None
    assert told.startswith(text) if text is not None else told == json.dumps(value)
    assert "secret text" not in told


def test_the_value_of_a_variable_that_nobody_declared_is_not_shown() -> None:
    steps = ("machines", "iad-1", "env", "HARMLESS")
    assert value_text(steps, "anything", declared=False) == NOT_SHOWN


ENTRY = (
    "ignore:\n- {resource: gateway-*, path: 'machines.*.guest.*', owner: ops,"
    " reason: a test of sizes, until: %s}\n"
)


def test_an_entry_covers_what_it_is_about_until_its_day_has_passed() -> None:
    entries = entries_of((ENTRY % "2026-11-28").encode())
    other = replace(FINDING, path="machines.iad-1.image")
    held = applied([FINDING, other], entries, environment="dev", today=TODAY)
    assert held.kept == (other,)
    assert [(i.finding, i.owner, i.until) for i in held.ignored] == [(FINDING, "ops", "2026-11-28")]
    assert held.problems == ()
    late = applied([FINDING], entries, environment="dev", today=date(2026, 11, 29))
    assert late.kept == (FINDING,)
    assert [problem.id for problem in late.problems] == ["drift.ignore_expired"]
    assert "(1 found)" in late.problems[0].expected
    assert report(entries=late.problems).exit_code() is ExitCode.FINDING


def test_an_entry_of_another_environment_covers_nothing() -> None:
    text = (ENTRY % "2027-01-01").replace("owner: ops", "owner: ops, environment: live")
    entries = entries_of(text.encode())
    assert applied([FINDING], entries, environment="dev", today=TODAY).kept == (FINDING,)
    unused = applied([], entries, environment="live", today=TODAY)
    assert [(p.id, p.severity) for p in unused.problems] == [("drift.ignore_unused", "warning")]


def test_every_mistake_in_the_file_is_told_at_once() -> None:
    text = "ignored: []\nignore:\n- {resource: a, owner: 3, until: soon, why: x}\n- nothing\n"
    with pytest.raises(ProblemError, match=r"drift\.ignore") as raised:
        entries_of(text.encode())
    told = " ".join(problem.expected for problem in raised.value.problems)
    for word in (
        "one key",
        "needs `reason`",
        "a text",
        "as year-month-day",
        "is a mapping",
        "keys",
    ):
        assert word in told


@given(st.binary(max_size=40))
def test_no_text_makes_reading_the_entries_raise_anything_else(raw: bytes) -> None:
    with suppress(ProblemError):
        entries_of(raw)


def test_a_part_is_empty_unless_told_otherwise() -> None:
    assert Part() == Part((), (), ())


def test_the_command_knows_every_layer() -> None:
    assert tuple(Layer) == LAYERS
