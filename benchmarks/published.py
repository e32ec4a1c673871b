"""A second LiteLLM beside the gateway's, with the settings that the investigation published."""

import os
from pathlib import Path

import httpx
import yaml

from benchmarks.harness import LocalGateway, free_ports
from benchmarks.processes import BenchmarkError, tell, wait_for
from components.bundle import make_bundle
from components.validate import load_checked_file
from gateway.drill.published import published_config

OK = 200
BOOT_S = 180.0


def start_published(gateway: LocalGateway, key: str) -> str:
    """Boot the second LiteLLM with the gateway's version, models and providers; return its URL."""
    settings = load_checked_file(gateway.project, "local").settings
    config = published_config(yaml.safe_load(make_bundle(settings).litellm_yaml))
    folder = gateway.home / "published"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (port,) = free_ports(1)
    command = [*litellm_command(settings.image.version), "--config", "config.yaml"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environ = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LITELLM_MASTER_KEY": key,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the other one is fetched from the network
        "VERTEX_CREDENTIALS_JSON": gateway.environ["VERTEX_CREDENTIALS_JSON"],
        **dict.fromkeys(("OPENAI_API_KEY", "XAI_API_KEY", "ANTHROPIC_API_KEY"), "sk-bench"),
    }
    tell("rescue: booting a second LiteLLM with the published settings")
    gateway.processes.start(command, environ=environ, folder=folder, output=folder / "log")
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: alive(url), BOOT_S, "the second LiteLLM serves")
    return url


def litellm_command(version: str) -> list[str]:
    """Return what starts a LiteLLM that the sandbox installed; `BenchmarkError` if it has not."""
    programs = _cache() / "litellm" / version / "bin"
    if not (programs / "litellm").is_file():
        raise BenchmarkError(f"LiteLLM {version} is not installed: `gateway sandbox up` does it")
    return [str(programs / "python"), str(programs / "litellm")]


def alive(url: str) -> bool | None:
    """Answer True once the LiteLLM behind the address is up, until then None."""
    try:
        return httpx.get(f"{url}/health/liveliness", timeout=5).status_code == OK or None
    except httpx.HTTPError:
        return None


def _cache() -> Path:
    """Return where the sandbox keeps LiteLLM's environments; it installed this one."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "litellm-fly-gateway"
