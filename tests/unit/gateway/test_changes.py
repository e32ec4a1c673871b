"""Whether two LiteLLM configurations are compared as LiteLLM reads them, and said so."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.change import HIDDEN, Change, Kind
from gateway.changes import changes, text_changes
from gateway.render import CHAIN_KEYS, litellm_config
from tests.unit.gateway.example import example

SONNET = "anthropic/claude-sonnet-4-6"
HAIKU = "anthropic/claude-haiku-4-5"
GROK = "xai/grok-4.3"
PARTS = ("sk-ant-", "Zq9", "vT4xW7", "mK2pL8")  # assembled here, so that no scanner finds a key
SECRET = "".join(PARTS)


def said(before: Any, after: Any) -> list[str]:
    return [each.sentence for each in changes(before, after)]


def chains(*entries: dict[str, Any], key: str = "fallbacks") -> dict[str, Any]:
    return {"router_settings": {key: list(entries)}}


def deployment(name: str, model: str = "", **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model or name, **params}}


def models(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"model_list": list(entries)}


CHAINS = [
    (["a", SONNET], ["a"], f"the chain of {GROK} lost its second target ({SONNET})"),
    (["a", "b", "c"], ["b"], f"the chain of {GROK} lost 2 targets: a, c"),
    (["b"], ["a", "b"], f"the chain of {GROK} has a new first target (a)"),
    (["b"], ["a", "b", "c"], f"the chain of {GROK} has 2 new targets: a, c"),
    (["a", "b"], ["b", "a"], f"the chain of {GROK} has a new order: b, a (it was a, b)"),
    (["a", "b"], ["a", "c"], f"the chain of {GROK} has c as its second target in place of b"),
    (["a", "b"], ["c", "a"], f"the chain of {GROK} is c, a in place of a, b"),
    (["a", "b", "c"], ["c", "a"], f"the chain of {GROK} is c, a in place of a, b, c"),
    (["a"], [], f"the chain of {GROK} lost its first target (a)"),
    (["a"], "a", f"the chain of {GROK} is something that is no list in place of a"),
    (
        [{"model": "a", "n": 1}],
        [{"model": "a", "n": 2}],
        f"the chain of {GROK} has a as its first target in place of a (its parameters are others)",
    ),
]


@pytest.mark.parametrize(("before", "after", "sentence"), CHAINS)
def test_a_changed_chain_is_told_as_a_person_would(before: Any, after: Any, sentence: str) -> None:
    (found,) = changes(chains({GROK: before}), chains({GROK: after}))
    assert found == Change(
        Kind.CHAIN, ("router_settings", "fallbacks", GROK), before, after, sentence
    )
    assert found.place == f'router_settings.fallbacks["{GROK}"]'


def test_chains_that_come_and_go_are_told() -> None:
    assert said(chains({"a": ["b"]}), chains({"*": ["c"]})) == [
        "the chain of a is gone (it was b)",
        'the chain of every other group ("*") is new: c',
    ]


def test_chains_of_one_class_of_errors_are_called_by_it() -> None:
    for key, name in (("context_window", "context-window"), ("content_policy", "content-policy")):
        lists = [chains({"a": targets}, key=f"{key}_fallbacks") for targets in (["b", "c"], ["c"])]
        assert said(*lists) == [f"the {name} chain of a lost its first target (b)"]


def test_the_default_chain_is_told_as_one() -> None:
    before = {"litellm_settings": {"default_fallbacks": ["a", "b"]}}
    after = {"litellm_settings": {"default_fallbacks": ["b", "a"]}}
    assert said(before, after) == [
        "the default chain (default_fallbacks) has a new order: b, a (it was a, b)"
    ]


def test_the_order_of_models_chains_and_keys_is_no_difference() -> None:
    before = models(deployment("a"), deployment("b")) | chains({"a": ["b"]}, {"b": ["a"]})
    after = chains({"b": ["a"]}, {"a": ["b"]}) | models(deployment("b"), deployment("a"))
    assert changes(before, after) == ()


def test_of_two_chains_of_one_group_the_first_counts_and_of_two_stars_the_last() -> None:
    assert said(chains({"a": ["b"]}, {"a": ["c"]}), chains({"a": ["d"]}, {"a": ["c"]})) == [
        "the chain of a has d as its first target in place of b"
    ]
    assert said(chains({"*": ["b"]}, {"*": ["c"]}), chains({"*": ["b"]}, {"*": ["d"]})) == [
        'the chain of every other group ("*") has d as its first target in place of c'
    ]
    assert said(chains({"a": ["b"]}, {"a": ["c"]}), chains({"a": ["b"]}, {"a": ["d"]})) == [
        "router_settings.fallbacks: entries that LiteLLM passes over are others now"
    ]


def test_an_empty_list_of_chains_is_not_the_same_as_none() -> None:
    empty = chains(key="context_window_fallbacks")
    assert said({"router_settings": {}}, empty) == [
        "router_settings.context_window_fallbacks is new: []"
    ]


def test_model_groups_that_come_and_go_are_told() -> None:
    assert said(models(deployment("a", "openai/a")), models(deployment("b", "azure/b"))) == [
        "model group a is gone (openai/a)",
        "model group b is new: azure/b",
    ]


def test_deployments_of_a_group_are_told_apart() -> None:
    one, other = deployment("a", "openai/a"), deployment("a", "azure/a")
    assert said(models(one), models(other, one)) == ["a has a second deployment (azure/a)"]
    assert said(models(one, other), models(other)) == ["a lost one of its 2 deployments (openai/a)"]
    assert changes(models(one, other), models(other, one)) == ()


def test_a_deployment_is_found_again_by_its_id() -> None:
    def group(first: int) -> dict[str, Any]:
        entries = [deployment("a", timeout=first), deployment("a", timeout=9)]
        return models(
            *({**entry, "model_info": {"id": i}} for i, entry in zip("xy", entries, strict=True))
        )

    swapped = group(2)
    swapped["model_list"].reverse()
    (found,) = changes(group(1), swapped)
    assert found.sentence == "model a, deployment x: litellm_params.timeout: 1 -> 2"
    assert found.path == ("model_list", "a", "x", "litellm_params", "timeout")


def test_a_group_that_goes_to_another_model_is_told() -> None:
    assert said(models(deployment("a", "openai/x")), models(deployment("a", "openai/y"))) == [
        'model a: litellm_params.model: "openai/x" -> "openai/y"'
    ]


def test_aliases_are_told_by_what_they_stand_for() -> None:
    def aliases(**names: Any) -> dict[str, Any]:
        return {"router_settings": {"model_group_alias": names}}

    after = aliases(b="y", c={"model": "z", "hidden": True}, d="w")
    assert said(aliases(a="x", b="x", c="z"), after) == [
        "alias a is gone (it stood for x)",
        "alias b stands for y in place of x",
        "alias c still stands for z, with other parameters",
        "alias d is new: it stands for w",
    ]


def test_plain_settings_are_told_with_their_place() -> None:
    before = {"router_settings": {"allowed_fails": 2, "cooldown_time": 30, "old": None}}
    after = {"router_settings": {"allowed_fails": 3, "cooldown_time": 30}, "own": {"key": [1]}}
    assert said(before, after) == [
        "router_settings.allowed_fails: 2 -> 3",
        "router_settings.old is gone (it was null)",
        "own.key is new: [1]",
    ]


def test_one_and_true_are_two_values() -> None:
    assert said({"a": {"b": 1}}, {"a": {"b": True}}) == ["a.b: 1 -> true"]


def test_callbacks_are_a_set_whose_single_member_may_be_a_text() -> None:
    def callbacks(value: Any) -> dict[str, Any]:
        return {"litellm_settings": {"callbacks": value}}

    assert changes(callbacks("prometheus"), callbacks(["prometheus"])) == ()
    assert changes(callbacks(["a", "b"]), callbacks(["b", "a"])) == ()
    assert said(callbacks(["a", "b"]), callbacks(["b", "c"])) == [
        'litellm_settings.callbacks lost "a" and gained "c"'
    ]


def test_all_that_happened_to_probes_is_one_sentence() -> None:
    def tree(*names: str, timeout: int = 1) -> dict[str, Any]:
        entries = [deployment(f"proof/{name}", "probe", timeout=timeout) for name in names]
        return models(*entries) | chains({"proof/0/a": [str(timeout)]})

    (found,) = changes(tree("0/a", "1/a"), tree("0/a", "0/b", timeout=2))
    assert found.kind is Kind.PROBES
    assert found.sentence == (
        "hidden groups of the fallback proof: 1 new, 1 gone, 1 changed"
        " (proof/0/a, proof/1/a, proof/0/b)"
    )
    assert found.place == 'model_list["proof/*"]'
    assert changes(tree("0/a"), tree("0/a", timeout=2), probe_prefix="other")[0].kind is (
        Kind.DEPLOYMENT
    )


def test_the_rendered_shared_definition_equals_itself_after_a_walk_through_yaml() -> None:
    config = litellm_config(example())
    text = yaml.safe_dump(config)  # sorts every key
    assert changes(config, yaml.safe_load(text)) == ()
    assert text_changes(text, yaml.safe_dump(config, sort_keys=False)) == ()


def test_a_text_that_is_no_yaml_is_one_difference() -> None:
    (found,) = text_changes("a: 1", f"a: [{SECRET}")
    assert found.sentence == "the text is no YAML that LiteLLM could load"
    assert SECRET not in repr(found)
    assert text_changes("a: [", "a: 1")[0].sentence == "the text is YAML again"
    assert text_changes("a: [", "a: [") == ()


def test_references_are_shown_and_keys_are_not() -> None:
    before = models(deployment("a", api_key="os.environ/A_KEY"))
    after = models(deployment("a", api_key=SECRET))
    (found,) = changes(before, after)
    assert found.before == "os.environ/A_KEY"
    assert found.after == HIDDEN
    assert found.sentence == (f'model a: litellm_params.api_key: "os.environ/A_KEY" -> {HIDDEN}')
    assert said(after, models(deployment("a", api_key=SECRET + "x"))) == [
        f"model a: litellm_params.api_key has another value {HIDDEN}"
    ]
    assert SECRET not in repr(changes({}, {"router_settings": {"redis_password": SECRET}}))
    assert "4711" not in repr(changes({}, {"router_settings": {"redis_password": 4711}}))


# --- for any document -----------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=True)
    | st.sampled_from(["a", "b", "openai/x", "*", "proof/0/a"])
    | st.dates()
    | st.binary(max_size=2)
)
SPECIAL = """
model_list model_name litellm_params model model_info id router_settings litellm_settings
general_settings fallbacks content_policy_fallbacks default_fallbacks model_group_alias callbacks
api_key
"""
KEYS = st.sampled_from([*SPECIAL.split(), "a", "*", "proof/0/a", 1, None, True])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
GROUPS = st.sampled_from(["a", "b", GROK, "proof/0/a"])
TARGETS = st.lists(GROUPS | st.fixed_dictionaries({"model": GROUPS}), max_size=3)
CHAIN_LISTS = st.lists(st.dictionaries(GROUPS | st.just("*"), TARGETS, max_size=2), max_size=3)
MODEL_LISTS = st.lists(
    st.fixed_dictionaries(
        {"model_name": GROUPS, "litellm_params": st.fixed_dictionaries({"model": GROUPS})},
        optional={
            "model_info": st.fixed_dictionaries({"id": GROUPS}),
            "own": ANYTHING,
        },
    ),
    max_size=4,
)
SECTION = st.fixed_dictionaries(
    {},
    optional={
        "fallbacks": CHAIN_LISTS,
        "context_window_fallbacks": CHAIN_LISTS,
        "default_fallbacks": TARGETS,
        "model_group_alias": st.dictionaries(GROUPS, GROUPS, max_size=2),
        "callbacks": st.lists(GROUPS, max_size=2) | GROUPS,
        "own": ANYTHING,
    },
)
DOCUMENTS = (
    st.fixed_dictionaries(
        {},
        optional={
            "model_list": MODEL_LISTS,
            "router_settings": SECTION,
            "litellm_settings": SECTION,
            "general_settings": ANYTHING,
        },
    )
    | ANYTHING
)


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(tree, dict | list):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(item, (*path, key))
    else:
        yield path


def put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = deepcopy(tree)
    inner = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return changed


def covers(found: Change, leaf: tuple[Any, ...], *documents: Any) -> bool:
    """Tell whether a change is about a leaf; below a list names stand in place of positions."""
    names = {name for tree in documents if (name := group_at(tree, leaf)) is not None}
    if found.kind is Kind.PROBES:
        return any(name.startswith("proof/") for name in names)
    raw = tuple(map(str, leaf))
    match found.path:
        case ("model_list" | "router_settings" | "litellm_settings", *_) if names:
            named = 1 if leaf[0] == "model_list" else 2
            own = tuple(map(str, found.path))
            return own[:named] == raw[:named] and set(own[named : named + 1]) <= names
        case _:
            return tuple(map(str, found.path)) == raw[: len(found.path)]


def group_at(tree: Any, leaf: tuple[Any, ...]) -> str | None:
    """Return the group that an entry of models or chains is about."""
    match leaf:
        case ("model_list", int(index), *_):
            entry = tree["model_list"][index]
            name = entry.get("model_name") if isinstance(entry, dict) else None
            return name if isinstance(name, str) else None
        case (str(section), str(key), int(index), *_) if key in CHAIN_KEYS:
            entry = tree[section][key][index]
            return str(next(iter(entry))) if isinstance(entry, dict) and entry else None
        case _:
            return None


@given(DOCUMENTS)
def test_nothing_differs_from_itself(document: Any) -> None:
    assert changes(document, deepcopy(document)) == ()


@given(DOCUMENTS, DOCUMENTS)
def test_any_two_documents_are_compared_and_every_difference_is_told_both_ways(
    one: Any, other: Any
) -> None:
    there, back = changes(one, other), changes(other, one)
    assert bool(there) == bool(back)
    assert all(each.sentence and "\n" not in each.sentence for each in there)


@given(DOCUMENTS, st.data())
def test_every_changed_leaf_is_told_at_its_place(document: Any, data: st.DataObject) -> None:
    found = list(leaves(document))
    assume(found)
    leaf = data.draw(st.sampled_from(found))
    after = put(document, leaf, "something new")
    assert any(covers(each, leaf, document, after) for each in changes(document, after))


@given(DOCUMENTS, DOCUMENTS, st.data())
def test_no_planted_secret_is_shown(before: Any, after: Any, data: st.DataObject) -> None:
    found = list(leaves(after))
    assume(found)
    planted = put(after, data.draw(st.sampled_from(found)), SECRET)
    shown = repr(changes(before, planted)) + repr(changes(planted, before))
    assert SECRET not in shown


def test_a_document_that_contains_itself_is_compared() -> None:
    looped = yaml.safe_load("a: &a [1, *a]")
    assert changes(looped, looped) == ()
    assert len(changes(looped, {"a": [1, 2]})) == 1


def test_the_lists_here_hold_a_secret_that_the_rules_know() -> None:
    assert changes({}, {"x": SECRET})[0].after == HIDDEN
