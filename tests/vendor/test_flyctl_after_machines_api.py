"""What a real flyctl says of an app that was rolled out over REST; docs/deploy.md tells it so."""

from collections.abc import Iterator

import pytest

from tests.sandbox.ops_project import Project
from tests.sandbox.subnets import free_subnet
from tests.vendor.flyctl_program import Flyctl, flyctl_on_path

pytestmark = pytest.mark.timeout(600)
APP = "stub-gateway"


@pytest.fixture(scope="module")
def flyctl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flyctl]:
    """A flyctl beside a gateway that `gateway deploy` has rolled out."""
    binary = flyctl_on_path()
    folder = tmp_path_factory.mktemp("rolled-out")
    project = Project.make(folder, subnet=free_subnet())
    project.up()
    project.answer("deploy", "local")
    yield Flyctl(binary, str(project.addresses["api_url"]), folder)
    project.run("sandbox", "down")


def test_status_and_checks_know_the_machines_and_no_release(flyctl: Flyctl) -> None:
    status = flyctl.run("status", "-a", APP, "--json").json
    assert (status["Deployed"], status["Version"]) == (True, 0)
    machines = [row["id"] for row in status["Machines"]]
    assert len(machines) == 2
    assert set(flyctl.run("checks", "list", "-a", APP, "--json").json) == set(machines)
    assert all(machine in flyctl.run("status", "-a", APP).stdout for machine in machines)


def test_releases_are_empty(flyctl: Flyctl) -> None:
    assert flyctl.run("releases", "-a", APP, "--json").json in ([], None)


def test_config_show_is_put_together_from_the_machines(flyctl: Flyctl) -> None:
    shown = flyctl.run("config", "show", "-a", APP).json
    assert shown["app"] == APP
    assert shown["services"][0]["internal_port"] == 4000
    assert "files" not in shown


def test_secrets_look_staged_for_ever(flyctl: Flyctl) -> None:
    listed = flyctl.run("secrets", "list", "-a", APP, "--json").json
    assert listed
    assert {row["status"] for row in listed} == {"Staged"}
