"""The flyctl deployer with the vendors' own programs: flyctl and Pulumi's command plugin."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.bundle import make_bundle
from components.machine_config import gateway_machine_config
from fly.api import FlyApi
from fly.canonical import canonical
from fly.flyctl_deploy import deploy
from fly.flyctl_deployment import Deployment
from fly.flyctl_run import PREFIX, Flyctl, find_flyctl
from fly.gates import GateStatus, GateVerdict
from fly.release import Release
from fly.replies import Machine
from fly.rollout import Rollout
from tests.sandbox.engine.pulumi_stack import Stack, make_stack
from tests.sandbox.engine.releases import APP, STUBBORN, declare, running
from tests.sandbox.engine.sandbox_program import ROOT, TOKEN, SandboxProgram, wait_until
from tests.sandbox.subnets import free_subnet
from tests.unit.components.own_environments import ENVIRONMENTS, own_settings
from tools.engine import engine_bin

STUB = "registry.fly.io/stub:1"
PLUGIN = "pulumi-resource-command"
PLUGIN_VERSION = "1.2.1"
DRIFT = 7

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    program = SandboxProgram(tmp_path_factory.mktemp("fly") / "sandbox", subnet=free_subnet())
    program.start()
    yield program
    program.stop()


@pytest.fixture
def stack(tmp_path: Path, sandbox: SandboxProgram) -> Stack:
    """A stack whose engine has the plugin, and whose PATH has flyctl."""
    flyctl, plugin = find_flyctl(os.environ.get("PATH")), shutil.which(PLUGIN)
    if flyctl is None or plugin is None:
        missing = [name for name, path in (("flyctl", flyctl), (PLUGIN, plugin)) if path is None]
        pytest.skip(f"not on PATH: {', '.join(missing)}; no registry has them")
    sandbox.wipe()
    made = make_stack(tmp_path, sandbox, engine_bin(os.environ, lambda _: None))
    install = ["plugin", "install", "resource", "command", PLUGIN_VERSION, "--file", plugin]
    pulumi = made.command()[0]
    subprocess.run([pulumi, *install], env=made.environment, check=True, capture_output=True)
    return made


def by_flyctl(stack: Stack, environment: dict[str, str] | None = None, **fly: Any) -> None:
    """Declare a release that flyctl deploys."""
    declare(stack, environment, **{"deployer": "flyctl", "strategy": "rolling", **fly})


def releases(sandbox: SandboxProgram) -> list[str]:
    """Return the ids of the Fly releases that the machines are of."""
    found = {m["config"]["metadata"].get("fly_release_id", "") for m in sandbox.machines(APP)}
    return sorted(found)


def versions(sandbox: SandboxProgram) -> set[str]:
    """Return which releases the machines are of that take traffic."""
    serving = running(sandbox)
    rows = [m for m in sandbox.machines(APP) if m["id"] in serving]
    assert len(rows) == 2
    return {row["config"]["env"].get("RELEASE", "") for row in rows}


def test_flyctl_deploys_what_is_proven_and_an_unproven_release_is_undone(
    stack: Stack, sandbox: SandboxProgram
) -> None:
    by_flyctl(stack, {"RELEASE": "1"})
    first = stack.up()
    assert "flyctl deployed 1 machines of 1" in first.stdout
    assert versions(sandbox) == {"1"}
    assert len(releases(sandbox)) == 1
    clean = stack.drift()
    assert clean.returncode == 0, clean.stdout
    machines = running(sandbox)
    assert re.search(r"\d+ unchanged", stack.up().stdout)
    assert running(sandbox) == machines

    by_flyctl(stack, {"RELEASE": "2"})
    stack.up()
    assert versions(sandbox) == {"2"}
    assert running(sandbox).keys() == machines.keys()

    by_flyctl(stack, {"RELEASE": "3"} | STUBBORN)
    unproven = stack.up(check=False)
    assert unproven.returncode != 0
    assert "2 machines serve release" in unproven.stdout
    assert versions(sandbox) == {"2"}

    state = json.dumps(stack.state())
    for text in (state, *stack.transcript):
        assert TOKEN not in text
        assert sandbox.secrets(APP)["XAI_API_KEY"] not in text
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def test_what_was_changed_by_hand_is_healed_and_the_deployer_changes_both_ways(
    stack: Stack, sandbox: SandboxProgram
) -> None:
    by_flyctl(stack, {"RELEASE": "1"}, strategy="bluegreen")
    stack.up()
    first = running(sandbox)
    by_flyctl(stack, {"RELEASE": "2"}, strategy="bluegreen")
    stack.up()
    assert versions(sandbox) == {"2"}
    assert not running(sandbox).keys() & first.keys()

    edit = {"set": {"config.env.LITELLM_MODE": "DEV"}}
    sandbox.control("POST", f"/machines/{min(running(sandbox))}/edit", edit)
    assert stack.drift().returncode == DRIFT
    assert "flyctl deployed 2 machines of 2" in stack.up().stdout
    assert stack.drift().returncode == 0

    machines = running(sandbox)
    declare(stack, {"RELEASE": "2"}, strategy="rolling")
    stack.up()
    assert running(sandbox) == machines
    declare(stack, {"RELEASE": "3"}, strategy="rolling")
    stack.up()
    assert versions(sandbox) == {"3"}
    by_flyctl(stack, {"RELEASE": "4"})
    stack.up()
    assert versions(sandbox) == {"4"}
    assert running(sandbox).keys() == machines.keys()
    stack.destroy()
    assert sandbox.control("GET", "/status")["apps"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_up_that_is_ended_while_flyctl_deploys_takes_it_along_and_the_next_goes_on(
    stack: Stack, sandbox: SandboxProgram, number: signal.Signals
) -> None:
    by_flyctl(stack, {"RELEASE": "1"})
    command = stack.command("up", "--yes", "--skip-preview")
    with subprocess.Popen(
        command, cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as engine:
        wait_until(lambda: sandbox.machines(APP), 60, "flyctl makes its first machine")
        engine.send_signal(number)
        engine.communicate(timeout=60)
    folders = Path(tempfile.gettempdir())
    wait_until(lambda: not list(folders.glob(f"{PREFIX}*")), 30, "flyctl's folder is gone")
    cancel = [stack.command()[0], "cancel", "--yes", "--stack", stack.name, "--non-interactive"]
    subprocess.run(cancel, cwd=ROOT, env=stack.environment, check=False, capture_output=True)
    for machine in sandbox.machines(APP):  # flyctl's lease of the first create lasts 300 s
        lease = {"machine": machine["id"], "seconds": 1}
        sandbox.control("POST", f"/apps/{APP}/lease", lease)
    stack.up()
    assert versions(sandbox) == {"1"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_both_deployers_leave_machines_of_one_canonical_configuration(
    sandbox: SandboxProgram, environment: str
) -> None:
    flyctl = find_flyctl(os.environ.get("PATH"))
    if flyctl is None:
        pytest.skip("no flyctl on PATH; no registry has it")
    sandbox.wipe()
    environ = {
        "FLY_API_TOKEN": TOKEN,
        "FLY_FLAPS_BASE_URL": sandbox.addresses["api_url"],
        "PATH": os.environ["PATH"],
    }
    left = {}
    wanted = deployment_of(environment, "by-nobody")
    with FlyApi.from_environment(environ) as api:
        for deployer in ("flyctl", "machines-api"):
            wanted = deployment_of(environment, f"{environment}-by-{deployer}")
            api.apps.create(wanted.release.app, org_slug="acme")
            api.secrets.update(wanted.release.app, {"LITELLM_MASTER_KEY": "sk-made-up"})
            if deployer == "flyctl":
                run = Flyctl(flyctl, progress=lambda _: None)
                outcome = deploy(api, wanted, run, environ, progress=lambda _: None)
                assert outcome.exit_code == 0
            else:
                Rollout(api, wanted.release, AnyProof()).run()
            left[deployer] = api.machines.list(wanted.release.app)
    for machines in left.values():
        for machine in machines:
            assert canonical(machine.config) == wanted.release.config
    assert len(left["flyctl"]) == 1
    assert len(left["machines-api"]) == sum(wanted.release.counts.values())


def deployment_of(environment: str, app: str) -> Deployment:
    """Return an environment's own release, on an image that starts here at once."""
    settings = own_settings(environment)
    bundle = make_bundle(settings)
    config = {**gateway_machine_config(settings, bundle), "image": STUB}
    release = Release(
        app, config, settings.fly.regions, 0, bundle.digest, settings.fly.primary_region
    )
    return Deployment(release, bundle.fly_toml)


class AnyProof:
    """Passes: what the machines are is looked at here, not what they do."""

    def inside(self, machine: Machine) -> GateVerdict:
        return GateVerdict(GateStatus.PASSED, machine.id)

    def outside(self) -> GateVerdict:
        return GateVerdict(GateStatus.PASSED, "")
