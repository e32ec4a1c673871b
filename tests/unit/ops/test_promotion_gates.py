"""Each gate of a promotion: passed, failed, waived, and when nobody could look."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from components.history import Entry, Event, History
from ops.engine_preview import Step
from ops.promotion_case import running_since, shared_secrets
from ops.promotion_evidence import Proven
from ops.promotion_gates import (
    BUNDLE,
    CHECK,
    DRIFT,
    LOAD,
    NAMES,
    POLICY,
    PREVIEW,
    PROOF,
    SOAK,
    WAIVABLE,
    Case,
    Gate,
    Look,
    Result,
    Waiver,
    gates,
)
from ops.recorded_release import Recorded
from stacks.gateway import DEFINITION
from stacks.problem import Problem
from stacks.settings import Promotion

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUNDLE_DIGEST = "a" * 64
IMAGE = f"sha256:{'c' * 64}"
PROVEN = Proven(
    file="evidence/dev/0123456789ab.json",
    digest=f"sha256:{'d' * 64}",
    written_at="2026-11-24T11:00:00+00:00",
    proven=8,
    edges=8,
    image_digest=IMAGE,
)
RELEASE = Step("update", "gateway-release", "pulumi-python:dynamic/fly:Release", ("bundle",))
VOLUME = Step("update", "gateway-postgres-volume", "pulumi-python:dynamic/fly:Volume", ("size_gb",))
GOOD = Case(
    source="dev",
    target="live",
    promotion=Promotion(source="dev"),
    definition=DEFINITION,
    image=f"ghcr.io/berriai/litellm:v1.106.2@{IMAGE}",
    wanted=BUNDLE_DIGEST,
    running={"bundle": BUNDLE_DIGEST, "verdict": "passed", "image_digest": IMAGE},
    proven=PROVEN,
    drift=Look(),
    problems=(),
    steps=(RELEASE,),
    preview_error="",
    behind=Look(),
    overlay_moved=False,
    shared_secrets=(),
    now=NOW,
)
PROBLEM = Problem("Pulumi.live.yaml: gateway:fly.memory_mb", "F002", "1", "too little", "raise it")
SOAKED = Promotion(source="dev", soak_h=12)
LOADED = Promotion(source="dev", load_test=True)

FAILING: list[tuple[str, dict[str, Any], str]] = [
    (BUNDLE, {"wanted": "b" * 64}, "dev runs aaaaaaaaaaaa; its settings make bbbbbbbbbbbb"),
    (BUNDLE, {"running": {**GOOD.running, "verdict": "failed"}}, "ended with the verdict failed"),
    (BUNDLE, {"running": {**GOOD.running, "image_digest": ""}}, "no image digest"),
    (PROOF, {"proven": Proven(why="no evidence of it")}, "no evidence of it"),
    (PROOF, {"now": NOW + timedelta(hours=24)}, "25 h old, more than 24 h"),
    (PROOF, {"proven": replace(PROVEN, image_digest=f"sha256:{'e' * 64}")}, "it proved the image"),
    (DRIFT, {"drift": Look(("update gateway-app: x",))}, "update gateway-app: x"),
    (CHECK, {"problems": (PROBLEM,)}, "F002 Pulumi.live.yaml: gateway:fly.memory_mb: too little"),
    (PREVIEW, {"steps": (RELEASE, VOLUME)}, "update gateway-postgres-volume: size_gb"),
    (PREVIEW, {"steps": (replace(RELEASE, op="delete"),)}, "a promotion takes nothing away"),
    (
        PREVIEW,
        {"steps": (replace(RELEASE, paths=('machines["iad-1"].guest.memory_mb',)),)},
        "guest.memory_mb: no part of the bundle",
    ),
    (PREVIEW, {"steps": (replace(RELEASE, paths=('machines["iad-3"]',)),)}, "no part of the"),
    (
        PREVIEW,
        {"behind": Look(("gateway-release: guest: drifted",)), "overlay_moved": True},
        "guest: drifted, and would be overwritten",
    ),
    (POLICY, {"image": "ghcr.io/berriai/litellm:v1.106.2"}, "is not pinned by a digest"),
    (POLICY, {"shared_secrets": ("XAI_API_KEY",)}, "XAI_API_KEY is the same in dev and live"),
    (POLICY, {"now": datetime(2027, 7, 1, tzinfo=UTC)}, "is retired"),
    (SOAK, {"promotion": SOAKED, "running_since": NOW - timedelta(hours=3)}, "3 h, less than 12 h"),
    (SOAK, {"promotion": SOAKED}, "no deploy of this bundle"),
    (LOAD, {"promotion": LOADED}, "no load test was given"),
    (LOAD, {"load_test": {"bundle": "f" * 64, "verdict": "passed"}}, "was of the bundle ffffff"),
    (LOAD, {"load_test": {"bundle": BUNDLE_DIGEST, "verdict": "slow"}}, "the verdict slow"),
]


def answer(name: str, case: Case, *waivers: Waiver) -> Gate:
    return next(gate for gate in gates(case, waivers) if gate.gate == name)


def waiver(name: str) -> Waiver:
    return Waiver(name, "Ada <ada@acme.example>", "provider outage", date(2026, 12, 31))


def test_every_gate_passes_where_all_is_well() -> None:
    soaked = replace(
        GOOD,
        promotion=Promotion(source="dev", soak_h=12, load_test=True),
        running_since=NOW - timedelta(hours=13),
        load_test={"bundle": BUNDLE_DIGEST, "verdict": "passed"},
    )
    found = gates(soaked)
    assert [gate.gate for gate in found] == list(NAMES)
    assert {gate.result for gate in found} == {Result.PASSED}
    assert all(gate.seen for gate in found)


def test_soak_and_load_test_are_asked_for_only_where_they_are_wanted() -> None:
    assert [gate.gate for gate in gates(GOOD)] == list(NAMES[:-2])


@pytest.mark.parametrize(("name", "change", "told"), FAILING)
def test_a_gate_fails_alone_and_says_what_it_saw(
    name: str, change: dict[str, Any], told: str
) -> None:
    found = answer(name, replace(GOOD, **change))
    assert found.result is Result.FAILED
    assert told in found.seen
    assert found.next_step


@pytest.mark.parametrize(("name", "change", "told"), FAILING)
def test_a_failed_gate_can_be_waived_unless_there_is_no_bundle_without_it(
    name: str, change: dict[str, Any], told: str
) -> None:
    found = answer(name, replace(GOOD, **change), waiver(name))
    if name in WAIVABLE:
        assert found.result is Result.WAIVED
        assert told in found.seen
        assert found.as_json()["waiver"] == {
            "by": "Ada <ada@acme.example>",
            "why": "provider outage",
            "until": "2026-12-31",
        }
    else:
        assert found.result is Result.FAILED
        assert found.waiver is None


def test_every_gate_that_can_fail_is_tried_here() -> None:
    assert {name for name, _, _ in FAILING} == set(NAMES)


def test_a_gate_that_passes_needs_no_waiver() -> None:
    assert answer(PROOF, GOOD, waiver(PROOF)).waiver is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (DRIFT, {"drift": Look(error="Fly did not answer")}),
        (PREVIEW, {"preview_error": "locked"}),
        (PREVIEW, {"behind": Look(error="Fly did not answer")}),
    ],
)
def test_nobody_could_look_is_no_answer_and_cannot_be_waived(
    name: str, change: dict[str, Any]
) -> None:
    assert answer(name, replace(GOOD, **change), waiver(name)).result is Result.ERRORED


@pytest.mark.parametrize(
    "steps",
    [
        None,
        (),
        (replace(VOLUME, op="create"), replace(RELEASE, op="create", paths=())),
        (
            replace(RELEASE, paths=("bundle", 'machines["iad-1"].files["/app/x"]', "proof_plan")),
            Step("update", "gateway", "gateway:index:Gateway", ("bundle",)),
        ),
    ],
)
def test_what_a_bundle_explains_is_no_finding(steps: tuple[Step, ...] | None) -> None:
    assert answer(PREVIEW, replace(GOOD, steps=steps)).result is Result.PASSED


def test_what_the_environments_own_values_explain_is_no_finding() -> None:
    moved = replace(GOOD, steps=(RELEASE, VOLUME), overlay_moved=True)
    assert answer(PREVIEW, moved).result is Result.PASSED


def test_keys_are_shared_when_both_have_one_digest_and_only_providers_count() -> None:
    one = Recorded(key_digests={"XAI_API_KEY": "1", "OPENAI_API_KEY": "2", "OTHER": "3"})
    other = Recorded(key_digests={"XAI_API_KEY": "1", "OPENAI_API_KEY": "4", "OTHER": "3"})
    assert shared_secrets(DEFINITION, one, other) == ("XAI_API_KEY",)
    assert shared_secrets(DEFINITION, one, Recorded()) == ()


def deployed(bundle: str, hour: int, event: Event = Event.DEPLOY) -> Entry:
    return Entry(event, "dev", bundle, verdict="passed", at=f"2026-11-24T{hour:02d}:00:00+00:00")


def test_a_bundle_runs_since_it_was_deployed_without_another_one_since() -> None:
    history = History(
        (
            deployed("a", 1),
            deployed("b", 2),
            deployed("a", 3),
            deployed("c", 4, Event.UNDONE),
            deployed("a", 5),
        )
    )
    assert running_since(history, "a") == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert running_since(history, "b") is None
    assert running_since(History(), "a") is None
