import dataclasses
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.bundle import GUEST_FILES, Bundle, environment_neutral, make_bundle
from stacks.gateway import DEFINITION
from stacks.load import RawConfig, load_settings
from stacks.settings import Settings

CONFIG: dict[str, Any] = {
    "fly": {
        "organization": "acme",
        "app": "acme-gateway-dev",
        "regions": {"iad": 2, "lhr": 1},
        "primary": "lhr",
    },
    "providers": {"vertex_ai": {"vertex_project": "acme", "vertex_location": "global"}},
    "server": {"environment": {"LITELLM_LOG": "INFO", "A": "1"}},
    "posthog": {},
}


LOCATION = {"vertex_location": "global"}


def some_settings(environment: str = "dev", **more: Any) -> Settings:
    return load_settings(environment, RawConfig({**CONFIG, **more})).settings


def shuffled(tree: Any, seed: int) -> Any:
    if isinstance(tree, dict):
        keys = list(tree)
        random.Random(seed).shuffle(keys)  # noqa: S311 (an order, not a secret)
        return {key: shuffled(tree[key], seed) for key in keys}
    return [shuffled(item, seed) for item in tree] if isinstance(tree, list) else tree


@settings(max_examples=15)
@given(st.integers())
def test_the_order_of_keys_does_not_change_a_byte(seed: int) -> None:
    straight = some_settings()
    tree = straight.model_dump(mode="json", exclude_unset=True)
    assert make_bundle(Settings.model_validate(shuffled(tree, seed))) == make_bundle(straight)


@settings(max_examples=15)
@given(st.integers())
def test_the_order_of_keys_in_a_configuration_does_not_change_the_digest(seed: int) -> None:
    other = load_settings("dev", RawConfig(shuffled(CONFIG, seed))).settings
    assert make_bundle(other).digest == make_bundle(some_settings()).digest


def test_what_an_environment_decides_for_itself_does_not_change_the_digest() -> None:
    live = {
        **CONFIG["fly"],
        "app": "acme-gateway-live",
        "regions": {"syd": 4},
        "primary": "syd",
        "size": "performance-2x",
        "memory_mb": 16384,
        "concurrency": {"soft_limit": 50, "hard_limit": 80},
        "strategy": "rolling",
    }
    one, other = make_bundle(some_settings()), make_bundle(some_settings("live", fly=live))
    assert one.fly_toml != other.fly_toml
    assert one.digest == other.digest


OWN_PARTS = st.fixed_dictionaries(
    {
        "fly": st.fixed_dictionaries(
            {
                "organization": st.sampled_from(["acme", "acme-live"]),
                "app": st.sampled_from(["acme-gateway-dev", "acme-gateway-live"]),
                "regions": st.dictionaries(
                    st.sampled_from(["iad", "lhr", "syd"]), st.integers(1, 9), min_size=1
                ),
                "size": st.sampled_from(["shared-cpu-4x", "performance-2x"]),
                "memory_mb": st.sampled_from([8192, 16384]),
                "strategy": st.sampled_from(["bluegreen", "rolling"]),
                "concurrency": st.fixed_dictionaries({"soft_limit": st.integers(1, 99)}),
                "public_url": st.sampled_from([None, "https://gateway.acme.example"]),
            }
        ),
        "providers": st.fixed_dictionaries(
            {
                "vertex_ai": st.fixed_dictionaries(
                    {
                        "vertex_project": st.from_regex(r"[a-z][a-z0-9-]{2,20}", fullmatch=True),
                        "vertex_location": st.sampled_from(["global", "us-east5"]),
                    }
                )
            }
        ),
        "redis": st.fixed_dictionaries(
            {
                "host": st.sampled_from([None, "redis.example"]),
                "port": st.sampled_from([6379, 6380]),
                "maxmemory_mb": st.integers(64, 512),
            }
        ),
        "postgres": st.fixed_dictionaries(
            {"database": st.sampled_from(["a", "b"]), "protect": st.booleans()}
        ),
        "proof": st.fixed_dictionaries({"samples": st.integers(1, 5)}),
    }
)


@pytest.mark.parametrize("redis_host", ["REDIS_HOST", "ROUTER_REDIS"])
def test_environments_that_differ_only_in_what_is_their_own_have_one_digest(
    redis_host: str,
) -> None:
    shared: dict[str, Any] = {"router_settings": {"redis_host": redis_host}}
    expected = make_bundle(some_settings(**shared)).digest

    @settings(max_examples=15)
    @given(OWN_PARTS)
    def holds(own: dict[str, Any]) -> None:
        bundle = make_bundle(some_settings("live", **own, **shared))
        assert bundle.digest == expected
        assert own["providers"]["vertex_ai"]["vertex_project"] not in bundle.litellm_yaml.split()

    holds()


def test_project_and_location_of_vertex_are_references_with_their_values_in_the_environment() -> (
    None
):
    bundle = make_bundle(some_settings())
    models = yaml.safe_load(bundle.litellm_yaml)["model_list"]
    params = next(
        m["litellm_params"] for m in models if m["model_name"] == "vertex_ai/gemini-3.5-flash"
    )
    environment = tomllib.loads(bundle.fly_toml)["env"]
    assert params["vertex_project"] == "os.environ/VERTEXAI_PROJECT"
    assert params["vertex_location"] == "os.environ/VERTEXAI_LOCATION"
    assert environment["VERTEXAI_PROJECT"] == "acme"
    assert environment["VERTEXAI_LOCATION"] == "global"


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({"server": {"environment": {"VERTEXAI_PROJECT": "another"}}}, "acme"),
        ({"secrets": {"VERTEXAI_PROJECT": "config"}}, "acme"),
        (
            {"providers": {"vertex_ai": {"vertex_project": "os.environ/GCP", **LOCATION}}},
            "os.environ/GCP",
        ),
    ],
)
def test_a_project_whose_variable_is_used_for_something_else_is_written_as_it_is(
    more: dict[str, Any], written: str
) -> None:
    models = yaml.safe_load(make_bundle(some_settings(**more)).litellm_yaml)["model_list"]
    found = {m["litellm_params"].get("vertex_project") for m in models} - {None}
    assert found == {written}


@pytest.mark.parametrize(
    "change",
    [
        {"router_settings": {"cooldown_time": 31}},
        {"server": {"workers": 2}},
        {"server": {"environment": {"LITELLM_LOG": "DEBUG"}}},
        {"image": {"version": "1.106.1"}},
        {"image": {"digest": f"sha256:{'a' * 64}"}},
        {"metrics": {"port": 4002}},
        {"posthog": None},
        {"fly": {**CONFIG["fly"], "kill": {"timeout_s": 60}}},
    ],
)
def test_what_environments_share_changes_the_digest(change: dict[str, Any]) -> None:
    assert make_bundle(some_settings(**change)).digest != make_bundle(some_settings()).digest


def test_where_events_are_read_back_is_no_part_of_what_runs() -> None:
    query = {"project_id": 17, "host": "https://eu.posthog.com", "api_key": "READER_KEY"}
    with_query = make_bundle(some_settings(posthog={"query": query}))

    assert with_query == make_bundle(some_settings())
    assert "READER_KEY" not in repr(with_query)


@pytest.mark.parametrize("field", ["image", "litellm_yaml", "fly_toml", "secret_names", "schema"])
def test_every_part_of_the_design_is_in_the_digest(field: str) -> None:
    bundle = make_bundle(some_settings())
    other: dict[str, Any] = {
        "image": {"image": "ghcr.io/berriai/litellm:v1.106.1"},
        "litellm_yaml": {"litellm_yaml": bundle.litellm_yaml + "more: 1\n"},
        "fly_toml": {"fly_toml": bundle.fly_toml + '\n[more]\n  a = "1"\n'},
        "secret_names": {"secret_names": (*bundle.secret_names, "MORE")},
        "schema": {"schema_version": bundle.schema_version + 1},
    }
    assert dataclasses.replace(bundle, **other[field]).digest != bundle.digest


def test_one_image_has_one_digest_however_it_is_named() -> None:
    digest = f"sha256:{'a' * 64}"
    named, bare = (
        make_bundle(some_settings(image={"digest": digest, "tag": tag})) for tag in ("v1", "v2")
    )
    assert named.image != bare.image
    assert named.digest == bare.digest


def test_the_files_are_what_the_toml_ships_to_the_machines() -> None:
    bundle = make_bundle(some_settings())
    told = tomllib.loads(bundle.fly_toml)["files"]
    assert {file["guest_path"]: file["local_path"] for file in told} == dict(GUEST_FILES)
    assert set(bundle.files) == set(GUEST_FILES.values())
    assert yaml.safe_load(bundle.files["litellm_config.yaml"])["model_list"]
    assert bundle.files["gateway_proof.pyz"] == bundle.proof_archive


def test_the_plan_is_not_shipped_so_new_expectations_leave_the_machines_alone() -> None:
    one = make_bundle(some_settings())
    other = make_bundle(some_settings(proof={"total_timeout_s": 40}))
    assert one.proof_plan != other.proof_plan
    assert (one.files, one.fly_toml, one.digest) == (other.files, other.fly_toml, other.digest)


def test_no_secret_is_in_a_bundle_but_its_name() -> None:
    bundle = make_bundle(some_settings())
    assert "XAI_API_KEY" in bundle.secret_names
    models = yaml.safe_load(bundle.litellm_yaml)["model_list"]
    keys = {m["litellm_params"].get("api_key") for m in models if "/" in m["model_name"]}
    assert {key for key in keys if key not in (None, "none")} == {
        f"os.environ/{provider.api_key}"
        for provider in DEFINITION.providers.values()
        if provider.api_key
    }


def test_the_neutral_part_keeps_the_rest_of_a_section() -> None:
    toml = {
        "app": "a",
        "env": {"REDIS_HOST": "h", "X": "1"},
        "http_service": {"internal_port": 4000, "min_machines_running": 3},
    }
    assert environment_neutral(toml, frozenset({"REDIS_HOST"})) == {
        "env": {"X": "1"},
        "http_service": {"internal_port": 4000},
    }


def test_digests_of_texts_name_their_kind() -> None:
    bundle = make_bundle(some_settings())
    assert isinstance(bundle, Bundle)
    assert bundle.yaml_digest.startswith("sha256:")
    assert bundle.toml_digest.startswith("sha256:")
    assert len(bundle.digest) == 64


def test_a_bundle_is_made_without_pulumi() -> None:
    source = Path(__file__).parents[3] / "components" / "bundle.py"
    assert "import pulumi" not in source.read_text(encoding="utf-8")


def test_a_managed_live_runs_the_bundle_that_a_single_dev_proved() -> None:
    single = make_bundle(some_settings(postgres={"kind": "single"}))
    managed = make_bundle(some_settings(postgres={"kind": "managed", "protect": True}))
    existing = make_bundle(some_settings(postgres={"kind": "existing", "app": "shared-db"}))
    assert single.digest == managed.digest == existing.digest
    assert single.secret_names == managed.secret_names
