"""The LiteLLM image and the providers together: a real proxy, booted once for the module."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sandbox.images.catalogue import Catalogue, default_cache
from sandbox.images.install import install
from sandbox.images.versions import DEFAULT
from sandbox.interfaces import Image, Launch
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts, parse_script
from sandbox.providers.service_account import ensure_service_account
from tests.sandbox.image_machines import execute, free_port, launch, running
from tests.sandbox.provider_server import served_providers

ADDRESS = "127.91.9.1"
KEY = "sk-master-of-this-test"
MODELS = (
    "openai/gpt-5.4",
    "xai/grok-4.3",
    "anthropic/claude-sonnet-4-6",
    "vertex_ai/gemini-3.5-flash",
)
TARGET = "anthropic/claude-haiku-4-5"
BOOT_S = 180

pytestmark = pytest.mark.timeout(600)  # an install, where there is none yet, and a boot


@dataclass
class Gateway:
    url: str
    metrics_url: str
    scripts: FaultScripts
    image: Image
    at: Launch

    def chat(self, model: str, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "who are you?"}], **more}
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=60)

    def break_(self, model: str, **step: Any) -> None:
        provider, _, name = model.partition("/")
        self.scripts.put(provider, name, parse_script({"script": [step]}))


def configuration(providers: str) -> dict[str, Any]:
    bases = {"openai": "/openai/v1", "xai": "/xai/v1", "anthropic": "/anthropic", "vertex_ai": ""}
    models = []
    for name in (*MODELS, TARGET):
        provider = name.partition("/")[0]
        params: dict[str, Any] = {"model": name, "api_base": providers + bases[provider]}
        if provider == "vertex_ai":
            params |= {"vertex_project": "sandbox-project", "vertex_location": "global"}
            params["vertex_credentials"] = "os.environ/VERTEX_CREDENTIALS_JSON"
        else:
            params["api_key"] = "sk-any"
        models.append({"model_name": name, "litellm_params": params})
    return {
        "model_list": models,
        "litellm_settings": {"request_timeout": 2, "callbacks": ["prometheus"]},
        "router_settings": {
            "num_retries": 0,
            "allowed_fails": 1000,
            "fallbacks": [{name: [TARGET]} for name in MODELS],
        },
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    cache = default_cache()
    install(DEFAULT, print, cache=cache)  # shown when the install ends badly
    folder = tmp_path_factory.mktemp("litellm")
    scripts = FaultScripts()
    port, metrics_port = free_port(ADDRESS), free_port(ADDRESS)
    with served_providers(scripts, Connections()) as providers:
        account = ensure_service_account(folder / "sa.json", token_uri=f"{providers}/token")
        file = folder / "litellm.yaml"
        file.write_text(yaml.safe_dump(configuration(providers)))
        image = Catalogue(cache).resolve(f"ghcr.io/berriai/litellm:v{DEFAULT}")
        at = launch(
            folder / "rootfs",
            *("--config", str(file), "--port", str(port)),
            *("--prometheus_metrics_port", str(metrics_port)),
            address=ADDRESS,
            environment={
                "LITELLM_MASTER_KEY": KEY,
                "VERTEX_CREDENTIALS_JSON": account.read_text(),
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
                "LITELLM_LOCAL_BLOG_POSTS": "True",
            },
        )
        with running(image, at, port, BOOT_S):
            url, metrics_url = (f"http://{ADDRESS}:{number}" for number in (port, metrics_port))
            yield Gateway(url, metrics_url, scripts, image, at)


@pytest.fixture
def gateway(booted: Gateway) -> Iterator[Gateway]:
    yield booted
    booted.scripts.heal_all()


def streamed(response: httpx.Response) -> str:
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    choices = [json.loads(event).get("choices") for event in events if event.startswith("{")]
    return "".join(found[0]["delta"].get("content") or "" for found in choices if found)


@pytest.mark.parametrize("model", MODELS)
def test_every_provider_answers_whole_and_streamed(gateway: Gateway, model: str) -> None:
    whole, stream = gateway.chat(model), gateway.chat(model, stream=True)
    expected = f"answered by {model} (sandbox)"
    assert whole.json()["choices"][0]["message"]["content"] == expected
    assert streamed(stream) == expected
    assert whole.headers["x-litellm-attempted-fallbacks"] == "0"
    assert whole.json()["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["status", "rate_limit", "reset"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_answer_is_rescued(
    gateway: Gateway, model: str, kind: str, *, stream: bool
) -> None:
    gateway.break_(model, kind=kind)
    response = gateway.chat(model, stream=stream)
    assert response.status_code == 200
    assert response.headers["x-litellm-attempted-fallbacks"] == "1"
    assert response.headers["x-litellm-model-group"] == TARGET
    assert gateway.chat(model, disable_fallbacks=True).status_code in {429, 500}


@pytest.mark.parametrize("model", MODELS)
def test_a_hang_is_rescued_after_the_time_limit(gateway: Gateway, model: str) -> None:
    gateway.break_(model, kind="hang")
    response = gateway.chat(model)
    assert response.headers["x-litellm-model-group"] == TARGET
    assert response.elapsed.total_seconds() > 1.9


def test_a_malformed_answer_is_rescued(gateway: Gateway) -> None:
    gateway.break_("openai/gpt-5.4", kind="malformed")
    assert gateway.chat("openai/gpt-5.4").headers["x-litellm-model-group"] == TARGET


def test_a_stream_that_is_cut_after_two_pieces_shows_them_and_an_error(gateway: Gateway) -> None:
    # A cold process is so slow that the pieces and the end reach it together: then it rescues.
    assert gateway.chat("openai/gpt-5.4", stream=True).status_code == 200
    gateway.break_("openai/gpt-5.4", kind="cut_stream", after=2)
    response = gateway.chat("openai/gpt-5.4", stream=True)
    assert response.status_code == 200
    assert "answered" in response.text
    assert '"error"' in response.text
    assert "(sandbox)" not in response.text


def test_readiness_names_the_version_that_the_tag_promised(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    details = httpx.get(f"{gateway.url}/health/readiness/details", headers=headers).json()
    assert details["litellm_version"] == DEFAULT
    assert "PrometheusLogger" in details["success_callbacks"]


def test_the_metrics_port_is_on_the_machine_s_address_too(gateway: Gateway) -> None:
    assert "litellm" in httpx.get(f"{gateway.metrics_url}/metrics/", timeout=20).text


def test_a_call_without_a_key_is_a_401_as_in_the_image(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url}/v1/models", timeout=20).status_code == 401


def test_python_inside_the_machine_is_litellm_s_own(gateway: Gateway) -> None:
    words = "import httpx, sys; print(sys.prefix)"
    for command in (("python3", "-c", words), ("sh", "-c", f"python3 -c '{words}'")):
        done = execute(gateway.image, gateway.at, *command)
        assert Path(done.stdout.strip()).name == DEFAULT, done.stderr
