"""What `gateway plan-scale` answers: that its plan carries the load, and that it says why."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from gateway.scale import Load
from ops.output import Output
from ops.plan_scale import Answer, answered
from ops.plan_scale_input import Asked, read
from ops.plan_scale_text import as_json, show
from stacks.problem import ProblemError
from stacks.settings import Settings
from tests.unit.gateway.example import example


def planned(rps: float, settings: Settings | None = None, **more: Any) -> Answer:
    settings = settings or example()
    return answered("dev", settings, read(Asked(Load(rps), **more), settings))


def shown(answer: Answer, settings: Settings | None = None) -> str:
    out = io.StringIO()
    settings = settings or example()
    show(settings.environment, settings, answer, Output(stdout=out))
    return out.getvalue()


def test_settings_that_carry_the_load_are_left_alone() -> None:
    answer = planned(2)
    assert answer.findings == ()
    assert answer.changes == ()
    assert "dev carries this load as it is" in shown(answer)


def test_settings_that_do_not_are_told_region_by_region_with_what_to_change() -> None:
    answer = planned(40, share="iad=60,fra=40")
    assert [f.setting for f in answer.findings] == [
        "gateway:fly.regions.iad",
        "gateway:fly.regions.fra",
    ]
    text = shown(answer)
    assert "Pulumi.dev.yaml: gateway:fly.regions.fra = " in text
    assert "(now 0)" in text
    json.dumps(as_json("dev", answer))


def test_what_the_plan_changes_carries_the_load() -> None:
    chosen = planned(40).chosen
    changed = example(
        fly={
            "regions": dict(chosen.regions),
            "size": chosen.size,
            "memory_mb": chosen.memory_mb,
        },
        server={"workers": chosen.workers},
    )
    assert planned(40, changed).findings == ()


@effort(max_examples=30, deadline=None)
@given(rps=st.floats(0.1, 500), spare=st.integers(0, 2))
def test_every_size_that_is_offered_carries_the_load_with_the_spare_ones_lost(
    rps: float, spare: int
) -> None:
    answer = planned(rps, spare=spare, share="iad=3,lhr=1")
    assert answer.options
    for plan in answer.options:
        left = plan.regions["iad"] - spare
        assert left * plan.each_rps >= rps * 0.75 * (1 - 1e-6)
    costs = [plan.compared_usd for plan in answer.options]
    assert costs == sorted(costs)


def test_shared_processors_count_as_a_sixteenth_each_and_performance_ones_whole() -> None:
    sizes = {plan.size: plan for plan in planned(40).options}
    assert sizes["shared-cpu-4x"].cores == 0.25
    assert sizes["performance-2x"].cores == 2


def test_too_many_connections_are_a_finding_and_the_setting_follows() -> None:
    settings = example(postgres={"max_connections": 100})
    answer = planned(2, settings)
    assert [f.setting for f in answer.findings] == ["gateway:postgres.max_connections"]


@pytest.mark.parametrize(("rps", "change"), [(40, "launch"), (400, "none: ")])
def test_connections_to_managed_postgres_are_bounded_by_its_plan(rps: float, change: str) -> None:
    fly = {"regions": {"iad": 15}, "wait_timeout_s": 300}
    settings = example(postgres={"kind": "managed"}, fly=fly, server={"workers": 1})
    answer = planned(rps, settings)
    assert answer.data_usd["postgres"] == 40.8
    assert answer.findings[-1].setting == "gateway:postgres.managed.plan"
    assert answer.findings[-1].value == "basic"
    assert answer.changes[-1].after.startswith(change)
    assert "plan basic with its 200 leaves 185" in shown(answer, settings)
    assert "a month, plan and disk" in shown(answer, settings)


def test_workers_that_cannot_boot_in_time_are_a_finding() -> None:
    answer = planned(2, example(fly={"wait_timeout_s": 120}))
    assert [f.setting for f in answer.findings] == ["gateway:fly.wait_timeout_s"]
    assert answer.chosen.boot_s <= 120


def test_a_region_without_a_published_price_is_said_to_have_none_unless_one_is_given() -> None:
    unknown = planned(40, share="bog=1")
    assert unknown.chosen.usd is None
    assert "Fly publishes none for bog: --markup bog=FACTOR" in shown(unknown)
    known = planned(40, share="bog=1", markup="bog=1.5").chosen
    assert known.usd == pytest.approx(1.5 * unknown.chosen.compared_usd)


def test_workers_of_a_promoted_environment_are_changed_where_dev_gets_them_too() -> None:
    settings = example(environment="live", promotion={"source": "dev"})
    answer = answered("live", settings, read(Asked(Load(40)), settings))
    assert "stacks/gateway.py: server.workers" in [change.place for change in answer.changes]
    assert "`gateway promote dev live`" in shown(answer, settings)


def test_everything_that_is_wrong_with_the_question_is_told_at_once() -> None:
    asked = Asked(Load(-1, streamed=2), 0, -1, "shared-cpu-3x", share="iad=0,mars=1", markup="iad")
    with pytest.raises(ProblemError, match="gateway plan-scale: --rps") as wrong:
        read(asked, example())
    places = {problem.place.rpartition(" ")[2] for problem in wrong.value.problems}
    assert places == {
        "--rps", "--stream", "--utilization", "--spare", "--size", "--share", "--markup",
    }  # fmt: skip
    assert all(problem.next_step for problem in wrong.value.problems)
