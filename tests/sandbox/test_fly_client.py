"""Our Fly client against the stand-in over HTTP: nothing lost, nothing made twice, no drift."""

import time
import tomllib
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fly.api import FlyApi
from fly.canonical import canonical
from fly.differences import differences
from fly.errors import FlyLeaseHeld, FlyNameTaken, FlyRejected, FlyUnauthorized, FlyWaitTimeout
from fly.machine_config import MachineRequest, machine_config
from fly.replies import IpType, Machine
from tests.sandbox.served import Served

FLY_TOML = """
primary_region = "iad"
kill_timeout = "90s"
[build]
image = "registry.fly.io/stub:1"
[processes]
app = "--port 4000 --host 0.0.0.0 --config /app/config.yaml"
[env]
A = 1
[http_service]
internal_port = 4000
auto_stop_machines = "off"
processes = ["app"]
[http_service.concurrency]
type = "requests"
soft_limit = 10
hard_limit = 20
[[http_service.checks]]
path = "/health/readiness"
interval = "15s"
timeout = "5s"
headers = {X-B = "2", X-A = "1"}
[[files]]
guest_path = "/app/config.yaml"
raw_value = "model_list: []\\n"
[[vm]]
size = "shared-cpu-2x"
memory = "1gb"
[metrics]
port = 4001
path = "/metrics/"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    program = Served(tmp_path_factory.mktemp("fly") / "home")
    program.start()
    yield program
    program.end()


@pytest.fixture
def api(served: Served) -> Iterator[FlyApi]:
    environ = {"FLY_API_TOKEN": "sandbox", "FLY_FLAPS_BASE_URL": served.running["api_url"]}
    with FlyApi.from_environment(environ) as client:
        yield client
    httpx.delete(f"{served.running['api_url']}/_sandbox/faults")


@pytest.fixture
def app(api: FlyApi) -> Iterator[str]:
    name = f"client-{uuid.uuid4().hex[:8]}"
    api.apps.create(name, org_slug="acme")
    yield name
    api.apps.delete(name)


def fault(served: Served, method: str, path: str, kind: str, **action: Any) -> None:
    body = {
        "match": {"method": method, "path_regex": path},
        "action": {"kind": kind, **action},
    }
    ordered = httpx.post(f"{served.running['api_url']}/_sandbox/faults", json=body)
    assert ordered.is_success, ordered.text


def started(api: FlyApi, app: str) -> Machine:
    request = MachineRequest(machine_config(tomllib.loads(FLY_TOML)), "iad")
    machine = api.machines.create(app, request.body(), launch_id=uuid.uuid4().hex)
    api.machines.wait(app, machine.id, "started", instance_id=machine.instance_id, timeout_s=30)
    return machine


@pytest.mark.parametrize("kind", ["lost_reply", "status"])
def test_creates_of_unknown_outcome_make_one_of_each(
    served: Served, api: FlyApi, app: str, kind: str
) -> None:
    action = {"status": 503, "body": {"error": "try again"}} if kind == "status" else {}
    name = f"{app}-other"
    for path in ("/apps$", "/ip_assignments$", "/volumes$", "/machines$"):
        fault(served, "POST", f"^/v1.*{path}", kind, **action)
    made = api.apps.create(name, org_slug="acme")
    assert made.organization == "acme"
    address = api.ips.create(name, IpType.PRIVATE_V6, org_slug="acme")
    volume = api.volumes.create(name, name="data", region="iad", size_gb=1)
    machine = started(api, name)
    assert api.ips.list(name) == (address,)
    assert [found.id for found in api.volumes.list(name)] == [volume.id]
    assert [found.id for found in api.machines.list(name)] == [machine.id]
    api.apps.delete(name)
    assert api.apps.find(name) is None


def test_a_machine_reads_back_as_what_was_asked_for(api: FlyApi, app: str) -> None:
    machine = started(api, app)
    asked = canonical(machine_config(tomllib.loads(FLY_TOML)))
    assert differences(asked, canonical(api.machines.get(app, machine.id).config)) == ()


def test_an_update_behind_a_lost_reply_happens_once(served: Served, api: FlyApi, app: str) -> None:
    machine = started(api, app)
    config = {**machine_config(tomllib.loads(FLY_TOML)), "env": {"A": "2"}}
    with api.leases.held(app, machine.id) as lease:
        fault(served, "POST", f"/machines/{machine.id}$", "lost_reply")
        updated = api.machines.update(
            app,
            machine.id,
            {"config": config},
            nonce=lease.nonce,
            current_version=machine.instance_id,
        )
        api.machines.wait(app, machine.id, "started", instance_id=updated.instance_id, timeout_s=30)
    now = api.machines.get(app, machine.id)
    assert now.instance_id == updated.instance_id != machine.instance_id
    assert [d.path for d in differences(canonical(machine.config), canonical(now.config))] == [
        "env.A"
    ]


def test_a_leased_machine_is_not_changed_by_others_and_is_waited_for(api: FlyApi, app: str) -> None:
    machine = started(api, app)
    theirs = api.leases.acquire(app, machine.id, ttl_s=3)
    with pytest.raises(FlyLeaseHeld, match="lease currently held"):
        api.machines.update(app, machine.id, {"config": machine.config}, nonce=None)
    told: list[str] = []
    with api.leases.held(app, machine.id, progress=told.append) as ours:
        assert ours.nonce != theirs.nonce
        api.machines.cordon(app, machine.id, nonce=ours.nonce)
    assert told
    assert api.machines.get(app, machine.id).cordoned


def test_a_machines_life_from_start_to_destroyed(api: FlyApi, app: str) -> None:
    machine = started(api, app)
    version = machine.instance_id
    api.machines.set_metadata(app, machine.id, "gateway_phase", "new")
    assert api.machines.get(app, machine.id).metadata["gateway_phase"] == "new"
    assert api.machines.exec(app, machine.id, ["echo", "hi"], timeout_s=5).stdout == "hi\n"
    with pytest.raises(FlyWaitTimeout, match="not stopped within 1 s"):
        api.machines.wait(app, machine.id, "stopped", instance_id=version, timeout_s=1)
    api.machines.stop(app, machine.id)
    api.machines.wait(app, machine.id, "stopped", instance_id=version, timeout_s=30)
    api.machines.delete(app, machine.id)
    api.machines.wait(app, machine.id, "destroyed", instance_id=None, timeout_s=30)
    api.machines.delete(app, machine.id)
    assert api.machines.find(app, machine.id) is None
    assert api.machines.list(app) == ()


def test_secrets_are_write_only_and_their_digest_follows_the_value(api: FlyApi, app: str) -> None:
    first = api.secrets.update(app, {"A": "one", "B": "two"})
    second = api.secrets.update(app, {"A": "other", "B": None})
    assert first.version is not None
    assert second.version == first.version + 1
    (left,) = api.secrets.list(app)
    assert left.name == "A"
    assert left.digest != next(s.digest for s in first.secrets if s.name == "A")


def test_refusals_are_told_apart(served: Served, api: FlyApi, app: str) -> None:
    with pytest.raises(FlyNameTaken, match="name_taken"):
        api.apps.create(app, org_slug="acme")
    assert api.machines.find(app, "0" * 14) is None
    assert api.machines.find("no-such-app", "0" * 14) is None
    bad = {"config": {"image": "registry.fly.io/no-such-image:1"}}
    with pytest.raises(FlyRejected, match="no-such-image"):
        api.machines.create(app, bad, launch_id="x")
    environ = {"FLY_API_TOKEN": "wrong", "FLY_FLAPS_BASE_URL": served.running["api_url"]}
    with (
        FlyApi.from_environment(environ) as stranger,
        pytest.raises(FlyUnauthorized, match="fly tokens create org") as caught,
    ):
        stranger.apps.get(app)
    assert caught.value.request_id


def test_a_burst_of_429_is_sat_out(served: Served, api: FlyApi, app: str) -> None:
    for _ in range(2):
        action = {"status": 429, "body": {"error": "slow"}, "headers": {"Retry-After": "0"}}
        fault(served, "GET", f"/apps/{app}$", "status", **action)
    began = time.monotonic()
    assert api.apps.get(app).name == app
    assert time.monotonic() - began < 5
