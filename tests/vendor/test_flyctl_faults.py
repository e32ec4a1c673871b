"""The faults that a real flyctl reports wrongly or leaves something of, ordered from the sandbox.

Measured with a flyctl built from v0.4.80; another may end differently. The exit code is what a
deployer must not believe; the machines, addresses, leases and releases are what it has to look at.
"""

import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.engine.sandbox_program import SandboxProgram, wait_until
from tests.sandbox.subnets import free_subnet
from tests.vendor.flyctl_program import QUIET, Flyctl, flyctl_on_path
from tests.vendor.test_flyctl_deploy import TOML

pytestmark = pytest.mark.timeout(600)
NUMBERS = itertools.count(1)
UNWATCHED = "--smoke-checks=false"  # the ten seconds for which a new machine is watched


@dataclass(frozen=True)
class App:
    """An app of its own for each test, and a flyctl to deploy it with."""

    name: str
    sandbox: SandboxProgram
    flyctl: Flyctl

    def deploy(self, tag: str, *more: str, code: int) -> str:
        """Deploy, and return what was said on stderr and stdout."""
        ran = self.flyctl.deploy(self.name, f"stub:{tag}", UNWATCHED, *more, code=code)
        return ran.stdout + ran.stderr

    def fault(self, method: str, path: str, kind: str, status: int, times: int | None) -> None:
        """Order a fault for calls that concern this app, or any release."""
        match = {"method": method, "path_regex": path, "times": times}
        self.sandbox.fault(match, kind=kind, status=status)

    @property
    def machines(self) -> list[dict[str, Any]]:
        return self.sandbox.machines(self.name)

    @property
    def tags(self) -> list[str]:
        """The tags that machines run, one for each machine."""
        return sorted(row["image_ref"]["tag"] for row in self.machines)

    def release(self) -> str:
        """The status of the newest release."""
        headers = {"authorization": "Bearer sandbox-tests"}
        url = f"{self.sandbox.addresses['api_url']}/api/v1/apps/{self.name}/releases"
        return str(httpx.get(url, headers=headers).json()["releases"][0]["status"])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    flyctl_on_path()
    program = SandboxProgram(tmp_path_factory.mktemp("sandbox") / "home", free_subnet())
    program.start()
    yield program
    program.stop()


@pytest.fixture
def app(sandbox: SandboxProgram, tmp_path: Path) -> Iterator[App]:
    name = f"faulty-{next(NUMBERS)}"
    assert sandbox.fly("POST", "/apps", {"app_name": name, "org_slug": "acme"}).is_success
    (tmp_path / "fly.toml").write_text(TOML)
    (tmp_path / "config.yaml").write_text("model_list: []\n")
    yield App(name, sandbox, Flyctl(flyctl_on_path(), str(sandbox.addresses["api_url"]), tmp_path))
    sandbox.control("DELETE", "/faults")
    sandbox.fly("DELETE", f"/apps/{name}")


def test_a_503_that_took_effect_makes_two_machines_of_one(app: App) -> None:
    app.fault("POST", f"/{app.name}/machines$", "late_status", 503, 1)
    app.deploy("1", code=0)
    assert app.tags == ["1", "1"]
    assert app.release() == "complete"


@pytest.mark.parametrize("status", [500, 422])
def test_addresses_that_are_refused_leave_an_app_that_nobody_reaches(app: App, status: int) -> None:
    app.fault("POST", f"/{app.name}/ip_assignments$", "status", status, None)
    app.deploy("1", code=0)
    assert app.sandbox.status_of(app.name)["ips"] == []


def test_a_release_that_cannot_be_begun_touches_no_machine(app: App) -> None:
    app.fault("PATCH", "^/api/v1/releases/", "status", 500, None)
    app.deploy("1", code=1)
    assert (app.tags, app.release()) == ([], "pending")


def test_a_rate_limit_while_health_is_awaited_leaves_the_new_image(app: App) -> None:
    app.deploy("1", code=0)
    app.fault("GET", f"/{app.name}/machines/[0-9a-f]+$", "status", 429, None)
    app.deploy("2", code=1)
    assert (app.tags, app.release()) == (["2"], "failed")


def test_an_uncordon_that_fails_destroys_the_new_machines(app: App) -> None:
    app.deploy("1", code=0)
    app.fault("POST", f"/{app.name}/machines/[0-9a-f]+/uncordon$", "status", 500, None)
    app.deploy("2", "--strategy", "bluegreen", code=1)
    assert (app.tags, app.release()) == (["1"], "failed")


def test_metadata_that_cannot_be_written_leaves_old_and_new_serving(app: App) -> None:
    app.deploy("1", code=0)
    app.fault("POST", f"/{app.name}/machines/[0-9a-f]+/metadata/", "status", 500, None)
    app.deploy("2", "--strategy", "bluegreen", code=1)
    assert (app.tags, app.release()) == (["1", "2"], "failed")
    assert not any(row["cordoned"] for row in app.machines)


def test_a_machine_on_an_unreachable_host_is_replaced_by_another(app: App) -> None:
    app.deploy("1", code=0)
    (before,) = app.machines
    app.sandbox.control("POST", f"/machines/{before['id']}/host", {"status": "unreachable"})
    app.deploy("2", "--strategy", "immediate", code=0)
    assert (app.tags, app.release()) == (["2"], "complete")
    assert app.machines[0]["id"] != before["id"]


def test_a_first_create_that_is_cut_off_leaves_a_machine_under_a_lease(app: App) -> None:
    flyctl = app.flyctl
    config = flyctl.folder / ".flyctl"
    config.mkdir(mode=0o700)
    words = ["deploy", "-a", app.name, "-c", "fly.toml", "--image", "stub:1", *QUIET]
    running = subprocess.Popen(
        [flyctl.binary, *words],
        cwd=flyctl.folder,
        env=flyctl.environ(config),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: app.machines, 30, "the first machine")
    finally:
        running.kill()
        running.wait(10)
    (machine,) = app.machines
    assert machine["state"] in {"created", "starting", "started"}
    lease = app.sandbox.fly("GET", f"/apps/{app.name}/machines/{machine['id']}/lease")
    assert lease.is_success
    assert app.release() == "running"
