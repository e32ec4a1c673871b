import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import (
    check_speed,
    drift,
    engine_cost,
    first_rescue,
    gateway_speed,
    release_scale,
    rollout_loss,
)
from benchmarks.first_rescue import PRIMARIES, Rescues
from benchmarks.harness import ROOT
from benchmarks.rollout_loss import Tally
from benchmarks.table import HEADER, Row, paired_ratio, render
from components.bundle import make_bundle
from components.validate import load_checked_file
from gateway.drill.published import GENERAL, LITELLM, ROUTER, published_config

ROW = Row("a name", "2 s", "1 s, a baseline", 2.0, "<= 1", held=False, note="why")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_says_every_row_in_the_columns_of_its_header() -> None:
    lines = render([ROW]).splitlines()
    assert cells(lines[0]) == list(HEADER)
    assert cells(lines[2]) == ["a name", "2 s", "1 s, a baseline", "2.00", "<= 1", "NO"]
    assert lines[-1] == "- a name: why"


@pytest.mark.parametrize(("held", "told"), [(True, "yes"), (False, "NO"), (None, "-")])
def test_a_row_without_a_target_is_neither_held_nor_missed(held: bool | None, told: str) -> None:
    assert replace(ROW, held=held).cells()[-1] == told


def test_a_row_as_json_keeps_every_field() -> None:
    assert Row(**json.loads(json.dumps(ROW.as_json()))) == ROW


@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=9),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
)
def test_a_paired_ratio_does_not_see_a_machine_that_slows_both_down(
    empties: list[float], times: float, mood: float
) -> None:
    ours = [seconds * times for seconds in empties]
    calm = paired_ratio(ours, empties)
    assert calm == pytest.approx(times)
    busy = paired_ratio([s * mood for s in ours], [s * mood for s in empties])
    assert busy == pytest.approx(calm)


def test_a_paired_ratio_of_unequal_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("limit", "held"), [(2.0, True), (1.9, False), (None, None)])
def test_the_engines_row_is_held_up_to_its_limit(limit: float | None, held: bool | None) -> None:
    row = engine_cost.summary("up", [4.0, 6.0, 2.0], [2.0, 2.0, 2.0], limit=limit)
    assert (row.ratio, row.held) == (2.0, held)
    assert (row.measured, row.baseline) == ("4.00 s", "2.00 s, an empty program")


def test_a_rescue_is_held_only_below_its_limit_and_fifty_times_below_the_published() -> None:
    held = first_rescue.summary(Rescues([90.0, 100.0], [9500.0, 9500.0], [20.0]))
    assert [row.held for row in held] == [True, True]
    assert held[1].ratio == pytest.approx(100)
    slow = first_rescue.summary(Rescues([101.0], [5049.0], [20.0]))
    assert [row.held for row in slow] == [False, False]


def test_a_proof_that_was_not_passed_is_not_held_however_fast() -> None:
    fast = {"duration_s": 1.0, "verdict": "passed", "edges": [{}], "requests": 4}
    passed = gateway_speed.Proven(fast, 0.8)
    failed = gateway_speed.Proven({**fast, "verdict": "failed"}, 0.8)
    assert gateway_speed.proof_row([passed], 0.02).held
    assert gateway_speed.bound_row([passed]).held
    for row in (
        gateway_speed.proof_row([passed, failed], 0.02),
        gateway_speed.bound_row([passed, failed]),
    ):
        assert not row.held
        assert "not every proof passed" in row.note
        assert "200 ms" in row.note


def test_a_proof_is_held_against_the_processor_time_of_its_own_run() -> None:
    evidence = {"duration_s": 2.7, "verdict": "passed", "edges": [{}], "requests": 100}
    row = gateway_speed.bound_row([gateway_speed.Proven(evidence, 2.0)])
    assert row.ratio == pytest.approx(1.35)
    assert row.held is False
    assert gateway_speed.bound_row([gateway_speed.Proven(evidence, 2.1)]).held


def test_a_second_run_is_compared_with_the_first_and_held_below_a_minute() -> None:
    row = gateway_speed.second_run([6.0, 5.0, 7.0], first=60.0, boot=12.0)
    assert (row.ratio, row.held) == (0.1, True)
    assert "12.0 s" in row.note
    late = gateway_speed.after_a_stop(gateway_speed.Restarted(total=61.0, boot=50.0), first=61.0)
    assert not late.held
    assert "boot 50.0 s" in late.note


def test_a_check_is_held_only_when_it_is_fast_and_a_hundred_times_faster_than_theirs() -> None:
    assert check_speed.check_row([0.1, 0.3, 0.1], theirs=10.0).held
    assert not check_speed.check_row([0.1, 0.3, 0.1], theirs=9.9).held
    assert not check_speed.check_row([0.36], theirs=100.0).held


def test_the_growth_with_the_number_of_models_is_held_to_little_more_than_linear() -> None:
    few, many = check_speed.large_rows(0.1, 1.2)
    assert (few.held, many.held) == (True, True)
    assert many.ratio == pytest.approx(12)
    few, many = check_speed.large_rows(0.3, 9.0)
    assert (few.held, many.held) == (False, False)


def test_the_large_configuration_has_as_many_models_and_chains_as_it_says() -> None:
    document = check_speed.large(50).litellm
    assert document is not None
    names = {model["model_name"] for model in document["model_list"]}
    chains = document["router_settings"]["fallbacks"]
    assert len(names) == len(chains) == 50
    assert {
        target for chain in chains for (targets,) in [chain.values()] for target in targets
    } <= names


def test_one_lost_request_is_told_with_its_kind_and_not_held() -> None:
    tally = Tally()
    for problem in (None, None, "HTTP 502", None):
        tally.add(problem)
    row = rollout_loss.summary(tally, took_s=9)
    assert (row.measured, row.ratio, row.held) == ("1", 0.25, False)
    assert "1 x HTTP 502" in row.note


def test_a_release_under_no_load_at_all_proves_nothing() -> None:
    assert rollout_loss.summary(Tally(), took_s=9).held is False


def test_the_published_settings_stand_over_our_models_without_what_we_set_on_them() -> None:
    settings = load_checked_file(ROOT, "local").settings
    ours = yaml.safe_load(make_bundle(settings).litellm_yaml)
    assert any("num_retries" in model["litellm_params"] for model in ours["model_list"])
    assert any(model["model_name"].startswith("proof/") for model in ours["model_list"])
    config = published_config(ours)
    assert config["router_settings"] == dict(ROUTER)
    assert [model["model_name"] for model in config["model_list"]] == [
        m.name for m in settings.models
    ]
    for model in config["model_list"]:
        assert not {"num_retries", "timeout", "stream_timeout"} & set(model["litellm_params"])


def test_every_chain_that_is_measured_is_declared_in_both() -> None:
    settings = load_checked_file(ROOT, "local").settings
    published = {name for chain in ROUTER["fallbacks"] for name in chain}
    assert set(PRIMARIES) == published
    assert set(PRIMARIES) <= set(settings.router_settings.fallbacks or {})


def test_the_published_settings_are_the_ones_that_were_published() -> None:
    file = ROOT / "tests/unit/gateway/cases/original_litellm_config.yaml"
    original = yaml.safe_load(file.read_text())
    assert original["router_settings"].items() >= dict(ROUTER).items()
    assert original["litellm_settings"].items() >= dict(LITELLM).items()
    assert original["general_settings"].items() >= dict(GENERAL).items()


def test_a_drift_is_held_to_what_it_takes_beyond_an_empty_preview() -> None:
    assert drift.small_row([3.0, 3.2, 3.1], [2.0, 2.0, 2.0]).held
    assert not drift.small_row([3.0, 3.6, 3.6], [2.0, 2.0, 2.0]).held
    assert "+1.10 s beyond" in drift.small_row([3.0, 3.2, 3.1], [2.0, 2.0, 2.0]).note


def test_a_drift_of_many_machines_is_missed_by_time_or_by_one_refused_call() -> None:
    calls = [{"status": 200}] * 60
    assert drift.large_row([3.0], calls).held
    assert not drift.large_row([4.5], calls).held
    assert not drift.large_row([3.0], [*calls, {"status": 429}]).held


@pytest.mark.parametrize(
    ("seconds", "status", "held"), [(130.0, 200, True), (139.0, 200, False), (130.0, 429, False)]
)
def test_a_large_release_holds_within_its_bound_and_one_boot_and_without_a_refused_call(
    *, seconds: float, status: int, held: bool
) -> None:
    call = {"method": "POST", "path": "/v1/apps/a/machines/m1/exec", "status": status}
    few = release_scale.Released(5, 14.0, ())
    row = release_scale.release_row(few, release_scale.Released(100, seconds, (call,)))
    assert row.held is held
    assert row.ratio == pytest.approx(seconds / 97)
    assert "most calls: 1 x POST machine/exec" in row.note
