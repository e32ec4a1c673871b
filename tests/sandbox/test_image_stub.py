"""The stub gateway against the providers, and its ways of misbehaving."""

import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sandbox.images.catalogue import Catalogue
from sandbox.interfaces import Image
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts, parse_script
from tests.sandbox.image_machines import execute, free_port, launch, running, start, wait_until
from tests.sandbox.provider_server import served_providers

ADDRESS = "127.91.7.1"
KEY = "sk-stub-master"
CLOSED = "http://127.0.0.1:9/v1"


@dataclass
class Gateway:
    url: str
    metrics_url: str
    pid: int

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers={"authorization": f"Bearer {KEY}"})

    def chat(self, model: str, key: str | None = KEY, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Catalogue(tmp_path_factory.mktemp("cache")).resolve("registry.fly.io/stub:7")


@pytest.fixture(scope="module")
def scripts() -> FaultScripts:
    return FaultScripts()


@pytest.fixture(scope="module")
def providers(scripts: FaultScripts) -> Iterator[str]:
    with served_providers(scripts, Connections()) as url:
        yield url


def configuration(providers: str) -> dict[str, Any]:
    bases = {
        "openai/gpt-5.4": f"{providers}/openai/v1",
        "xai/grok-4.3": f"{providers}/xai/v1",
        "anthropic/claude-sonnet-4-6": f"{providers}/anthropic",
        "vertex_ai/gemini-3.5-flash": providers,
        "dead/first": CLOSED,
        "dead/second": CLOSED,
        "dead/alone": CLOSED,
    }
    models = [
        {"model_name": name, "litellm_params": {"model": name, "api_base": base, "api_key": "k"}}
        for name, base in bases.items()
    ]
    models.append({"model_name": "own", "litellm_params": {"model": "openai/own"}})
    chains = [
        {"dead/first": ["dead/second"]},
        {"dead/second": ["anthropic/claude-sonnet-4-6"]},
        {"xai/grok-4.3": ["anthropic/claude-sonnet-4-6", "openai/gpt-5.4"]},
        {"*": ["openai/gpt-5.4"]},
    ]
    return {
        "model_list": models,
        "router_settings": {"fallbacks": chains},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
    }


@contextmanager
def gateway(image: Image, folder: Path, providers: str, **environment: str) -> Iterator[Gateway]:
    port, metrics_port = free_port(ADDRESS), free_port(ADDRESS)
    file = folder / "litellm.yaml"
    file.write_text(yaml.safe_dump(configuration(providers)))
    at = launch(
        folder,
        *("--config", str(file), "--port", str(port), "--num_workers", "2"),
        *("--prometheus_metrics_port", str(metrics_port)),
        address=ADDRESS,
        environment={"LITELLM_MASTER_KEY": KEY, **environment},
    )
    with running(image, at, port, 10) as process:
        yield Gateway(f"http://{ADDRESS}:{port}", f"http://{ADDRESS}:{metrics_port}", process.pid)


@pytest.fixture(scope="module")
def stub(
    image: Image, providers: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(image, tmp_path_factory.mktemp("stub"), providers) as served:
        yield served


def content(response: httpx.Response) -> str:
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-5.4",
        "xai/grok-4.3",
        "anthropic/claude-sonnet-4-6",
        "vertex_ai/gemini-3.5-flash",
    ],
)
def test_a_healthy_model_s_own_provider_answers(stub: Gateway, model: str) -> None:
    response = stub.chat(model)
    assert content(response) == f"answered by {model} (sandbox)"
    assert response.headers["x-litellm-attempted-fallbacks"] == "0"
    assert response.headers["x-litellm-model-group"] == model
    assert response.headers["x-litellm-version"] == "7"
    assert response.headers["x-litellm-call-id"]


def test_a_dead_model_is_rescued_along_its_chain(stub: Gateway) -> None:
    response = stub.chat("dead/first")
    assert content(response) == "answered by anthropic/claude-sonnet-4-6 (sandbox)"
    assert response.headers["x-litellm-attempted-fallbacks"] == "1"
    assert response.headers["x-litellm-model-group"] == "anthropic/claude-sonnet-4-6"


def test_a_stream_is_rescued_too(stub: Gateway) -> None:
    response = stub.chat("dead/alone", stream=True)
    assert response.headers["x-litellm-attempted-fallbacks"] == "1"
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    text = "".join(
        json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1]
    )
    assert text.strip() == "answered by openai/gpt-5.4 (sandbox)"


def test_a_provider_s_own_error_is_rescued_and_counted(
    stub: Gateway, scripts: FaultScripts
) -> None:
    scripts.put("xai", "grok-4.3", parse_script({"script": [{"kind": "status", "status": 503}]}))
    try:
        response = stub.chat("xai/grok-4.3")
    finally:
        scripts.heal_all()
    assert response.headers["x-litellm-model-group"] == "anthropic/claude-sonnet-4-6"
    metrics = httpx.get(f"{stub.metrics_url}/metrics/").text
    lines = [line for line in metrics.splitlines() if 'requested_model="xai/grok-4.3"' in line]
    assert len(lines) == 1
    assert lines[0].startswith("litellm_deployment_successful_fallbacks_total{")
    assert 'fallback_model="anthropic/claude-sonnet-4-6"' in lines[0]
    assert lines[0].endswith(" 1.0")


def test_a_request_may_forbid_fallbacks(stub: Gateway) -> None:
    response = stub.chat("dead/first", disable_fallbacks=True)
    assert response.status_code == 500
    assert "x-litellm-attempted-fallbacks" not in response.headers


def test_the_chains_are_shown_as_litellm_shows_them(stub: Gateway) -> None:
    rows = stub.get("/v1/models?include_metadata=true&fallback_type=general").json()["data"]
    chains = {row["id"]: row["metadata"]["fallbacks"] for row in rows}
    assert chains["dead/first"] == ["dead/second"]
    assert chains["own"] == ["openai/gpt-5.4"]


def test_health_and_details_name_the_version(stub: Gateway) -> None:
    assert httpx.get(f"{stub.url}/health/liveliness").json() == "I'm alive!"
    assert httpx.get(f"{stub.url}/health/readiness").json()["status"] == "healthy"
    assert stub.get("/health/readiness/details").json()["litellm_version"] == "7"


def test_the_key_is_checked(stub: Gateway) -> None:
    assert stub.chat("own", key=None).status_code == 401
    assert stub.chat("own", key="sk-wrong").status_code == 400
    assert stub.chat("own").status_code == 200


def test_an_unknown_model_is_a_bad_request(stub: Gateway) -> None:
    assert stub.chat("openai/gpt-17").status_code == 400


def test_twenty_requests_at_once_are_answered(stub: Gateway) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stub.chat("own", stream=True).status_code, range(20)))
    assert answers == [200] * 20


def test_python_inside_the_machine_has_httpx(image: Image, tmp_path: Path) -> None:
    at = launch(tmp_path, address=ADDRESS)
    done = execute(image, at, "python3", "-c", "import httpx, yaml; print(httpx.__name__)")
    assert done.stdout == "httpx\n", done.stderr


def test_a_stub_that_never_falls_back_fails(image: Image, providers: str, tmp_path: Path) -> None:
    with gateway(image, tmp_path, providers, STUB_NO_FALLBACK="1") as stub:
        assert stub.chat("dead/first").status_code == 500
        assert stub.chat("own").status_code == 200


def test_a_stub_that_always_falls_back_says_so_of_healthy_models(
    image: Image, providers: str, tmp_path: Path
) -> None:
    with gateway(image, tmp_path, providers, STUB_ALWAYS_FALLBACK="1") as stub:
        response = stub.chat("xai/grok-4.3", disable_fallbacks=True)
    assert response.status_code == 200
    assert response.headers["x-litellm-attempted-fallbacks"] == "1"


def test_an_unhealthy_stub_is_alive_and_not_ready(
    image: Image, providers: str, tmp_path: Path
) -> None:
    settings = {"STUB_UNHEALTHY": "1", "STUB_VERSION": "1.106.2"}
    with gateway(image, tmp_path, providers, **settings) as stub:
        assert httpx.get(f"{stub.url}/health/readiness").status_code == 503
        assert httpx.get(f"{stub.url}/health/liveliness").status_code == 200
        assert stub.get("/health/readiness/details").json()["litellm_version"] == "1.106.2"


def test_a_stub_that_is_to_crash_ends_with_1(image: Image, tmp_path: Path) -> None:
    at = launch(tmp_path, "--config", "x", address=ADDRESS, environment={"STUB_CRASH": "1"})
    assert start(image.process(at), tmp_path / "log").wait(20) == 1


def test_a_stub_that_is_stopped_finishes_its_streams(
    image: Image, providers: str, tmp_path: Path
) -> None:
    with (
        gateway(image, tmp_path, providers, STUB_PIECE_PAUSE_S="0.1") as stub,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(stub.chat, "own", stream=True)
        log = tmp_path / "log"
        wait_until(lambda: "POST" in log.read_text(), 10, "a request in flight")
        assert not answer.done()
        assert signal.SIGTERM not in handled_signals(stub.pid)  # it is waited for instead
        os.kill(stub.pid, signal.SIGTERM)
        assert answer.result(20).text.rstrip().endswith("data: [DONE]")


def handled_signals(pid: int) -> set[int]:
    """Return the signals for which a process has a handler (Linux).

    One that comes just before Python's main thread begins to wait stays unnoticed.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (int(text, 16) for text in re.findall(r"SigCgt:\s*(\w+)", status))
    return {number for number in signal.valid_signals() if mask >> (number - 1) & 1}
