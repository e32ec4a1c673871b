"""A second LiteLLM on this machine, of an installed version, for as long as it is compared with."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from stacks.problem import Problem, ProblemError

BOOT_S = 180.0  # 10 s of imports on a quiet core, several times that on a busy one
STOP_S = 20.0
LOOK_S = 0.1
OK = 200
SHOWN_LINES = 15
_REFERENCE = re.compile(r"os\.environ/(\w+)")


@contextmanager
def second_gateway(
    config: Mapping[str, Any], *, version: str, key: str, secrets: Mapping[str, str]
) -> Iterator[str]:
    """Run a LiteLLM of this version on a free loopback port; the value is its URL.

    `secrets` are the values of environment references in the configuration; those that are not
    there get a placeholder, which the sandbox's providers take like any other. LiteLLM's database
    is none, its log is removed with it.
    """
    programs = _cache() / "litellm" / version / "bin"
    if not (programs / "litellm").is_file():
        raise ProblemError([_not_installed(version)])
    with tempfile.TemporaryDirectory(prefix="gateway-drill-") as made:
        folder, port = Path(made), _free_port()
        text = yaml.safe_dump(dict(config), sort_keys=False)
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        environ = {
            "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": made,
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the other one is fetched from the network
            **dict.fromkeys(_REFERENCE.findall(text), "sk-drill"),
            **secrets,
            "LITELLM_MASTER_KEY": key,
        }
        words = [str(programs / "python"), str(programs / "litellm"), "--config", "config.yaml"]
        words += ["--host", "127.0.0.1", "--port", str(port)]
        url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("wb") as log, _running(words, environ, folder, log) as process:
            _await(url, process, folder / "log")
            yield url


@contextmanager
def _running(
    words: list[str], environ: Mapping[str, str], folder: Path, log: Any
) -> Iterator[subprocess.Popen[bytes]]:
    # A group of its own: Ctrl-C reaches us first, and we end it.
    process = subprocess.Popen(
        words,
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + BOOT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/liveliness", timeout=5, trust_env=False).status_code == OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(LOOK_S)
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
    raise ProblemError([_not_serving(url, "\n".join(said))])


def _cache() -> Path:
    """Return where the sandbox keeps LiteLLM's environments."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "litellm-fly-gateway"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _not_installed(version: str) -> Problem:
    return Problem(
        f"LiteLLM {version}",
        "drill.version",
        "",
        "the sandbox has not installed this version",
        "gateway sandbox up",
    )


def _not_serving(url: str, said: str) -> Problem:
    return Problem(
        f"second LiteLLM at {url}",
        "drill.second",
        "",
        f"it did not serve within {BOOT_S:.0f} s; it said last:\n{said}",
        "run the command again when the machine is quieter",
    )
