"""Settings that were recorded for this schema render what they rendered then."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from components.bundle import make_bundle
from stacks.settings import SCHEMA_VERSION, Settings

RECORDED = Path(__file__).with_name("cases") / "settings_of_schema_3.json"
ENVIRONMENTS: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_equal_settings_of_one_schema_give_equal_bundles(environment: str) -> None:
    recorded = ENVIRONMENTS[environment]
    bundle = make_bundle(Settings.model_validate(recorded["settings"]))
    assert SCHEMA_VERSION == 3
    assert {
        "digest": bundle.digest,
        "litellm_yaml": hashlib.sha256(bundle.litellm_yaml.encode()).hexdigest(),
        "fly_toml": hashlib.sha256(bundle.fly_toml.encode()).hexdigest(),
        "proof_plan": hashlib.sha256(bundle.proof_plan.encode()).hexdigest(),
        "secret_names": list(bundle.secret_names),
        "settings": recorded["settings"],
    } == recorded
