"""The proof against the real proxy: the shared definition's chains, whole and broken."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway import proof
from gateway.client import GatewayClient
from gateway.proof_plan import proof_plan, proof_script, render_proof_plan
from gateway.render import PATH_IN_MACHINE, render_litellm_config
from gateway.server import server_arguments, server_environment
from sandbox.images.catalogue import Catalogue, default_cache
from sandbox.images.install import install
from sandbox.interfaces import Image, Launch
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts, parse_script
from sandbox.providers.service_account import ensure_service_account
from stacks.gateway import DEFINITION
from stacks.merge import merged
from stacks.settings import Settings
from tests.sandbox.image_machines import execute, free_port, launch, running, wait_until
from tests.sandbox.provider_server import served_providers

ADDRESS = "127.91.10.1"
KEY = "sk-master-of-the-proof-test"
BOOT_S = 180
GATE_OUTPUT_BYTES = 48 * 1024  # what a machine's exec may answer
BASES = {"openai": "/openai/v1", "xai": "/xai/v1", "anthropic": "/anthropic", "vertex_ai": ""}
VERTEX = {"vertex_project": "sandbox-project", "vertex_location": "global"}

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and two boots

Change = Callable[[dict[str, Any]], None]


@dataclass
class Gateway:
    """A proxy that runs, with the settings it was rendered from."""

    settings: Settings
    scripts: FaultScripts
    image: Image
    at: Launch

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.settings.server.port}"

    @property
    def metrics_url(self) -> str:
        assert self.settings.metrics is not None
        return f"http://{ADDRESS}:{self.settings.metrics.port}/metrics/"

    def prove(self) -> dict[str, Any]:
        with proof.gateway_client(self.url) as client:
            return proof.run(
                proof_plan(self.settings),
                client=client,
                key=KEY,
                clock=proof.steady_clock(),
                nonce=proof.new_nonce,
                progress=lambda _: None,
                metrics_url=self.metrics_url,
            )

    def break_(self, provider: str, model: str, **step: Any) -> None:
        self.scripts.put(provider, model, parse_script({"script": [step]}))


def settings_for(providers: str) -> Settings:
    """Return the shared definition, aimed at the providers of this machine, without stores."""
    changes: dict[str, Any] = {
        "environment": "local",
        "store": "file",
        "redis": None,
        "postgres": None,
        "fly": {"organization": "acme", "app": "acme-gateway", "regions": {"iad": 1}},
        "server": {"workers": 1, "port": free_port(ADDRESS)},
        "metrics": {"port": free_port(ADDRESS)},
        "providers": {
            name: {"api_base": (providers + base).rstrip("/")} for name, base in BASES.items()
        },
        # The proof must not be answered by a cache, so there is one.
        "litellm_settings": {"cache": True, "cache_params": {"type": "local"}},
        "router_settings": {
            "redis_host": None,
            "redis_port": None,
            "redis_password": None,
            "cooldown_time": 1,  # so that a target broken by one test is back for the next
        },
    }
    changes["providers"]["vertex_ai"] |= VERTEX
    return Settings.model_validate(merged(DEFINITION.model_dump(mode="json"), changes))


@contextmanager
def booted(folder: Path, change: Change | None = None) -> Iterator[Gateway]:
    """Run a proxy on the rendered configuration, with `change` made to it behind our back."""
    cache = default_cache()
    scripts = FaultScripts()
    with served_providers(scripts, Connections()) as providers:
        settings = settings_for(providers)
        install(settings.image.version, print, cache=cache)  # shown when the install ends badly
        config = yaml.safe_load(render_litellm_config(settings))
        if change is not None:
            change(config)
        file = folder / "litellm_config.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        account = ensure_service_account(folder / "sa.json", token_uri=f"{providers}/token")
        words = {PATH_IN_MACHINE: str(file), "0.0.0.0": ADDRESS}  # noqa: S104 - what is replaced
        at = launch(
            folder / "rootfs",
            *(words.get(word, word) for word in server_arguments(settings)),
            address=ADDRESS,
            environment={
                **server_environment(settings),
                "LITELLM_MASTER_KEY": KEY,
                "VERTEX_CREDENTIALS_JSON": account.read_text(),
                **{f"{name}_API_KEY": "sk-any" for name in ("OPENAI", "ANTHROPIC", "XAI")},
            },
        )
        image = Catalogue(cache).resolve(settings.image.reference)
        gateway = Gateway(settings, scripts, image, at)
        with running(image, at, settings.server.port, BOOT_S):
            wait_until(lambda: is_ready(gateway), BOOT_S, "readiness")
            yield gateway


def is_ready(gateway: Gateway) -> bool:
    try:
        return httpx.get(f"{gateway.url}/health/readiness", timeout=10).is_success
    except httpx.TransportError:
        return False


def break_it(config: dict[str, Any]) -> None:
    """Make each kind of imaginary safety: no chain, a primary that lives, another live chain."""
    chains = config["router_settings"]["fallbacks"]
    chains[:] = [entry for entry in chains if "proof/0/xai/grok-4.3" not in entry]
    models = {row["model_name"]: row["litellm_params"] for row in config["model_list"]}
    living = copy.deepcopy(models["openai/gpt-5.4-nano"])
    models["proof/0/openai/gpt-5.4"].update(living)
    for entry in chains:
        if "anthropic/claude-opus-4-7" in entry:
            entry["anthropic/claude-opus-4-7"] = ["anthropic/claude-haiku-4-5"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with booted(tmp_path_factory.mktemp("whole")) as running_gateway:
        yield running_gateway


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with booted(tmp_path_factory.mktemp("broken"), break_it) as running_gateway:
        yield running_gateway


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in ("gateway", "broken"):
        if name in request.fixturenames:
            request.getfixturevalue(name).scripts.heal_all()


def verdicts(evidence: dict[str, Any]) -> dict[str, str]:
    return {row["probe"]: row["verdict"] for row in evidence["edges"]}


def until_healthy(gateway: Gateway) -> dict[str, Any]:
    """Prove until the breakers that a broken target left open have closed."""
    found: list[dict[str, Any]] = []

    def passed() -> bool:
        found.append(gateway.prove())
        return bool(found[-1]["verdict"] == "passed")

    wait_until(passed, 60, "a proof that passes")
    return found[-1]


def test_every_declared_fallback_of_the_shared_definition_is_proven(gateway: Gateway) -> None:
    evidence = until_healthy(gateway)

    assert len(evidence["edges"]) == 8
    assert set(verdicts(evidence).values()) == {"passed"}
    assert evidence["reasons"] == []
    assert evidence["litellm_version"] == {"expected": "1.106.2", "seen": ["1.106.2"]}
    assert evidence["chains"]["compared"] == len(gateway.settings.models) + 8
    assert all(row["negative"]["status"] in (500, 429) for row in evidence["edges"])
    assert proof.evidence_is_intact(evidence)


def test_litellms_own_counters_agree(gateway: Gateway) -> None:
    assert until_healthy(gateway)["counters"]["agree"]


def test_a_warm_proof_takes_seconds(gateway: Gateway) -> None:
    until_healthy(gateway)

    assert until_healthy(gateway)["duration_s"] < 10  # 1.1-2.4 s measured; this machine is shared


def test_the_shipped_script_proves_from_inside_and_prints_one_document(
    gateway: Gateway, tmp_path: Path
) -> None:
    until_healthy(gateway)
    script = tmp_path / "gateway_proof.py"
    script.write_text(proof_script())
    plan = render_proof_plan(gateway.settings)

    ended = execute(
        *(gateway.image, gateway.at, "python3", str(script)),
        *("--plan-json", plan, "--url", gateway.url, "--metrics-url", gateway.metrics_url),
    )

    assert ended.returncode == 0, ended.stderr
    evidence = json.loads(ended.stdout)
    assert evidence["verdict"] == "passed"
    assert proof.evidence_is_intact(evidence)
    assert len(ended.stdout) < GATE_OUTPUT_BYTES
    assert KEY not in ended.stdout + ended.stderr
    assert ended.stderr.count("\n") == len(evidence["edges"]) + 2


def test_a_wrong_key_is_errored_and_asks_no_provider(gateway: Gateway, tmp_path: Path) -> None:
    script = tmp_path / "gateway_proof.py"
    script.write_text(proof_script())
    before = gateway.scripts.counters()
    plan = render_proof_plan(gateway.settings)

    ended = execute(
        *(gateway.image, gateway.at, "python3", str(script)),
        *("--plan-json", plan, "--url", gateway.url, "--key-env", "OPENAI_API_KEY"),
    )

    assert ended.returncode == 1
    assert json.loads(ended.stdout)["verdict"] == "errored"
    assert gateway.scripts.counters() == before


def test_a_provider_that_is_down_makes_its_edges_inconclusive_until_it_is_back(
    gateway: Gateway,
) -> None:
    until_healthy(gateway)
    gateway.break_("vertex_ai", "gemini-3.5-flash", kind="status", status=500)

    found = verdicts(gateway.prove())

    assert found.pop("proof/0/vertex_ai/gemini-3.1-pro-preview") == "inconclusive"
    assert set(found.values()) == {"passed"}
    gateway.scripts.heal_all()
    until_healthy(gateway)


def test_a_provider_that_fails_for_a_moment_stops_no_release(gateway: Gateway) -> None:
    until_healthy(gateway)
    # A model without a chain of its own is tried twice, and two requests ask it at once: of three
    # failures one of them gets two.
    script = {"script": [{"kind": "status", "status": 500, "times": 3}], "then": "recover"}
    gateway.scripts.put("anthropic", "claude-haiku-4-5", parse_script(script))

    evidence = gateway.prove()

    assert evidence["verdict"] == "passed"
    (edge,) = [row for row in evidence["edges"] if row["probe"] == "proof/any"]
    assert edge["looks"] == 2 or evidence["targets"][edge["target"]]["direct"] is not None


def test_the_client_reads_what_the_gateway_says(gateway: Gateway) -> None:
    until_healthy(gateway)
    gateway.break_("xai", "grok-4.3", kind="status", status=500)
    with proof.gateway_client(gateway.url) as http:
        client = GatewayClient(http, KEY)
        readiness, models = client.readiness(), client.models()
        answer = client.chat("xai/grok-4.3", "who are you?")

    assert readiness.ready
    assert readiness.db == "Not connected"
    assert models["xai/grok-4.3"] == ("anthropic/claude-sonnet-4-6",)
    assert (answer.status, answer.group, answer.fallbacks) == (
        200,
        "anthropic/claude-sonnet-4-6",
        1,
    )
    assert answer.text


def test_what_does_not_rescue_fails_and_the_rest_passes(broken: Gateway) -> None:
    evidence = broken.prove()

    found = verdicts(evidence)
    assert found.pop("proof/0/xai/grok-4.3") == "failed"
    assert found.pop("proof/0/openai/gpt-5.4") == "failed"
    assert set(found.values()) == {"passed"}
    assert evidence["verdict"] == "failed"


def test_a_probe_without_its_chain_is_answered_by_another_group(broken: Gateway) -> None:
    (edge,) = [row for row in broken.prove()["edges"] if row["probe"] == "proof/0/xai/grok-4.3"]

    assert "anthropic/claude-haiku-4-5 answered in place of" in edge["reasons"][0]


def test_a_negative_control_that_succeeds_is_told_as_such(broken: Gateway) -> None:
    (edge,) = [row for row in broken.prove()["edges"] if row["probe"] == "proof/0/openai/gpt-5.4"]

    assert edge["negative"]["status"] == 200
    assert "although its primary is dead" in edge["reasons"][0]


def test_live_chains_other_than_the_rendered_ones_are_all_named(broken: Gateway) -> None:
    differences = broken.prove()["chains"]["differences"]

    assert [row["group"] for row in differences] == [
        "anthropic/claude-opus-4-7",
        "proof/0/xai/grok-4.3",
    ]
