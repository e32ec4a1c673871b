"""Whether a running gateway is told to differ exactly where it does, and who is said to win."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.change import HIDDEN
from gateway.client import GatewayClient, GatewayError
from gateway.deviation import Deviation, Verdict, Winner
from gateway.render import litellm_config
from gateway.running_document import aligned
from gateway.running_drift import asked_by_name, deviations
from tests.unit.gateway.example import example
from tests.unit.gateway.stub_gateway import StubGateway
from tests.unit.gateway.told import Told, row
from tests.unit.strategies import JSON, all_settings

SONNET, HAIKU = "anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"
GROK = "xai/grok-4.3"
MASTER_KEY = "".join(("sk-", "master-", "Zq9vT4xW7mK2pL8"))

Answers = dict[str, Any]


def config() -> dict[str, Any]:
    """Return the shared definition as dev renders it: with a database."""
    return litellm_config(example())


def found(
    change: Callable[[Told], None] = lambda _: None,
    *,
    rendered: dict[str, Any] | None = None,
    database: bool = True,
    version: str = "1.106.2",
) -> tuple[Deviation, ...]:
    document = config() if rendered is None else rendered
    told = Told(document, database=database)
    change(told)
    return deviations(told.view(document), document, version=version)


def one(change: Callable[[Told], None], **more: Any) -> Deviation:
    (deviation,) = found(change, **more)
    return deviation


def put(path: str, *keys: Any, value: Any) -> Callable[[Told], None]:
    """Return a change of one place in one answer."""

    def change(told: Told) -> None:
        inner = told.answers[path]
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return change


def chain(told: Told, group: str, targets: list[str], kind: str = "general") -> None:
    rows = told.answers[f"/v1/models {kind}"]["data"]
    next(row for row in rows if row["id"] == group)["metadata"]["fallbacks"] = targets


def lost_star(told: Told) -> None:
    for each in told.answers["/v1/models general"]["data"]:
        if each["metadata"]["fallbacks"] == [HAIKU]:
            each["metadata"]["fallbacks"] = []


# --- nothing is wrong -----------------------------------------------------------------------------


def test_a_gateway_as_rendered_has_no_finding() -> None:
    assert found() == ()


@settings(max_examples=15)
@given(all_settings())
def test_no_configuration_that_runs_as_rendered_has_a_finding(drawn: Any) -> None:
    document = litellm_config(drawn)
    assert [each.sentence for each in found(rendered=document, database=False)] == []


@given(JSON)
def test_every_value_says_the_same_as_itself(value: Any) -> None:
    assert aligned(value, deepcopy(value)) == value


@given(JSON, JSON)
def test_what_is_aligned_is_either_value_or_made_of_both(one: Any, other: Any) -> None:
    assert aligned(one, aligned(one, other)) == aligned(one, other)


SAME = [
    ("os.environ/A_KEY", "resolved"),
    ("os.environ/A_KEY", "sk-1****4567"),
    ("sk-written-out", "sk-w******-out"),
    (90, 90.0),
    ("100", 100),
    (None, "None"),
    ({"a": None, "b": 1}, {"b": 1.0, "added": None}),
]


@pytest.mark.parametrize(("rendered", "actual"), SAME)
def test_other_words_for_the_same_are_the_same(rendered: Any, actual: Any) -> None:
    assert aligned(rendered, actual) == rendered


OTHERS = [(1, True), (2, 3), ("os.environ/A_KEY", None), ({"a": 1}, {}), ({}, {"a": 1})]


@pytest.mark.parametrize(("rendered", "actual"), OTHERS)
def test_other_values_are_others(rendered: Any, actual: Any) -> None:
    assert aligned(rendered, actual) is not rendered
    assert aligned(rendered, actual) == actual


# --- models and chains ----------------------------------------------------------------------------


def test_a_shortened_chain_is_found_by_what_holds_for_the_group() -> None:
    deviation = one(lambda told: chain(told, "openai/gpt-5.5", ["openai/gpt-5.4"]))
    assert deviation.place == 'router_settings.fallbacks["openai/gpt-5.5"]'
    assert deviation.verdict is Verdict.DRIFTED
    assert deviation.sentence == f"the chain of openai/gpt-5.5 lost its second target ({SONNET})"
    assert deviation.winner is Winner.FILE
    assert "the next sync applies the file" in deviation.outlook


def test_chains_of_a_class_of_errors_are_compared() -> None:
    deviation = one(lambda told: chain(told, GROK, [SONNET], "content_policy"))
    assert deviation.verdict is Verdict.UNMANAGED
    assert deviation.sentence == f"the content-policy chain of {GROK} is new: {SONNET}"


def test_a_lost_star_is_one_finding_for_all_the_groups_that_shared_it() -> None:
    deviation = one(lost_star)
    assert deviation.place == 'router_settings.fallbacks["*"]'
    assert deviation.sentence == f'the chain of every other group ("*") is gone (it was {HAIKU})'


def test_default_fallbacks_that_the_first_sync_dropped_are_shadowed() -> None:
    document = config()
    chains = document["router_settings"]["fallbacks"]
    document["router_settings"]["fallbacks"] = [entry for entry in chains if "*" not in entry]
    document["litellm_settings"]["default_fallbacks"] = [HAIKU]
    deviation = one(lost_star, rendered=document)
    assert deviation.place == "litellm_settings.default_fallbacks"
    assert deviation.verdict is Verdict.SHADOWED
    assert "the first sync with the database drops `default_fallbacks`" in deviation.outlook


def test_a_chain_of_a_hidden_group_that_is_not_listed_is_read_from_the_router() -> None:
    def change(told: Told) -> None:
        rows = told.answers["/v1/models general"]["data"]
        rows[:] = [row for row in rows if row["id"] != "proof/0/xai/grok-4.3"]
        router = told.answers["/get/config/callbacks"]["router_settings"]
        router["fallbacks"] = [e for e in router["fallbacks"] if "proof/0/xai/grok-4.3" not in e]

    assert one(change).sentence == (
        "hidden groups of the fallback proof: 1 changed (proof/0/xai/grok-4.3)"
    )


def test_a_missing_model_is_found() -> None:
    def change(told: Told) -> None:
        rows = told.answers["/model/info"]["data"]
        rows[:] = [row for row in rows if row["model_name"] != "openai/gpt-5.4-nano"]

    deviation = one(change)
    assert deviation.verdict is Verdict.MISSING
    assert deviation.place == 'model_list["openai/gpt-5.4-nano"]'


def test_a_deployment_from_the_database_is_unmanaged_and_stays() -> None:
    def change(told: Told) -> None:
        entry = {"model_name": GROK, "litellm_params": {"model": "xai/own", "api_key": "sk-any"}}
        added = row(entry | {"model_info": {"id": "from-db", "db_model": True}})
        told.answers["/model/info"]["data"].append(added)

    deviation = one(change)
    assert deviation.verdict is Verdict.UNMANAGED
    assert deviation.sentence == f"{GROK} has a second deployment (xai/own)"
    assert deviation.winner is Winner.DATABASE
    assert "delete it in LiteLLM" in deviation.outlook


def test_a_wildcard_that_is_told_model_by_model_is_no_finding() -> None:
    document = config()
    entry = {"model_name": "xai/*", "litellm_params": {"model": "xai/*", "timeout": 5}}
    document["model_list"].append(entry | {"model_info": {"id": "all-of-xai"}})

    def change(told: Told) -> None:
        rows = told.answers["/model/info"]["data"]
        pattern = rows.pop()
        for name in ("xai/grok-2", "xai/grok-3"):
            copied = deepcopy(pattern) | {"model_name": name}
            copied["litellm_params"]["model"] = name
            rows.append(copied)
        for kind in ("general", "context_window", "content_policy"):
            told.answers[f"/v1/models {kind}"]["data"].pop()

    assert found(change, rendered=document) == ()


# --- settings -------------------------------------------------------------------------------------


def test_what_the_router_works_with_counts_and_not_the_file_that_litellm_reads_again() -> None:
    deviation = one(put("/get/config/callbacks", "router_settings", "allowed_fails", value=5))
    assert deviation.sentence == "router_settings.allowed_fails: 2 -> 5"
    assert (deviation.rendered, deviation.actual) == (2, 5)


def test_a_router_setting_of_the_database_that_no_file_declares_is_unmanaged() -> None:
    def change(told: Told) -> None:
        answer = told.answers["/router/settings"]
        answer["current_values"]["max_fallbacks"] = 2
        answer["source"]["max_fallbacks"] = "db"

    deviation = one(change)
    assert deviation.verdict is Verdict.UNMANAGED
    assert deviation.winner is Winner.DATABASE
    assert deviation.sentence == "router_settings.max_fallbacks is new: 2"


def test_before_1_103_the_database_wins() -> None:
    def change(told: Told) -> None:
        told.answers["/health/readiness/details"]["litellm_version"] = "1.102.4"
        chain(told, GROK, [HAIKU])

    deviation = one(change, version="1.102.4")
    assert deviation.winner is Winner.DATABASE
    assert "the next sync applies the database's again" in deviation.outlook


def test_without_a_database_nothing_changes_back_by_itself() -> None:
    document = litellm_config(example(store="file"))
    deviation = one(lambda told: chain(told, GROK, [HAIKU]), rendered=document, database=False)
    assert deviation.winner is Winner.PROCESS
    assert "until it is started again" in deviation.outlook


GENERAL = [
    ({"source": "db"}, "own_setting", Verdict.UNMANAGED, Winner.DATABASE, "and no setting says so"),
    ({"source": "config"}, "own_setting", Verdict.UNMANAGED, Winner.FILE, "and no setting says so"),
    ({"source": "config"}, "store_model_in_db", Verdict.DRIFTED, Winner.FILE, "is 7 in place of"),
    ({"source": "default"}, "own_setting", None, None, ""),
    ({"source": None, "stored_in_db": False}, "own_setting", None, None, ""),
]


@pytest.mark.parametrize(("more", "name", "verdict", "winner", "said"), GENERAL)
def test_general_settings_are_told_with_their_source(
    more: Answers, name: str, verdict: Verdict | None, winner: Winner | None, said: str
) -> None:
    def change(told: Told) -> None:
        field = {"field_name": name, "field_value": 7, "stored_in_db": None, **more}
        told.answers["/config/list"].append(field)
        if name in told.fields:
            told.fields[name] |= {"field_value": 7}

    deviations_found = found(change)
    assert [each.verdict for each in deviations_found] == ([] if verdict is None else [verdict])
    assert all(each.winner is winner and said in each.sentence for each in deviations_found)


def test_a_value_that_the_database_holds_below_the_files_is_shadowed() -> None:
    def change(told: Told) -> None:
        told.answers["/config/list"].append(
            {"field_name": "store_model_in_db", "source": "config", "stored_in_db": True}
        )

    deviation = one(change)
    assert deviation.verdict is Verdict.SHADOWED
    assert deviation.place == "general_settings.store_model_in_db"


def test_a_general_setting_that_is_not_set_is_missing() -> None:
    deviation = one(lambda told: told.fields.pop("store_model_in_db"))
    assert deviation.verdict is Verdict.MISSING
    assert deviation.sentence == "general_settings.store_model_in_db is not set (rendered: false)"


def test_a_litellm_setting_in_the_list_of_general_ones_is_called_by_its_section() -> None:
    document = config()
    document["litellm_settings"]["budget_rollover"] = True
    answer = [{"field_name": "budget_rollover", "field_value": True, "source": "config"}]
    change = put("/config/list", slice(None), value=answer)
    assert found(change, rendered=document) == ()
    assert one(change).place == "litellm_settings.budget_rollover"


def test_secrets_are_never_asked_for_by_name() -> None:
    document = config()
    told = Told(document, database=True)
    told.view(document)
    assert "master_key" not in asked_by_name(document)
    assert any("field_name=store_model_in_db" in path for path in told.asked)
    assert not any("field_name=master_key" in path for path in told.asked)


# --- the process ----------------------------------------------------------------------------------


def test_another_release_than_the_pinned_one_is_found() -> None:
    change = put("/health/readiness/details", "litellm_version", value="1.109.1")
    assert one(change).sentence == "the gateway runs LiteLLM 1.109.1 in place of 1.106.2"


def test_a_gateway_that_lost_its_database_at_the_start_is_found() -> None:
    deviation = one(put("/health/readiness/details", "db", value="Not connected"))
    assert deviation.sentence == "LiteLLM runs without the database that the file declares"
    assert deviation.place == "general_settings.database_url"


def test_a_database_that_is_away_for_a_while_is_no_drift() -> None:
    assert found(put("/health/readiness/details", "db", value="disconnected")) == ()


def test_a_cache_of_another_kind_is_found() -> None:
    deviation = one(put("/health/readiness/details", "cache", value="local"))
    assert deviation.sentence == "LiteLLM caches answers in local in place of redis"


def test_a_callback_that_does_not_run_is_found() -> None:
    deviation = one(put("/health/readiness/details", "success_callbacks", value=["cache"]))
    assert deviation.verdict is Verdict.MISSING
    assert deviation.sentence == "callback prometheus does not run"


# --- secrets and trouble --------------------------------------------------------------------------


def test_passwords_that_litellm_tells_are_not_kept() -> None:
    document = config()
    told = Told(document)
    for path, part in (("router/settings", "current_values"), ("get/config/callbacks", None)):
        inner = told.answers[f"/{path}"][part or "router_settings"]
        inner["redis_password"] = MASTER_KEY
    told.answers["/get/config/callbacks"]["callbacks"] = [{"variables": {"A_KEY": MASTER_KEY}}]
    view = told.view(document)
    assert view.router["redis_password"].value == HIDDEN
    assert MASTER_KEY not in repr(view)
    assert MASTER_KEY not in repr(deviations(view, {}, version="1.106.2"))


WORDS = """
data id metadata fallbacks current_values source router_settings model_name litellm_params
model_info success_callbacks cache db
"""
KEYS = st.sampled_from(WORDS.split())
ANSWERS = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(Told({}).answers)), ANSWERS)
def test_an_answer_of_any_shape_is_compared_or_a_gateway_error(path: str, body: Any) -> None:
    told = Told(config(), database=True)
    told.answers[path] = body
    with suppress(GatewayError):
        deviations(told.view({}), config(), version="1.106.2")


def test_a_gateway_that_refuses_the_key_is_no_drift() -> None:
    with pytest.raises(GatewayError, match="GET /model/info: HTTP 400"):
        GatewayClient(StubGateway().client(), "sk-wrong").deployments()
