"""A real flyctl deploys to the sandbox in every strategy, and reads back what it did."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.engine.sandbox_program import SandboxProgram, wait_until
from tests.sandbox.subnets import free_subnet
from tests.vendor.flyctl_program import Flyctl, flyctl_on_path

pytestmark = pytest.mark.timeout(600)
APP = "gw"
TOML = """
app = "gw"
primary_region = "iad"

[deploy]
  strategy = "rolling"

[processes]
  app = "--port 4000 --config /app/config.yaml"

[[files]]
  guest_path = "/app/config.yaml"
  local_path = "config.yaml"

[http_service]
  internal_port = 4000
  processes = ["app"]
  auto_stop_machines = "off"

  [[http_service.checks]]
    interval = "1s"
    timeout = "1s"
    grace_period = "5s"
    method = "GET"
    path = "/health/liveliness"
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    """A sandbox with an app that was never deployed."""
    flyctl_on_path()
    program = SandboxProgram(tmp_path_factory.mktemp("sandbox") / "home", free_subnet())
    program.start()
    assert program.fly("POST", "/apps", {"app_name": APP, "org_slug": "acme"}).is_success
    yield program
    program.stop()


@pytest.fixture(scope="module")
def flyctl(sandbox: SandboxProgram, tmp_path_factory: pytest.TempPathFactory) -> Flyctl:
    """A flyctl that has deployed for the first time, and then made two machines of the one."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "fly.toml").write_text(TOML)
    (folder / "config.yaml").write_text("model_list: []\n")
    made = Flyctl(flyctl_on_path(), str(sandbox.addresses["api_url"]), folder)
    made.deploy(APP, "stub:1")
    assert [ip["type"] for ip in sandbox.status_of(APP)["ips"]] == ["v6", "shared_v4"]
    assert releases(sandbox)[0]["status"] == "complete"
    made.run("scale", "count", "2", "-a", APP, "--yes")
    wait_until(lambda: healthy(sandbox, "1"), 30, "both machines serve")
    return made


def uiex(sandbox: SandboxProgram, path: str) -> Any:
    """Read from Fly's third API."""
    headers = {"authorization": "Bearer sandbox-tests"}
    answer = httpx.get(f"{sandbox.addresses['api_url']}/api/v1{path}", headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


def releases(sandbox: SandboxProgram) -> list[dict[str, Any]]:
    """Return the app's releases, newest first."""
    rows: list[dict[str, Any]] = uiex(sandbox, f"/apps/{APP}/releases")["releases"]
    return rows


def healthy(sandbox: SandboxProgram, tag: str) -> bool:
    """Tell whether two machines run the tag, pass their checks and may have traffic."""
    rows = sandbox.machines(APP)
    return len(rows) == 2 and all(
        (row["state"], row["image_ref"]["tag"], row["cordoned"]) == ("started", tag, False)
        and [check["status"] for check in row["checks"]] == ["passing"]
        for row in rows
    )


def ids(sandbox: SandboxProgram) -> set[str]:
    return {row["id"] for row in sandbox.machines(APP)}


@pytest.mark.parametrize("strategy", ["immediate", "rolling", "canary", "bluegreen"])
def test_an_update_replaces_the_image_everywhere(
    sandbox: SandboxProgram, flyctl: Flyctl, strategy: str
) -> None:
    before = ids(sandbox)
    tag = f"2-{strategy}"
    flyctl.deploy(APP, f"stub:{tag}", "--strategy", strategy)
    if strategy == "immediate":  # which waits for nothing
        wait_until(lambda: healthy(sandbox, tag), 30, "both machines serve")
    assert healthy(sandbox, tag)
    assert (ids(sandbox) & before) == (set() if strategy == "bluegreen" else before)
    for machine in ids(sandbox):
        lease = sandbox.fly("GET", f"/apps/{APP}/machines/{machine}/lease")
        assert lease.status_code == httpx.codes.NOT_FOUND
    newest = releases(sandbox)[0]
    assert (newest["status"], newest["image_ref"]) == ("complete", f"stub:{tag}")
    assert newest["strategy"] == strategy.upper()
    for row in sandbox.machines(APP):
        assert row["config"]["metadata"]["fly_release_version"] == str(newest["version"])


def test_a_deployment_that_cannot_get_healthy_fails_and_says_so(
    sandbox: SandboxProgram, flyctl: Flyctl
) -> None:
    """Bluegreen undoes itself: the machines of before serve on, the release is a failed one."""
    before = ids(sandbox)
    never = TOML.replace("/health/liveliness", "/none")
    (flyctl.folder / "fly.toml").write_text(never)
    try:
        flyctl.deploy(APP, "stub:3", "--strategy", "bluegreen", "--wait-timeout", "5s", code=1)
    finally:
        (flyctl.folder / "fly.toml").write_text(TOML)
    assert ids(sandbox) == before
    assert releases(sandbox)[0]["status"] == "failed"


def test_a_release_command_runs_first_and_may_stop_the_deployment(
    sandbox: SandboxProgram, flyctl: Flyctl
) -> None:
    path = flyctl.folder / "fly.toml"
    command = '[deploy]\n  release_command = "sh -c \\"sleep 0.5; exit {}\\""'
    before = sandbox.machines(APP)[0]["instance_id"]
    try:
        path.write_text(TOML.replace("[deploy]", command.format(3)))
        flyctl.deploy(APP, "stub:4", "--strategy", "immediate", code=1)
        assert sandbox.machines(APP)[0]["instance_id"] == before
        assert releases(sandbox)[0]["status"] == "failed"
        path.write_text(TOML.replace("[deploy]", command.format(0)))
        flyctl.deploy(APP, "stub:4", "--strategy", "immediate")
    finally:
        path.write_text(TOML)
    wait_until(lambda: healthy(sandbox, "4"), 30, "both machines serve")


def test_what_was_deployed_is_read_back(sandbox: SandboxProgram, flyctl: Flyctl) -> None:
    newest = releases(sandbox)[0]
    assert sandbox.fly("POST", f"/apps/{APP}/secrets", {"values": {"A": "1"}}).is_success
    status = flyctl.run("status", "-a", APP, "--json").json
    assert (status["Name"], status["Status"], status["Version"]) == (
        APP,
        "deployed",
        newest["version"],
    )
    listed = flyctl.run("machine", "list", "-a", APP, "--json").json
    assert {row["id"] for row in status["Machines"]} == {row["id"] for row in listed}
    assert {row["id"] for row in listed} == ids(sandbox)
    told = flyctl.run("releases", "-a", APP, "--json").json
    assert [(row["Version"], row["ImageRef"]) for row in told] == [
        (row["version"], row["image_ref"]) for row in releases(sandbox)
    ]
    (secret,) = flyctl.run("secrets", "list", "-a", APP, "--json").json
    assert (secret["name"], secret["status"]) == ("A", "Staged")
    shown = flyctl.run("config", "show", "-a", APP).json
    assert shown["http_service"]["internal_port"] == 4000
    flyctl.run("config", "validate", "--strict", "-c", "fly.toml")
    checks = flyctl.run("checks", "list", "-a", APP, "--json").json
    assert set(checks) == ids(sandbox)
    addresses = flyctl.run("ips", "list", "-a", APP, "--json").json
    assert [row["Type"] for row in addresses] == ["v6", "shared_v4"]
    for machine in ids(sandbox):
        assert machine in flyctl.run("status", "-a", APP).stdout
    assert "client@sandbox" in flyctl.run("releases", "-a", APP).stdout


def test_what_the_sandbox_does_not_know_is_told(flyctl: Flyctl) -> None:
    done = flyctl.run("apps", "list", code=1)
    assert "not_implemented" in done.stderr
    assert "COVERAGE.md" in done.stderr
