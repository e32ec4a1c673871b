"""The real LiteLLM on the shared definition's chains, with providers that can be told to fail."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway import proof
from gateway.client import GatewayClient
from gateway.deviation import Deviation
from gateway.proof.fault_endpoint import FaultEndpoint
from gateway.proof_archive import proof_archive
from gateway.proof_plan import proof_plan
from gateway.render import PATH_IN_MACHINE, render_litellm_config
from gateway.running_drift import asked_by_name, deviations
from gateway.running_view import read_view
from gateway.server import server_arguments, server_environment
from sandbox.images.catalogue import Catalogue, default_cache
from sandbox.images.install import install
from sandbox.interfaces import Image, Launch
from sandbox.posthog.app import PREFIX as POSTHOG
from sandbox.posthog.app import posthog_routes
from sandbox.posthog.store import EventStore
from sandbox.providers.app import build_providers
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts, parse_script
from sandbox.providers.service_account import ensure_service_account
from stacks.gateway import DEFINITION
from stacks.merge import merged
from stacks.settings import Settings
from tests.sandbox.image_machines import free_port, launch, running, wait_until
from tests.sandbox.provider_server import served_providers

KEY = "sk-master-of-the-proof-test"
BOOT_S = 180
FLUSH_S = "DEFAULT_FLUSH_INTERVAL_SECONDS"
PROVIDER_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "XAI_API_KEY")
BASES = {"openai": "/openai/v1", "xai": "/xai/v1", "anthropic": "/anthropic", "vertex_ai": ""}
VERTEX = {"vertex_project": "sandbox-project", "vertex_location": "global"}
HEALED_S = 60
COOLDOWN_S = 3  # short, so that a target broken by one test is back for the next

Change = Callable[[dict[str, Any]], None]


@dataclass
class Gateway:
    """A proxy that runs, with the settings it was rendered from."""

    settings: Settings
    scripts: FaultScripts
    image: Image
    at: Launch
    archive: Path

    @property
    def url(self) -> str:
        return f"http://{self.at.address}:{self.settings.server.port}"

    @property
    def metrics_url(self) -> str:
        assert self.settings.metrics is not None
        return f"http://{self.at.address}:{self.settings.metrics.port}/metrics/"

    def plan(self, **changes: Any) -> dict[str, Any]:
        """Return the plan of these settings; `changes` are of the settings' `proof`."""
        tree = self.settings.model_dump(mode="json", exclude_unset=True)
        return proof_plan(Settings.model_validate(merged(tree, {"proof": changes})))

    def prove(
        self,
        *,
        inside: bool = False,
        breaker: bool = False,
        plan: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> dict[str, Any]:
        """Prove from this process; `inside` with the proof's own faults."""
        faults = FaultEndpoint(self.settings.proof.fault_port) if inside else None
        with proof.gateway_client(self.url) as client:
            return proof.run(
                plan or self.plan(**changes),
                client=client,
                key=KEY,
                clock=proof.steady_clock(),
                nonce=proof.new_nonce,
                progress=lambda _: None,
                surroundings=proof.Surroundings(self.metrics_url, faults, breaker, time.sleep),
            )

    def until_healthy(self) -> dict[str, Any]:
        """Prove until the breakers that a broken target left open have closed."""
        found: list[dict[str, Any]] = []

        def passed() -> bool:
            found.append(self.prove(samples=1))
            return bool(found[-1]["verdict"] == "passed")

        wait_until(passed, HEALED_S, "a proof that passes")
        return found[-1]

    def break_(self, provider: str, model: str, **step: Any) -> None:
        self.scripts.put(provider, model, parse_script({"script": [step]}))


def settings_for(providers: str, address: str, **more: Any) -> Settings:
    """Return the shared definition, aimed at the providers of this machine, without stores."""
    changes: dict[str, Any] = {
        "environment": "local",
        "store": "file",
        "redis": None,
        "postgres": None,
        "fly": {"organization": "acme", "app": "acme-gateway", "regions": {"iad": 1}},
        "server": {"workers": 1, "port": free_port(address)},
        "metrics": {"port": free_port(address)},
        "providers": {
            name: {"api_base": (providers + base).rstrip("/")} for name, base in BASES.items()
        },
        # The proof must not be answered by a cache, so there is one.
        "litellm_settings": {"cache": True, "cache_params": {"type": "local"}},
        "router_settings": {
            "redis_host": None,
            "redis_port": None,
            "redis_password": None,
            "cooldown_time": COOLDOWN_S,
        },
        "proof": {"fault_port": free_port("127.0.0.1")},
    }
    changes["providers"]["vertex_ai"] |= VERTEX
    tree = merged(DEFINITION.model_dump(mode="json"), merged(changes, more))
    return Settings.model_validate(tree)


@contextmanager
def booted(
    folder: Path,
    address: str,
    change: Change | None = None,
    events: EventStore | None = None,
    *,
    without: Collection[str] = (),
    **more: Any,
) -> Iterator[Gateway]:
    """Run a proxy on the rendered configuration, with `change` made to it behind our back.

    With `events` it tells PostHog's stand-in, beside the providers, of every call;
    `without` are secrets that it does not get.
    """
    cache = default_cache()
    scripts, connections = FaultScripts(), Connections()
    routes = [] if events is None else posthog_routes(events)
    app = build_providers(scripts, connections, extra_routes=routes)
    with served_providers(scripts, connections, app) as providers:
        if events is not None:
            host = providers + POSTHOG
            more["posthog"] = {"api_url": host, "query": {"host": host, "project_id": 1}}
        settings = settings_for(providers, address, **more)
        install(settings.image.version, print, cache=cache)  # shown when the install ends badly
        config = yaml.safe_load(render_litellm_config(settings))
        if change is not None:
            change(config)
        file = folder / "litellm_config.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        archive = folder / "gateway_proof.pyz"
        archive.write_bytes(proof_archive())
        account = ensure_service_account(folder / "sa.json", token_uri=f"{providers}/token")
        words = {PATH_IN_MACHINE: str(file), "0.0.0.0": address}  # noqa: S104 - what is replaced
        at = launch(
            folder / "rootfs",
            *(words.get(word, word) for word in server_arguments(settings)),
            address=address,
            environment={
                **server_environment(settings),
                "LITELLM_MASTER_KEY": KEY,
                "VERTEX_CREDENTIALS_JSON": account.read_text(),
                **({"POSTHOG_API_KEY": "phc_any", FLUSH_S: "1"} if events else {}),
                **{name: "sk-any" for name in PROVIDER_KEYS if name not in without},
            },
        )
        image = Catalogue(cache).resolve(settings.image.reference)
        gateway = Gateway(settings, scripts, image, at, archive)
        with running(image, at, settings.server.port, BOOT_S):
            wait_until(lambda: is_ready(gateway), BOOT_S, "readiness")
            yield gateway


def is_ready(gateway: Gateway) -> bool:
    try:
        return httpx.get(f"{gateway.url}/health/readiness", timeout=10).is_success
    except httpx.TransportError:
        return False


def deviations_of(gateway: Gateway, rendered: Any) -> tuple[Deviation, ...]:
    """Return where the proxy says that it is not what this configuration declares."""
    with httpx.Client(base_url=gateway.url, timeout=30) as http:
        view = read_view(GatewayClient(http, KEY), asked_by_name(rendered))
    return deviations(view, rendered, version=gateway.settings.image.version)


def verdicts(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Return the verdict of each edge by its probe."""
    return {row["probe"]: row["verdict"] for row in evidence["edges"]}


def cases(evidence: Mapping[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return the cases by probe, form and fault."""
    return {
        (edge["probe"], case["form"], case["fault"]): case
        for edge in evidence["edges"]
        for case in edge["cases"]
    }
