import sys

import pulumi
import pytest

from components.image_signature import image_signature, script
from gateway.image.signature import verification
from stacks.settings import Image
from tests.unit.components.test_bundle import some_settings

DIGEST = f"sha256:{'1' * 64}"


def test_what_the_shell_runs_is_one_fixed_command_without_any_token() -> None:
    text = script(verification(Image(digest=DIGEST), "live", place=str))
    *checks, last = text.splitlines()
    reference = f"ghcr.io/berriai/litellm@{DIGEST}"
    assert last == f"exec cosign verify --key env://GATEWAY_IMAGE_KEY {reference}"
    assert any(line.startswith("unset FLY_API_TOKEN") for line in checks)
    assert "error[image.no_cosign]" in text


def test_only_what_requires_a_signature_needs_the_command_plugin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_command", None)
    options = pulumi.ResourceOptions()
    for policy in ("when_possible", "off"):
        settings = some_settings(image={"signature": policy, "digest": DIGEST})
        assert image_signature("x", settings, options) is None
    required = some_settings(image={"signature": "required", "digest": DIGEST})
    with pytest.raises(ImportError, match="pulumi_command"):
        image_signature("x", required, options)
