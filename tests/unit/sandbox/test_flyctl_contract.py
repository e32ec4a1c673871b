"""What flyctl sends, in the order in which a real one sent it, and the fields it cannot do without.

The sequences were recorded from flyctl ad0172f on 2026-11-23; which fields it needs was measured by
leaving each out in turn. A field that is asserted here is one without which flyctl fails or hangs.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.state import State
from tests.unit.sandbox.fakes import Sandbox
from tests.unit.sandbox.flyctl_queries import (
    ADDRESSES,
    BLUEGREEN,
    COMPACT,
    CURRENT,
    DEFINITION,
    EGRESS,
    IMAGE,
    LATEST_IMAGE,
    RELEASES,
    WIREGUARD,
    query,
)

APP = "/v1/apps/gw"
MACHINES = f"{APP}/machines"
REFERENCE = "ghcr.io/berriai/litellm:v1@sha256:" + "a" * 64
DEFINED = {"app": "gw", "http_service": {"internal_port": 4000}}


@dataclass
class Flyctl:
    """The requests of `flyctl deploy`; `nonces` are the leases it holds."""

    fly: Sandbox
    strategy: str = "ROLLING"
    nonces: dict[str, str] = field(default_factory=dict)
    release: str = ""

    async def ask(self, text: str, **variables: Any) -> Any:
        """Send a query that has an answer."""
        answer = await self.fly.call("POST", "/graphql", query(text, **variables))
        assert "errors" not in answer, answer
        return answer["data"]

    async def begin(self) -> list[dict[str, Any]]:
        """P of the recorded scenarios, then a release that runs; returns the app's machines."""
        fly = self.fly
        shown = await fly.call("GET", APP)
        assert shown["name"] == "gw"
        slug = shown["organization"]["slug"]
        organization = (await fly.call("GET", f"/api/v1/organizations/{slug}"))["organization"]
        assert isinstance(organization["internal_numeric_id"], int)
        assert isinstance(shown["organization"]["internal_numeric_id"], int)
        build = await fly.call("POST", "/api/v1/builds", {"app_name": "gw"})
        image = (await self.ask(IMAGE, imageRef=REFERENCE))["app"]["image"]
        assert image["ref"] == REFERENCE
        assert isinstance(image["compressedSize"], str)
        assert int(image["compressedSize"])
        finish = {"build_id": build["id"], "app_name": "gw", "status": "completed"}
        await fly.call("POST", "/api/v1/builds/finish", finish)
        machines: list[dict[str, Any]] = await fly.call("GET", MACHINES)
        for machine in machines:
            assert {"id", "state", "config", "host_status", "region", "image_ref"} <= set(machine)
        if not machines:
            await self._addresses()
        body = {"app_name": "gw", "build_id": build["id"], "definition": DEFINED}
        body |= {"image": image["ref"], "strategy": self.strategy}
        made = await fly.call("POST", "/api/v1/releases", body, expect=201)
        self.release = made["release"]["id"]
        assert isinstance(made["release"]["version"], int)
        await self.ask(EGRESS)
        await self.end("running", None)
        return machines

    async def _addresses(self) -> None:
        await self.fly.call("GET", f"{APP}/ip_assignments")
        for kind in ("v6", "shared_v4"):
            body = {"type": kind, "region": "", "org_slug": "acme", "network": ""}
            await self.fly.call("POST", f"{APP}/ip_assignments", {**body, "service_name": ""})

    async def end(self, status: str, error: str | None = "") -> None:
        """Change the release's status; any other answer than 200 makes flyctl fail."""
        told = {"post_deployment_info": {"flyctl_version": "0.4.80", "error": error}}
        body = {"status": status, "metadata": None if error is None else told}
        await self.fly.call("PATCH", f"/api/v1/releases/{self.release}", body)

    async def create(self, **body: Any) -> dict[str, Any]:
        """Create a machine; with a lease when one is asked for."""
        body = {"region": "iad", "skip_secrets": False, **body}
        body["config"] = {**config(), **body.get("config", {})}
        made: dict[str, Any] = await self.fly.call("POST", MACHINES, body)
        assert made["config"] == body["config"]
        if "lease_ttl" in body:
            self.nonces[made["id"]] = made["nonce"]
        return made

    async def lease(self, machine: str) -> None:
        """Take a lease, or refresh the one that is held: the nonce stays."""
        held = self.nonces.get(machine)
        path = f"{MACHINES}/{machine}/lease?ttl=13"
        reply = await self.fly.call("POST", path, nonce=held, expect=201)
        assert reply["status"] == "success"
        assert held in (None, reply["data"]["nonce"])
        self.nonces[machine] = reply["data"]["nonce"]

    async def update(self, machine: str, tag: str) -> None:
        """Update a leased machine and wait as flyctl does: without any version."""
        body = {"config": {**config(), "image": tag}, "region": "iad", "skip_secrets": False}
        path, nonce = f"{MACHINES}/{machine}", self.nonces[machine]
        updated = await self.fly.call("POST", path, body, nonce=nonce)
        assert (updated["id"], updated["config"]["image"]) == (machine, tag)

    async def healthy(self, machine: str) -> None:
        """What rolling, canary and the first deploy wait for."""
        await self.fly.call("GET", f"{MACHINES}/{machine}/wait?state=started&timeout=60")
        shown = await self.fly.call("GET", f"{MACHINES}/{machine}")
        assert {check["status"] for check in shown["checks"]} == {"passing"}
        assert {"name"} <= set(shown["checks"][0])
        assert {"type", "status", "timestamp"} <= set(shown["events"][0])
        listens = (await self.fly.call("GET", f"{MACHINES}/{machine}/ps"))[0]["listen_sockets"]
        assert listens == [{"proto": "tcp", "address": "0.0.0.0:4000"}]

    async def let_go(self, machine: str) -> None:
        """Give a lease back."""
        nonce = self.nonces.pop(machine)
        await self.fly.call("DELETE", f"{MACHINES}/{machine}/lease", nonce=nonce)


def config(**metadata: str) -> dict[str, Any]:
    """A machine's configuration as flyctl writes one."""
    keys = {"fly_platform_version": "v2", "fly_process_group": "app", **metadata}
    return {"image": REFERENCE, "metadata": keys, "services": [{"internal_port": 4000}]}


@pytest.fixture
async def flyctl(fly: Sandbox) -> Flyctl:
    """An app that was never deployed."""
    await fly.app("gw")
    return Flyctl(fly)


async def deployed(flyctl: Flyctl, machines: int = 2) -> list[str]:
    """Deploy for the first time."""
    assert await flyctl.begin() == []
    made = []
    for _ in range(machines):
        machine = (await flyctl.create(lease_ttl=300))["id"]
        await flyctl.healthy(machine)
        await flyctl.let_go(machine)
        made.append(machine)
    await flyctl.end("complete")
    return made


async def test_a_first_deploy(flyctl: Flyctl) -> None:
    machine, _ = await deployed(flyctl)
    fly = flyctl.fly
    assert [ip.type for ip in fly.state.apps["gw"].ips] == ["v6", "shared_v4"]
    await fly.call("GET", f"{MACHINES}/{machine}/lease", expect=404)
    (release,) = fly.state.releases_of("gw")
    assert (release.version, release.status, release.image) == (1, "complete", REFERENCE)


async def test_a_rolling_update_holds_every_lease_until_the_end(flyctl: Flyctl) -> None:
    made = await deployed(flyctl)
    assert [row["id"] for row in await flyctl.begin()] == made
    for machine in made:
        await flyctl.lease(machine)
    for machine in made:
        await flyctl.update(machine, "stub:2")
        await flyctl.lease(machine)
        await flyctl.healthy(machine)
    body = {"config": {"image": "stub:3"}}
    await flyctl.fly.call("POST", f"{MACHINES}/{made[0]}", body, expect=409)
    for machine in made:
        await flyctl.let_go(machine)
    await flyctl.end("complete")
    assert [row.version for row in flyctl.fly.state.releases_of("gw")] == [2, 1]


async def test_a_canary_takes_traffic_and_goes_before_the_others_are_updated(
    flyctl: Flyctl,
) -> None:
    await deployed(flyctl, 1)
    flyctl.strategy = "CANARY"
    await flyctl.begin()
    marked = {**config(fly_canary="true"), "dns": {"skip_registration": True}}
    canary = (await flyctl.create(config=marked, lease_ttl=300))["id"]
    await flyctl.healthy(canary)
    assert not flyctl.fly.state.machines[canary].cordoned
    await flyctl.let_go(canary)
    await flyctl.fly.call("DELETE", f"{MACHINES}/{canary}?kill=true")
    assert len(await flyctl.fly.call("GET", MACHINES)) == 1


async def test_a_bluegreen_deploy_replaces_every_machine(flyctl: Flyctl) -> None:
    fly = flyctl.fly
    blues = await deployed(flyctl)
    flyctl.strategy = "BLUEGREEN"
    await flyctl.begin()
    for blue in blues:
        await flyctl.lease(blue)
    assert (await flyctl.ask(BLUEGREEN))["canPerformBluegreenDeployment"] is True
    tags = config(fly_bluegreen_deployment_tag="1800000000", fly_flyctl_bluegreen_launch_id="01A")
    greens = [
        (await flyctl.create(config=tags, skip_service_registration=True))["id"] for _ in blues
    ]
    for green in greens:
        await fly.call("GET", f"{MACHINES}/{green}/wait?state=started&timeout=60")
        assert fly.state.machines[green].cordoned
        await fly.call("POST", f"{MACHINES}/{green}/uncordon")
        assert not fly.state.machines[green].cordoned
    for blue in blues:
        tag = f"{MACHINES}/{blue}/metadata/fly_bluegreen_deployment_tag"
        await fly.call("POST", tag, {"value": "safe_to_destroy"}, expect=204)  # without the nonce
    for blue in blues:
        nonce = flyctl.nonces[blue]
        await fly.call("POST", f"{MACHINES}/{blue}/cordon", nonce=nonce)
        stop = {"id": blue, "timeout": "0s"}
        await fly.call("POST", f"{MACHINES}/{blue}/stop", stop, nonce=nonce)
        await fly.call("GET", f"{MACHINES}/{blue}/wait?state=stopped&timeout=60")
        await fly.call("DELETE", f"{MACHINES}/{blue}?kill=true", nonce=nonce)
    await flyctl.end("complete")
    assert {row["id"] for row in await fly.call("GET", MACHINES)} == set(greens)
    assert ("stop", blues[0], "SIGINT", "5") in fly.runtime.log  # a time-out of 0 s is none


async def test_an_immediate_update_waits_for_nothing(flyctl: Flyctl) -> None:
    (machine,) = await deployed(flyctl, 1)
    flyctl.strategy = "IMMEDIATE"
    await flyctl.begin()
    await flyctl.lease(machine)
    await flyctl.update(machine, "stub:2")
    await flyctl.let_go(machine)
    await flyctl.end("complete")
    assert flyctl.fly.state.releases_of("gw")[0].strategy == "IMMEDIATE"


@pytest.mark.parametrize("code", [0, 3])
async def test_a_release_command_leaves_a_destroyed_machine_with_its_exit_code(
    flyctl: Flyctl, code: int
) -> None:
    fly = flyctl.fly
    await flyctl.begin()
    once = {"auto_destroy": True, "restart": {"policy": "no"}, "env": {"RELEASE_COMMAND": "1"}}
    machine = (await flyctl.create(config=once, skip_launch=True))["id"]
    one = f"{MACHINES}/{machine}"
    await fly.call("GET", f"{one}/wait?state=stopped&timeout=60")
    await flyctl.ask(WIREGUARD, input={"peerIps": []})
    await fly.call("POST", f"{one}/start", {})
    await fly.call("GET", f"{one}/wait?state=started&timeout=60")
    fly.runtime.exit(machine, code)
    await fly.call("GET", f"{one}/wait?state=destroyed&timeout=60")
    lines = await fly.call("GET", f"/api/v1/apps/gw/logs?instance={machine}&next_token=")
    assert lines == {"data": [], "meta": {"next_token": ""}}
    shown = await fly.call("GET", one)
    assert shown["state"] == "destroyed"
    exits = [event["request"] for event in shown["events"] if event["type"] == "exit"]
    assert exits[0]["exit_event"]["exit_code"] == code
    assert exits[0]["restart_count"] == 0
    assert await fly.call("GET", MACHINES) == []


async def test_a_machine_to_be_left_stopped_is_updated_without_a_start(flyctl: Flyctl) -> None:
    fly = flyctl.fly
    (machine,) = await deployed(flyctl, 1)
    await fly.call("POST", f"{MACHINES}/{machine}/stop", {})
    await flyctl.begin()
    await flyctl.lease(machine)
    body = {"config": config(), "region": "iad", "skip_launch": True}
    await fly.call("POST", f"{MACHINES}/{machine}", body, nonce=flyctl.nonces[machine])
    assert (await fly.call("GET", f"{MACHINES}/{machine}"))["state"] == "stopped"


async def test_what_flyctl_reads_afterwards(flyctl: Flyctl) -> None:
    await deployed(flyctl, 1)
    fly = flyctl.fly
    shown = (await flyctl.ask(COMPACT))["appcompact"]
    assert (shown["name"], shown["status"], shown["deployed"]) == ("gw", "deployed", True)
    assert isinstance(shown["internalNumericId"], int)
    assert isinstance(shown["organization"]["internalNumericId"], str)  # a BigInt
    assert shown["postgresAppRole"] is None
    assert (await flyctl.ask(CURRENT))["app"]["currentRelease"] == {"version": 1}
    released = await flyctl.ask(DEFINITION, operation="FlyctlConfigCurrentRelease")
    assert released["app"]["currentReleaseUnprocessed"] == {"configDefinition": DEFINED}
    (row,) = (await flyctl.ask(RELEASES, limit=25))["app"]["releases"]["nodes"]
    assert (row["version"], row["status"], row["stable"]) == (1, "complete", True)
    addresses = (await flyctl.ask(ADDRESSES))["app"]
    assert [ip["type"] for ip in addresses["ipAddresses"]["nodes"]] == ["v6"]
    assert addresses["sharedIpAddress"].startswith("66.241.")
    listed = await fly.call("GET", "/api/v1/apps/gw/releases?limit=20")
    assert [release["id"] for release in listed["releases"]] == [flyctl.release]
    assert (await fly.call("GET", "/api/v1/apps/gw/releases/current"))["version"] == 1
    unknown = await fly.call("POST", "/graphql", query(LATEST_IMAGE, image="litellm:v1"))
    assert "Unknown repository" in unknown["errors"][0]["message"]  # or `status` fails


async def test_releases_outlive_the_sandbox_and_go_with_their_app(flyctl: Flyctl) -> None:
    fly = flyctl.fly
    await deployed(flyctl, 1)
    again = State.open(fly.state.home)
    assert again.releases_of("gw") == fly.state.releases_of("gw")
    assert again.builds == 1
    await fly.call("DELETE", APP, expect=202)
    assert not State.open(fly.state.home).releases


async def test_only_the_newest_releases_are_kept(flyctl: Flyctl) -> None:
    body = {"app_name": "gw", "image": REFERENCE, "definition": DEFINED, "strategy": "ROLLING"}
    for _ in range(52):
        await flyctl.fly.call("POST", "/api/v1/releases", body, expect=201)
    kept = [release.version for release in flyctl.fly.state.releases_of("gw")]
    assert kept == list(range(52, 2, -1))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/organizations/none", None, 404),
        ("POST", "/api/v1/builds/finish", {"build_id": 7}, 404),
        ("POST", "/api/v1/releases", {"app_name": "none"}, 404),
        ("POST", "/api/v1/releases", {"app_name": "gw"}, 422),
        ("PATCH", "/api/v1/releases/none", {"status": "running"}, 404),
        ("GET", "/api/v1/apps/gw/releases/current", None, 404),
        ("GET", "/api/v1/apps/gw/releases?limit=x", None, 422),
        ("POST", "/graphql", {"query": 7}, 400),
    ],
)
async def test_what_cannot_be_is_refused(
    flyctl: Flyctl, method: str, path: str, body: Any, status: int
) -> None:
    await flyctl.fly.call(method, path, body, expect=status)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query { viewer { email } }", "the field viewer of the root"),
        ("{ app(name: $appName) { certificates { nodes { id } } } }", "certificates of app"),
        ("{ app(name: $appName) { name { first } } }", "name has no fields"),
        ("subscription { app }", "neither a query nor a mutation"),
    ],
)
async def test_a_query_that_is_not_known_says_so(flyctl: Flyctl, text: str, said: str) -> None:
    answer = await flyctl.fly.call("POST", "/graphql", query(text))
    assert answer["data"] is None
    assert "not_implemented" in answer["errors"][0]["message"]
    assert said in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"] == {"code": "NOT_IMPLEMENTED"}


async def test_an_app_that_does_not_exist_is_an_error_of_graphql(flyctl: Flyctl) -> None:
    answer = await flyctl.fly.call("POST", "/graphql", query(COMPACT, appName="none"))
    assert answer["errors"] == [
        {"message": "Could not find App", "extensions": {"code": "NOT_FOUND"}}
    ]


async def test_an_unknown_image_is_no_image(flyctl: Flyctl) -> None:
    assert (await flyctl.ask(IMAGE, imageRef="unknown:1"))["app"]["image"] is None


async def test_the_other_apis_ask_for_the_token_and_count_as_calls(flyctl: Flyctl) -> None:
    fly = flyctl.fly
    for path in ("/graphql", "/api/v1/builds"):
        assert (await fly.http.post(path, headers={"authorization": "Bearer x"})).status_code == 401
    paths = [call["path"] for call in await fly.call("GET", "/_sandbox/calls")]
    assert paths[-2:] == ["/graphql", "/api/v1/builds"]


async def test_the_faults_that_mislead_flyctl_can_be_ordered(flyctl: Flyctl) -> None:
    fly = flyctl.fly
    (machine,) = await deployed(flyctl, 1)

    async def fault(kind: str, status: int, method: str, path: str) -> None:
        match = {"method": method, "path_regex": path}
        order = {"match": match, "action": {"kind": kind, "status": status}}
        await fly.call("POST", "/_sandbox/faults", order, expect=204)

    await fault("late_status", 503, "POST", "/machines$")
    await fly.call("POST", MACHINES, {"config": config()}, expect=503)
    assert len(await fly.call("GET", MACHINES)) == 2  # it took effect
    await fault("status", 500, "PATCH", "^/api/v1/releases/")
    await fly.call("PATCH", f"/api/v1/releases/{flyctl.release}", {"status": "failed"}, expect=500)
    assert fly.state.releases[flyctl.release].status == "complete"
    host = f"/_sandbox/machines/{machine}/host"
    await fly.call("POST", host, {"status": "unreachable"}, expect=204)
    rows = {row["id"]: row["host_status"] for row in await fly.call("GET", MACHINES)}
    assert rows[machine] == "unreachable"
    await fly.call("POST", host, {"status": "ill"}, expect=422)
