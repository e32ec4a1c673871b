"""What the flyctl deployer declares, and how its program begins and ends."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from components.bundle import make_bundle
from components.desired import event_loops
from components.flyctl import (
    COMMAND,
    FlyctlDeployment,
    deployment_fields,
    previous_deployment,
)
from components.flyctl_program import carry_out
from components.gateway import Gateway
from fly.flyctl_deployment import Deployment
from stacks.values import Deployer
from tests.unit.components.own_environments import own_settings

TOKEN = "fo1_" + "token-marker"


class Recorder(Mocks):
    """Keeps what was declared."""

    def __init__(self) -> None:
        self.declared: list[MockResourceArgs] = []

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(args.token)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.declared.append(args)
        told = {"value": "made-up", "version": 3, "address": "", "volume_id": "", "machine_id": ""}
        return f"{args.name}-id", {**told, **args.inputs}


def declared(program: Callable[[], None]) -> Mapping[str, MockResourceArgs]:
    """Run a program beside the engine and return what it declares, by name."""
    recorder = Recorder()
    run: Callable[[], None] = cast("Any", pulumi.runtime.test)(program)
    with event_loops():
        pulumi.runtime.set_mocks(recorder, "gateway", "dev", preview=False)
        run()
    return {each.name: each for each in recorder.declared}


def fields() -> Mapping[str, pulumi.Input[Any]]:
    settings = own_settings("dev")
    bundle = make_bundle(settings)
    return deployment_fields(settings, bundle, app="acme", secrets_version=3, migration={})


def test_flyctl_runs_by_a_fixed_command_that_deletes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLY_API_TOKEN", TOKEN)

    def program() -> None:
        FlyctlDeployment("flyctl", deployment=fields(), triggers=["digest", 3], depends_on=[])

    inputs = declared(program)["flyctl-command"].inputs
    assert inputs.keys() == {"create", "stdin", "triggers", "logging", "addPreviousOutputInEnv"}
    assert inputs["create"] == COMMAND
    assert COMMAND == (
        'exec "${PULUMI_RUNTIME_VIRTUALENV:-.venv}/bin/python" -m components.flyctl_program'
    )
    assert (inputs["logging"], inputs["addPreviousOutputInEnv"]) == ("stderr", False)
    assert inputs["triggers"] == ["digest", 3]
    assert TOKEN not in json.dumps(inputs)
    sent, bundle = Deployment.parse(inputs["stdin"], holder="x"), make_bundle(own_settings("dev"))
    assert (sent.release.digest, sent.release.secrets_version) == (bundle.digest, 3)
    assert sent.toml == bundle.fly_toml


@pytest.mark.parametrize("deployer", list(Deployer))
def test_only_an_environment_that_flyctl_deploys_needs_its_plugin(deployer: Deployer) -> None:
    settings = own_settings("dev")
    fly = settings.fly.model_copy(update={"deployer": deployer})
    settings = settings.model_copy(update={"fly": fly})

    def program() -> None:
        Gateway("gateway", settings, lambda _name: pulumi.Output.secret("made-up"))

    found = declared(program)
    by_flyctl = deployer is Deployer.FLYCTL
    assert ("gateway-flyctl-command" in found) is by_flyctl
    assert ("flyctl" in found["gateway-release"].inputs) is by_flyctl


def test_a_release_goes_back_to_what_was_proven_with_the_secrets_of_today() -> None:
    wanted = Deployment.parse(json.dumps(dict(fields())), holder="x").release
    assert previous_deployment(wanted, {}) is None
    known = {"bundle": "b" * 64, "counts": {"lhr": 1}, "strategy": "rolling", "toml": "app = 1"}
    before = {"applied": {"image": "old"}, "applied_release": known, "bundle": "drifted"}
    went = previous_deployment(wanted, before)
    assert went is not None
    assert (went.toml, went.image, went.migration) == ("app = 1", "old", None)
    release = went.release
    assert (release.digest, release.counts, release.strategy) == ("b" * 64, {"lhr": 1}, "rolling")
    assert (release.app, release.secrets_version) == ("acme", 3)
    # A state that our own deployer wrote before there was another has no toml to go back with.
    old = previous_deployment(wanted, {"applied": {"image": "old"}, "bundle": "c" * 64})
    assert old is not None
    assert (old.toml, old.release.digest, old.release.counts) == ("", "c" * 64, wanted.counts)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "error[flyctl.missing] environment: PATH"),
        ({"FLY_API_BASE_URL": "http://fly.example"}, "error[fly.address] environment: FLY_API_BAS"),
    ],
)
def test_what_keeps_the_program_from_beginning_is_told_on_standard_error(
    environ: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = io.StringIO()
    sent = io.StringIO(json.dumps(dict(fields())))
    code = carry_out(sent, stdout, {"FLY_API_TOKEN": TOKEN, **environ}, guard=lambda: None)
    said = capsys.readouterr().err
    assert (code, stdout.getvalue()) == (1, "")
    assert says in said
    assert TOKEN not in said
