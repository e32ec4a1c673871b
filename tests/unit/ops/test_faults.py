import pytest

from ops.faults import Fault, deployments
from stacks.gateway import DEFINITION
from stacks.litellm import Model
from stacks.load import RawConfig, load_settings
from stacks.problem import ProblemError
from stacks.settings import Settings


@pytest.fixture
def settings() -> Settings:
    fly = {"organization": "o", "app": "a", "regions": {"iad": 1}}
    vertex = {"vertex_project": "p", "vertex_location": "global"}
    return load_settings(
        "local", RawConfig({"fly": fly, "providers": {"vertex_ai": vertex}})
    ).settings


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        (Fault(), {"kind": "status", "status": 500}),
        (Fault(status=503), {"kind": "status", "status": 503}),
        (Fault(rate_limit_s=4), {"kind": "rate_limit", "retry_after": 4}),
        (Fault(latency_s=1.5), {"kind": "latency", "seconds": 1.5}),
        (Fault(hang=True), {"kind": "hang"}),
        (Fault(reset=True), {"kind": "reset"}),
        (Fault(cut_stream_after=0), {"kind": "cut_stream", "after": 0}),
        (Fault(malformed=True), {"kind": "malformed"}),
        (Fault(status=500, times=2), {"kind": "status", "status": 500, "times": 2}),
    ],
)
def test_each_option_is_one_step_of_a_script(fault: Fault, step: dict[str, object]) -> None:
    assert fault.step() == step
    assert fault.described()


def test_a_fault_for_some_calls_says_that_the_model_recovers() -> None:
    assert Fault(status=500, times=2).described() == (
        "answers HTTP 500, 2 times, then is well again"
    )


def test_two_faults_at_once_are_refused() -> None:
    with pytest.raises(ProblemError, match=r"sandbox\.fault.*= status, hang\n.*one way at a time"):
        Fault(status=500, hang=True).step()


def test_a_group_stands_for_its_providers_own_model(settings: Settings) -> None:
    assert deployments(settings, "xai/grok-4.3") == [("xai", "grok-4.3")]
    assert deployments(settings, "vertex_ai/gemini-3.5-flash") == [
        ("vertex_ai", "gemini-3.5-flash")
    ]


def test_every_group_of_the_definition_can_be_broken(settings: Settings) -> None:
    for model in DEFINITION.models:
        assert deployments(settings, model.name)


def test_every_deployment_of_a_group_is_meant(settings: Settings) -> None:
    models = (
        Model(name="fast", provider="openai", model="openai/responses/gpt-5.4"),
        Model(name="fast", provider="xai", model="xai/grok-4.3"),
    )
    found = deployments(settings.model_copy(update={"models": models}), "fast")
    assert found == [("openai", "gpt-5.4"), ("xai", "grok-4.3")]


def test_an_unknown_group_is_answered_with_the_nearest_one(settings: Settings) -> None:
    with pytest.raises(ProblemError, match=r'sandbox\.model.*"xai/grok-4"') as caught:
        deployments(settings, "xai/grok-4")
    assert caught.value.problems[0].next_step == 'did you mean "xai/grok-4.3"?'
