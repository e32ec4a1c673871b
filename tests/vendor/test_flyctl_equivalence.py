"""A real flyctl leaves in the sandbox the machines that our rendering of the fly.toml makes."""

import dataclasses
import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fly.canonical import canonical
from fly.machine_config import machine_requests
from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.subnets import free_subnet
from tests.unit.fly.test_machine_config import CASES, NAMES, case, inputs_of
from tests.vendor.flyctl_program import Flyctl, flyctl_on_path

pytestmark = pytest.mark.timeout(600)
IMAGES = re.compile(r"ghcr\.io/berriai/litellm@sha256:[0-9a-f]+")
IMAGE = "stub:1"  # an image that the sandbox has
COMMAND, SHORT = "'migrate'", "'sleep 0.5'"  # a release command that the image has
DEFAULT_REGION = "iad"
APPS = itertools.count(1)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    """A sandbox for all cases; each has an app of its own."""
    flyctl_on_path()
    program = SandboxProgram(tmp_path_factory.mktemp("sandbox") / "home", free_subnet())
    program.start()
    yield program
    program.stop()


@pytest.mark.parametrize("name", NAMES)
def test_both_leave_the_same_machines(name: str, sandbox: SandboxProgram, tmp_path: Path) -> None:
    app = f"case-{next(APPS)}"
    recorded = json.loads(IMAGES.sub(IMAGE, json.dumps(case(name))))
    for path, text in recorded["local_files"].items():
        (tmp_path / path).write_text(text)
    as_json = (CASES / f"{name}.fly.json").exists()
    kept = CASES / (f"{name}.fly.json" if as_json else f"{name}.toml")
    text = IMAGES.sub(IMAGE, kept.read_text()).replace(COMMAND, SHORT)
    (tmp_path / ("fly.json" if as_json else "fly.toml")).write_text(text)
    assert sandbox.fly("POST", "/apps", {"app_name": app, "org_slug": "acme"}).is_success
    words = [app if word == "ai-gateway-dev" else word for word in recorded["flyctl_args"]]

    Flyctl(flyctl_on_path(), str(sandbox.addresses["api_url"]), tmp_path).run(*words)

    rows = sandbox.fly("GET", f"/apps/{app}/machines?include_deleted=true").json()
    volumes = {row["name"]: row["id"] for row in sandbox.volumes(app)}
    inputs = dataclasses.replace(inputs_of(recorded), volumes=volumes)
    toml = json.loads(text) if as_json else tomllib.loads(text)
    requests = machine_requests(toml, inputs, ha="--ha=true" in words)
    wanted = [(request.region or DEFAULT_REGION, request.config) for request in requests]
    assert sortable((row["region"], row["config"]) for row in rows) == sortable(wanted)
    assert sandbox.fly("DELETE", f"/apps/{app}").is_success


def sortable(machines: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Write regions and canonical configurations so that their order does not count."""
    return sorted(
        json.dumps([region, canonical(config)], sort_keys=True) for region, config in machines
    )
