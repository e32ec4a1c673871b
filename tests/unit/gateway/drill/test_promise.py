"""What the settings promise for a fault: the shared definition's, and the published ones."""

import math
from datetime import date
from pathlib import Path

import pytest
import yaml

from components.bundle import make_bundle
from components.configuration import configuration_of
from components.validate import load_checked_file
from gateway.drill.catalogue import BY_ID, FAULTS
from gateway.drill.promise import Promise, Promises
from gateway.drill.published import published_config
from gateway.drill.seen import Form
from stacks.configuration import Configuration

ROOT = Path(__file__).resolve().parents[4]
CASES = ROOT / "tests" / "unit" / "gateway" / "cases"
GROUP = "xai/grok-4.3"
SETTINGS = load_checked_file(ROOT, "local").settings
CONFIG = published_config(yaml.safe_load(make_bundle(SETTINGS).litellm_yaml))
OURS = Promises(configuration_of(SETTINGS, secrets=None, today=date(2026, 11, 24)))
THEIRS = Promises(Configuration(litellm=CONFIG, version=SETTINGS.image.version))


def promised(found: Promises, fault: str, form: Form = Form.STREAM, group: str = GROUP) -> Promise:
    promise = found.of(BY_ID[fault], group, form)
    assert promise is not None
    return promise


@pytest.mark.parametrize("fault", ["S02", "S04", "G01", "G02", "G04", "G05"])
def test_ours_rescue_at_once_after_one_attempt(fault: str) -> None:
    promise = promised(OURS, fault)
    assert promise.calls == 1
    assert promise.span.worst < 0.3


def test_the_published_ones_sleep_four_times_before_a_rescue() -> None:
    promise = promised(THEIRS, "G01")
    assert promise.calls == 4
    assert 7.5 <= promise.span.best <= promise.span.worst <= 10.8


def test_the_published_ones_sleep_a_retry_after_out_four_times() -> None:
    assert promised(THEIRS, "G02").span.typical >= 4 * 30


def test_a_fault_of_the_first_attempt_ends_with_the_retry_where_there_is_one() -> None:
    assert promised(THEIRS, "S03").calls == 2
    assert promised(THEIRS, "S03").span.worst < 2
    assert promised(OURS, "S03").calls == 1


@pytest.mark.parametrize("group", [GROUP, "openai/gpt-5.5", "vertex_ai/gemini-3.1-pro-preview"])
@pytest.mark.parametrize("form", list(Form))
def test_silence_is_over_at_the_declared_time_out(group: str, form: Form) -> None:
    promise = promised(OURS, "S06", form, group)
    assert promise.time_out_s == 10
    assert 10 < promise.span.worst < 10.3
    assert promised(THEIRS, "S06", form, group).span.typical >= 600


def test_a_late_token_comes_in_time_where_the_time_out_is_longer() -> None:
    assert promised(THEIRS, "S07").calls == 1
    assert promised(THEIRS, "S07").span.typical == pytest.approx(12, abs=0.2)
    assert promised(OURS, "S07").span.typical == pytest.approx(10, abs=0.2)


def test_about_most_spoiled_answers_settings_promise_nothing() -> None:
    silent = {fault.id for fault in FAULTS if OURS.of(fault, GROUP, Form.STREAM) is None}
    assert {"S08", "S10", "G06", "G09", "S15"} <= silent


def test_the_published_breaker_never_opens_and_ours_does() -> None:
    assert THEIRS.failures_until_rest(GROUP) == math.inf
    assert OURS.failures_until_rest(GROUP) == 3
    assert OURS.rest_s(GROUP) == 30


def test_a_chain_s_targets_come_in_its_order() -> None:
    assert OURS.targets(GROUP)[0] == "anthropic/claude-sonnet-4-6"
    assert THEIRS.targets("anthropic/claude-haiku-4-5") == ()


def test_what_is_compared_with_is_what_was_published() -> None:
    original = yaml.safe_load((CASES / "original_litellm_config.yaml").read_text())
    for section in ("router_settings", "litellm_settings", "general_settings"):
        assert CONFIG[section].items() <= original[section].items(), section
    left_out = set(original["router_settings"]) - set(CONFIG["router_settings"])
    assert left_out == {"redis_host", "redis_port", "redis_password"}
