import pytest
from hypothesis import given

from gateway.chains import edges
from gateway.probes import NEVER_COOLED, Probe, probe_model, probes
from stacks.gateway import CHAINS
from stacks.settings import Settings
from tests.unit.gateway.example import bare, chained, example
from tests.unit.gateway.test_chains import chains_of_later_groups


def probe_of(settings: Settings, name: str) -> Probe:
    (found,) = [probe for probe in probes(settings) if probe.name == name]
    return found


def test_a_probes_chain_begins_at_the_target_that_has_to_answer() -> None:
    chains = {probe.name: probe.chain for probe in probes(example())}

    for edge in edges(example()):
        assert edge.probe is not None
        if edge.source != "*":
            assert chains[edge.probe] == CHAINS[edge.source][edge.position :]
            assert chains[edge.probe][0] == edge.target


def test_the_first_wildcard_probe_owns_no_chain_so_that_it_falls_to_the_wildcard() -> None:
    settings = chained({"*": ["a/one", "a/two"]})

    assert {probe.name: probe.chain for probe in probes(settings)} == {
        "proof/any": (),
        "proof/any/1": ("a/two",),
        "proof/breaker": ("a/one",),
    }


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("openai/gpt-5.5", "openai/probe"),
        ("xai/grok-4.3", "xai/probe"),
        ("anthropic/claude-opus-4-7", "anthropic/probe"),
        ("vertex_ai/gemini-3.1-pro-preview", "gemini/probe"),
    ],
)
def test_a_probe_fails_in_the_wire_format_of_its_source(source: str, model: str) -> None:
    settings = example()

    entry = probe_model(settings, probe_of(settings, f"proof/0/{source}"))

    assert entry["litellm_params"]["model"] == model


def test_only_formats_whose_paths_begin_with_v1_are_told_so() -> None:
    settings = example(proof={"fault_port": 4321})

    bases = {
        probe.speaks: probe_model(settings, probe)["litellm_params"]["api_base"]
        for probe in probes(settings)
    }

    assert bases == {
        "openai": "http://127.0.0.1:4321/v1",
        "xai": "http://127.0.0.1:4321/v1",
        "anthropic": "http://127.0.0.1:4321",
        "gemini": "http://127.0.0.1:4321",
    }


@pytest.mark.parametrize(("rescue", "retries"), [("now", 0), ("retry-once", 1)])
def test_a_probe_is_retried_as_its_source_is(rescue: str, retries: int) -> None:
    settings = example(rescue=rescue)

    assert probe_of(settings, "proof/0/xai/grok-4.3").num_retries == retries
    assert probe_of(settings, "proof/any").num_retries is None


def test_no_probe_is_cooled_down_but_the_breakers() -> None:
    settings = example()

    cooled = {
        probe.name: probe_model(settings, probe)["model_info"].get("allowed_fails")
        for probe in probes(settings)
    }

    assert cooled.pop("proof/breaker") is None
    assert set(cooled.values()) == {NEVER_COOLED}


@pytest.mark.parametrize("kind", ["context_window", "content_policy"])
def test_the_chains_of_an_error_class_have_probes_of_their_own(kind: str) -> None:
    chains = {"xai/grok-4.3": ["openai/gpt-5.5", "openai/gpt-5.4"], "*": ["openai/gpt-5.4"]}
    settings = example(router_settings={f"{kind}_fallbacks": chains})

    found = {probe.name: probe.chain for probe in probes(settings) if probe.kind == kind}

    prefix = f"proof/{kind.replace('_', '-')}"
    assert found == {
        f"{prefix}/0/xai/grok-4.3": ("openai/gpt-5.5", "openai/gpt-5.4"),
        f"{prefix}/1/xai/grok-4.3": ("openai/gpt-5.4",),
        f"{prefix}/any": (),
    }


def test_without_chains_there_is_no_probe() -> None:
    assert probes(bare()) == ()


def test_a_probe_asks_in_its_targets_mode() -> None:
    settings = bare(
        models=[
            {"name": "o/embed", "provider": "openai", "mode": "embedding"},
            {"name": "o/embed-2", "provider": "openai", "mode": "embedding"},
        ],
        router_settings={"fallbacks": {"o/embed": ["o/embed-2"]}},
    )

    assert [probe.mode for probe in probes(settings)] == ["embedding"]


@given(chains_of_later_groups)
def test_every_edge_has_a_probe_of_its_own_that_begins_at_its_target(
    chains: dict[str, list[str]],
) -> None:
    settings = chained(chains)
    own = {probe.name: probe.chain for probe in probes(settings) if not probe.cools_down}

    assert len(own) == len(edges(settings))
    assert all(own[edge.probe or ""][0] == edge.target for edge in edges(settings))
