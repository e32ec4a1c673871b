from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stacks.load import Check, Loaded, RawConfig, load_settings
from stacks.places import Place
from stacks.problem import Problem, ProblemError, Severity
from stacks.settings import Settings

VERTEX = {"vertex_ai": {"vertex_project": "acme", "vertex_location": "global"}}
COMPLETE: dict[str, Any] = {
    "fly": {"organization": "acme", "app": "acme-ai-gateway-dev", "regions": {"iad": 2}},
    "providers": VERTEX,
}


def load(values: dict[str, Any], *checks: Check, environment: str = "dev") -> Loaded:
    return load_settings(environment, RawConfig(values), checks=checks)


def problems_of(values: dict[str, Any], *checks: Check) -> dict[str, Problem]:
    with pytest.raises(ProblemError, match=r"error\[") as caught:
        load(values, *checks)
    found = {problem.place: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems), "one place is told about once"
    return found


def complete(**more: Any) -> dict[str, Any]:
    return {**COMPLETE, **more, "fly": {**COMPLETE["fly"], **more.get("fly", {})}}


def test_a_complete_configuration_is_laid_over_the_definition() -> None:
    settings = load(complete(router_settings={"cooldown_time": 45})).settings
    assert settings.environment == "dev"
    assert settings.fly.regions == {"iad": 2}
    assert settings.router_settings.cooldown_time == 45
    assert settings.router_settings.allowed_fails == 2
    assert settings.providers["vertex_ai"].vertex_credentials == "VERTEX_CREDENTIALS_JSON"


def test_what_is_missing_is_asked_for_with_commands_that_work() -> None:
    found = problems_of({})
    assert {place: problem.next_step for place, problem in found.items()} == {
        f"Pulumi.dev.yaml: gateway:{path}": f"pulumi config set -s dev --path gateway:{step}"
        for path, step in {
            "fly.organization": "fly.organization acme",
            "fly.app": "fly.app acme-ai-gateway-dev",
            "fly.regions": "fly.regions.iad 1",
            "providers.vertex_ai.vertex_project": "providers.vertex_ai.vertex_project my-project",
            "providers.vertex_ai.vertex_location": "providers.vertex_ai.vertex_location global",
        }.items()
    }
    assert {problem.id for problem in found.values()} == {"settings.missing"}


def test_an_unknown_key_is_told_with_the_key_that_was_meant() -> None:
    found = problems_of(complete(fly={"memry_mb": 512}, memory_mb=512, colour="red"))
    assert 'did you mean "memory_mb"' in found["Pulumi.dev.yaml: gateway:fly.memry_mb"].next_step
    assert "gateway:fly.memory_mb" in found["Pulumi.dev.yaml: gateway:memory_mb"].next_step
    colour = found["Pulumi.dev.yaml: gateway:colour"]
    assert "pulumi config rm -s dev --path gateway:colour" in colour.next_step
    assert (colour.id, colour.value) == ("settings.unknown", '"red"')


@pytest.mark.parametrize("value", ["8192", 8192.0, True, "lots", [8192]])
def test_a_number_is_a_number_and_nothing_like_one(value: object) -> None:
    problem = problems_of(complete(fly={"memory_mb": value}))[
        "Pulumi.dev.yaml: gateway:fly.memory_mb"
    ]
    assert problem.id == "settings.value"
    assert problem.expected == "expected a whole number of at least 1 (MiB)"
    assert problem.next_step == "pulumi config set -s dev --path gateway:fly.memory_mb 8192"


def test_problems_of_shape_and_of_meaning_are_told_together() -> None:
    def no_live_region(settings: Settings, place: Place) -> Iterable[Problem]:
        assert settings.fly.memory_mb == 8192, "the wrong value has made way for the default"
        yield Problem(place("fly.regions.iad"), "test.region", "", "not here", "move")
        yield Problem(place("fly.memory_mb"), "test.memory", "", "not told twice", "no step")

    found = problems_of(
        complete(fly={"memory_mb": "lots"}, store="databse", providers={}), no_live_region
    )
    assert {problem.id for problem in found.values()} == {
        "settings.value",
        "settings.missing",
        "test.region",
    }
    assert "gateway:store" in " ".join(found)


def test_a_wrong_value_makes_way_for_the_definitions_own() -> None:
    seen: list[int | None] = []

    def note(settings: Settings, _: Place) -> Iterable[Problem]:
        seen.append(settings.router_settings.allowed_fails)
        return ()

    problems_of(complete(router_settings={"allowed_fails": "two"}), note)
    assert seen == [2]


def test_several_wrong_items_of_one_list_are_each_told() -> None:
    found = problems_of(complete(router_settings={"fallbacks": {"xai/grok-4.3": ["a", 5, ""]}}))
    assert set(found) == {
        f'Pulumi.dev.yaml: gateway:router_settings.fallbacks["xai/grok-4.3"][{n}]' for n in (1, 2)
    }


def test_a_key_that_cannot_be_one_is_told_once() -> None:
    found = problems_of(complete() | {"fly": {**COMPLETE["fly"], "regions": {"LHR": 1}}})
    (problem,) = found.values()
    assert problem.id == "settings.key"
    assert "three-letter Fly region code" in problem.expected


@pytest.mark.parametrize("models", [["x"], [{}], [{"name": "a b", "provider": 5}], "x", 7])
def test_wrong_models_do_not_hide_other_problems(models: object) -> None:
    found = problems_of(complete(models=models, store="databse"))
    assert "Pulumi.dev.yaml: gateway:store" in found
    assert any("models" in place for place in found)


def test_null_says_none_or_removes_or_restores_the_default() -> None:
    settings = load(
        complete(
            redis=None,
            store=None,
            server={"keepalive_timeout_s": None, "workers": None},
            router_settings={"fallbacks": {"*": None}},
        )
    ).settings
    assert settings.redis is None
    assert settings.store == "database"
    assert settings.server.keepalive_timeout_s is None
    assert settings.server.workers == 4
    assert "*" not in (settings.router_settings.fallbacks or {})
    assert "xai/grok-4.3" in (settings.router_settings.fallbacks or {})


def test_an_unknown_key_is_told_even_when_it_says_null() -> None:
    assert set(problems_of(complete(postgress=None))) == {"Pulumi.dev.yaml: gateway:postgress"}


def test_a_secret_in_plain_text_is_refused_and_not_echoed() -> None:
    key = "xai-" + "abcdefgh12345678"
    with pytest.raises(ProblemError, match="plain_secret") as caught:
        load(complete(XAI_API_KEY=key, providers={**VERTEX, "xai": {"api_key": key}}))
    assert [problem.id for problem in caught.value.problems] == ["settings.plain_secret"] * 2
    assert key not in str(caught.value)
    assert "pulumi config set -s dev --secret gateway:XAI_API_KEY" in str(caught.value)


def test_the_environment_is_the_stacks_name_and_nothing_else() -> None:
    (problem,) = problems_of(complete(environment="live")).values()
    assert problem.place == "Pulumi.dev.yaml: gateway:environment"
    with pytest.raises(ProblemError, match="stack Dev_1"):
        load(COMPLETE, environment="Dev_1")


def test_a_place_is_the_file_in_which_a_setting_is_written() -> None:
    place = load(complete(models=[], router_settings={"timeout": 30})).place
    assert place("router_settings.timeout") == "Pulumi.dev.yaml: gateway:router_settings.timeout"
    assert place("router_settings.allowed_fails") == (
        "stacks/gateway.py: router_settings.allowed_fails"
    )
    assert place("router_settings.max_fallbacks") == (
        "stacks/gateway.py: router_settings.max_fallbacks"
    )
    assert place("fly.memory_mb") == "Pulumi.dev.yaml: gateway:fly.memory_mb"
    assert place("models[3].name") == "Pulumi.dev.yaml: gateway:models[3].name"
    assert place('router_settings.fallbacks["xai/grok-4.3"][0]').startswith("stacks/gateway.py: ")
    assert place("what is this?") == "Pulumi.dev.yaml: gateway:what is this?"


def test_warnings_do_not_stop_and_are_handed_over() -> None:
    def warn(settings: Settings, place: Place) -> Iterable[Problem]:
        del settings
        yield Problem(place("store"), "test.w", "", "odd", "look", Severity.WARNING)

    assert [problem.id for problem in load(COMPLETE, warn).warnings] == ["test.w"]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
keys = st.sampled_from(["fly", "app", "regions", "models", "name", "server", "iad", "fallbacks"])
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys | st.text(max_size=3), inner),
    max_leaves=8,
)
fields = st.sampled_from(sorted(Settings.model_fields))


@example({"providers": {"": {"fly": 1}}})  # a wrong key with something wrong below it
@given(st.dictionaries(fields | st.text(max_size=4), junk, max_size=4))
def test_whatever_is_configured_ends_in_settings_or_in_problems(values: dict[str, Any]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        loaded = load(values)
    except ProblemError as error:
        problems = error.problems
    else:
        assert loaded.settings.environment == "dev"
        return
    assert problems
    assert all(problem.place and problem.expected and problem.next_step for problem in problems)


@given(st.permutations(["ams", "iad", "lhr"]))
def test_the_order_of_keys_in_a_file_means_nothing(order: list[str]) -> None:
    regions = dict.fromkeys(order, 1)
    fly = {**COMPLETE["fly"], "regions": regions, "primary": "lhr"}
    settings = load(complete(fly=fly)).settings
    assert list(settings.fly.regions) == ["ams", "iad", "lhr"]
    assert settings.fly.primary_region == "lhr"
