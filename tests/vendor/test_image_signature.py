"""A real cosign, and Pulumi's real command plugin, against images that the sandbox signs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.engine.pulumi_stack import Stack, make_stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.subnets import free_subnet
from tools.engine import engine_bin

pytestmark = pytest.mark.timeout(300)
TAG = {"repository": "stub", "tag": "v1.106.2"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    for program in ("cosign", "pulumi-resource-command"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on PATH")
    served = SandboxProgram(tmp_path_factory.mktemp("signed") / "sandbox", subnet=free_subnet())
    served.start()
    yield served
    served.stop()


@pytest.fixture
def stack(sandbox: SandboxProgram, tmp_path: Path) -> Stack:
    return make_stack(tmp_path, sandbox, engine_bin(os.environ, lambda _: None))


def signed_by_the_sandbox(sandbox: SandboxProgram, digest: str) -> dict[str, Any]:
    """Return settings of an image in the sandbox's registry whose signature is required."""
    host = sandbox.addresses["api_url"].removeprefix("http://")
    return {
        "repository": f"{host}/stub",
        "digest": digest,
        "signature": "required",
        "key": (sandbox.home / "image-signing.pub").read_text(),
        "transparency_log": False,
    }


def push(sandbox: SandboxProgram) -> str:
    digest: str = sandbox.control("POST", "/registry/tags", TAG)["digest"]
    return digest


def test_a_release_waits_for_its_images_signature_and_none_is_made_without(
    sandbox: SandboxProgram, stack: Stack
) -> None:
    first = push(sandbox)
    stack.configure(stub_config(sandbox, image=signed_by_the_sandbox(sandbox, first)))
    stack.up()
    assert stack.outputs()["release"]["verdict"] == "passed"
    (made,) = (row for row in stack.state()["resources"] if "command:local" in row["type"])
    assert first in made["inputs"]["create"]
    served = sandbox.machines("stub-gateway")
    unchanged = stack.run("preview", "--expect-no-changes", check=False)
    assert unchanged.returncode == 0, unchanged.stdout

    image: dict[str, Any] = {}
    for kind, says in (("none", "no signatures found"), ("other_key", "no matching signatures")):
        sandbox.control("PUT", "/registry/faults", {"signature": kind})
        image = signed_by_the_sandbox(sandbox, push(sandbox))
        stack.configure(stub_config(sandbox, image=image))
        refused = stack.up(check=False)
        assert refused.returncode != 0
        assert says in refused.stdout
        now = sandbox.machines("stub-gateway")
        assert [machine["id"] for machine in now] == [machine["id"] for machine in served]

    sandbox.control("PUT", "/registry/faults", {})
    stack.up()
    assert image["digest"] in str(stack.outputs()["release"]["image"])
    stack.destroy()


def test_a_computer_without_cosign_says_how_it_is_got(
    sandbox: SandboxProgram, stack: Stack
) -> None:
    folder = stack.home / "bin"
    folder.mkdir()
    plugin = shutil.which("pulumi-resource-command")
    assert plugin is not None
    (folder / "pulumi-resource-command").symlink_to(plugin)
    paths = stack.environment["PATH"].split(os.pathsep)
    without = [path for path in paths if not (Path(path) / "cosign").exists()]
    stack.environment["PATH"] = os.pathsep.join([*without, str(folder)])
    stack.configure(stub_config(sandbox, image=signed_by_the_sandbox(sandbox, push(sandbox))))
    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "error[image.no_cosign]" in refused.stdout
    assert "docs.sigstore.dev" in refused.stdout
    assert sandbox.machines("stub-gateway") == []
