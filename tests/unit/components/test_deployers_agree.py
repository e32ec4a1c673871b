"""Both deployers leave machines of one canonical configuration, whatever a fly.toml says."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from components.bundle import make_bundle
from components.machine_config import gateway_machine_config
from fly.canonical import canonical
from fly.flyctl_deployment import Deployment
from fly.machine_config import DeployInputs, machine_config
from fly.release import GROUP, Phase, Release
from fly.sendable import sendable
from tests.unit.components.own_environments import ENVIRONMENTS, own_settings

CASES = Path(__file__).parents[1] / "fly" / "machine_config_cases"
RECORDED = sorted(path for path in CASES.glob("*.json") if not path.name.endswith(".fly.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_we_send_for_a_recorded_machine_means_what_flyctl_sent(path: Path) -> None:
    recorded: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["create_machine_requests"]
    assert recorded
    for by_flyctl in recorded:
        wanted = canonical(by_flyctl["config"])
        assert canonical(sendable(wanted)) == wanted


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_our_own_environments_become_the_same_machines_by_either(
    tmp_path: Path, environment: str
) -> None:
    settings = own_settings(environment)
    bundle = make_bundle(settings)
    fly = settings.fly
    config = gateway_machine_config(settings, bundle)
    release = Release(fly.app, config, fly.regions, 3, bundle.digest, fly.primary_region)
    deployment = Deployment(release, bundle.fly_toml)

    deployment.write(tmp_path)
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    toml = tomllib.loads(files.pop("fly.toml").decode())
    assert files == bundle.files
    by_flyctl = machine_config(toml, GROUP, DeployInputs(deployment.image, files))
    by_us = release.stamped(Phase.NEW)
    assert canonical(by_flyctl) == canonical(by_us) == config
    assert by_us["env"].items() >= by_flyctl["env"].items()
