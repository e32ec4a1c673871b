from collections.abc import Callable
from typing import Any

import pytest
import yaml

from components.actual import Reality, Running
from fly.replies import Machine
from gateway.render import render_litellm_config
from ops.drift_findings import Layer, Moved, Part, Verdict
from ops.drift_heal import plan_for
from ops.drift_litellm import BY_HAND, compared
from ops.drift_look import unless_asleep
from stacks.problem import Problem
from stacks.settings import Settings
from tests.unit.components.test_bundle import some_settings
from tests.unit.gateway.told import Told
from tests.unit.ops.test_drift_report import report

PLANTED = "".join(("sk-", "planted", "Zq9vT4xW7mK2pL8"))


@pytest.fixture(scope="module")
def settings() -> Settings:
    return some_settings(postgres={"kind": "single"})


def said(
    settings: Settings,
    change: Callable[[dict[str, Any]], None],
    *,
    database: bool = False,
    wanted: str | None = None,
) -> Part:
    """Compare with a gateway that runs on a changed configuration."""
    applied = render_litellm_config(settings)
    running: dict[str, Any] = yaml.safe_load(applied)
    change(running)
    view = Told(running, database=database).view(yaml.safe_load(applied))
    version = settings.image.version
    return compared(view, applied, wanted or applied, settings, version=version)


def shorter(running: dict[str, Any]) -> None:
    running["router_settings"]["cooldown_time"] = 5


def test_a_gateway_that_runs_what_was_applied_has_no_finding(settings: Settings) -> None:
    assert said(settings, lambda _: None, database=True) == Part()


def test_what_runs_otherwise_is_found_with_what_becomes_of_it(settings: Settings) -> None:
    (found,) = said(settings, shorter, database=True).findings
    assert (found.layer, found.verdict, found.moved) == (
        Layer.LITELLM,
        Verdict.DRIFTED,
        Moved.REALITY,
    )
    assert (found.path, found.recorded, found.actual) == (
        "router_settings.cooldown_time",
        "30",
        "5",
    )
    assert "cooldown_time" in found.details[0]
    assert "the next sync" in found.details[1]
    assert found.remedy == "gateway drift dev --heal"
    assert plan_for(report(found)).processes == (found,)


def test_what_only_the_database_holds_is_changed_there(settings: Settings) -> None:
    def more(running: dict[str, Any]) -> None:
        own = {"model_name": "own/model", "litellm_params": {"model": "openai/gpt-5.4"}}
        running["model_list"].append({**own, "model_info": {"db_model": True}})

    (found,) = said(settings, more, database=True).findings
    assert (found.verdict, found.remedy) == (Verdict.UNMANAGED, BY_HAND)
    assert plan_for(report(found)).by_hand == (found,)


def test_what_the_settings_of_today_want_already_is_no_finding(settings: Settings) -> None:
    applied = render_litellm_config(settings)
    wanted = applied.replace("cooldown_time: 30", "cooldown_time: 5")
    assert wanted != applied
    assert said(settings, shorter, database=True, wanted=wanted) == Part()
    other = applied.replace("cooldown_time: 30", "cooldown_time: 7")
    assert len(said(settings, shorter, database=True, wanted=other).findings) == 1


def test_no_secret_is_told(settings: Settings) -> None:
    def planted(running: dict[str, Any]) -> None:
        running["model_list"][0]["litellm_params"]["api_base"] = f"https://u:{PLANTED}@x"
        running["router_settings"]["redis_password"] = PLANTED

    found = said(settings, planted, database=True)
    assert found.findings
    assert PLANTED not in repr([each.as_json() for each in found.findings])


def test_another_version_than_the_applied_one_is_settled_by_a_deployment(
    settings: Settings,
) -> None:
    applied = render_litellm_config(settings)
    view = Told(yaml.safe_load(applied), database=False).view(yaml.safe_load(applied))
    told = compared(view, applied, applied, settings, version="1.105.0").findings
    found = next(each for each in told if each.path == "image.version")
    assert found.remedy == "gateway deploy dev"
    assert plan_for(report(found)).processes == ()


@pytest.mark.parametrize(
    ("state", "excused"), [("started", False), ("stopped", True), ("suspended", True)]
)
def test_a_gateway_that_sleeps_is_not_asked_for_its_word(state: str, *, excused: bool) -> None:
    machine = Machine(id="m", name="m", state=state, region="iad", instance_id="1", config={})
    reality = Reality(running=(Running("gateway-release", "app", "iad-1", machine),))
    silent = Part(problems=(Problem("gateway", "gateway.answer", "", "no answer", "look"),))
    told = unless_asleep(silent, reality)
    assert isinstance(told, Part)
    assert (told.problems == (), bool(told.notes)) == (excused, excused)
