import base64
from typing import Any

import pytest

from tests.unit.sandbox.fakes import Sandbox

CONFIG = {
    "env": {"A": "1", "B": "2"},
    "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512},
    "services": [{"internal_port": 4000}],
    "files": [
        {"guest_path": "/app/config.yaml", "raw_value": "b2xk"},
        {"guest_path": "/other", "raw_value": "b3RoZXI="},
    ],
}


async def test_an_edit_is_an_update_of_the_whole_configuration(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, config=CONFIG, lease_ttl=60)
    body = {
        "set": {
            "config.env.A": "edited",
            "config.env.B": None,
            "config.guest.memory_mb": 1024,
            "config.services.0.internal_port": 4001,
            "config.metadata.by": "hand",
        },
        "file": {"/app/config.yaml": "new", "/added": "more"},
    }
    edited = await fly.call("POST", f"/_sandbox/machines/{machine['id']}/edit", body)
    assert edited["instance_id"] != machine["instance_id"]
    config = (await fly.call("GET", f"{path}/{machine['id']}"))["config"]
    assert config["env"] == {"A": "edited"}
    assert config["guest"]["memory_mb"] == 1024
    assert config["services"] == [{"internal_port": 4001}]
    assert config["metadata"] == {"by": "hand"}
    files = {f["guest_path"]: base64.b64decode(f["raw_value"]) for f in config["files"]}
    assert files == {"/app/config.yaml": b"new", "/other": b"other", "/added": b"more"}
    assert fly.runtime.running[machine["id"]].config == config
    assert [line[0] for line in fly.runtime.log] == ["start", "stop", "start"]


@pytest.mark.parametrize(
    "body",
    [
        {"set": {"env.A": "1"}},
        {"set": {"config.services.7.internal_port": 1}},
        {"set": {"config.env.NONE": None}},
        {"set": {"config.image": "unknown:1"}},
        {"unset": {}},
    ],
)
async def test_an_edit_that_cannot_be_made_changes_nothing(fly: Sandbox, body: Any) -> None:
    path = await fly.app()
    machine = await fly.machine(path, config=CONFIG)
    before = await fly.call("GET", f"{path}/{machine['id']}")
    await fly.call("POST", f"/_sandbox/machines/{machine['id']}/edit", body, expect=422)
    assert await fly.call("GET", f"{path}/{machine['id']}") == before


async def test_an_edit_brings_the_newest_secrets(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, config=CONFIG)
    await fly.call("POST", "/_sandbox/apps/web/secrets", {"KEY": "v"})
    assert fly.runtime.running[machine["id"]].secrets == {}
    listed = (await fly.call("GET", "/v1/apps/web/secrets"))["secrets"]
    assert [row["name"] for row in listed] == ["KEY"]
    body = {"set": {"config.env.A": "2"}}
    await fly.call("POST", f"/_sandbox/machines/{machine['id']}/edit", body)
    assert fly.runtime.running[machine["id"]].secrets == {"KEY": "v"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"script": ["critical", "passing"]}, (["critical", "passing"], None)),
        ({"always": "critical"}, (None, "critical")),
        ({"always": None}, (None, None)),
    ],
)
async def test_check_results_can_be_dictated(fly: Sandbox, body: Any, told: Any) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    at = f"/_sandbox/machines/{machine['id']}/checks"
    await fly.call("POST", at, body, expect=204)
    assert fly.runtime.scripts == {machine["id"]: told}
    await fly.call("POST", at, {"always": "fine"}, expect=422)


async def test_status_shows_machines_volumes_addresses_and_names_of_secrets(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", "/v1/apps/web/ip_assignments", {"type": "private_v6"})
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "v"}})
    await fly.call("POST", "/v1/apps/web/volumes", {"name": "data", "region": "iad"})
    machine = await fly.machine(path)
    status = await fly.call("GET", "/_sandbox/status")
    app = status["apps"][0]
    assert (app["name"], app["address"], app["secrets"]) == ("web", "127.77.1.1", ["KEY"])
    assert [ip["type"] for ip in app["ips"]] == ["private_v6"]
    assert [volume["name"] for volume in app["volumes"]] == ["data"]
    shown = app["machines"][0]
    assert (shown["id"], shown["pid"], shown["routable"]) == (machine["id"], 4242, True)
    assert shown["checks"][0]["status"] == "passing"
    assert status["calls"] == 5


async def test_control_of_what_is_not_there_is_not_found(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    for verb in ("edit", "kill", "checks"):
        await fly.call("POST", f"/_sandbox/machines/none/{verb}", {}, expect=404)
    body = {"machine": "none", "seconds": 5}
    await fly.call("POST", "/_sandbox/apps/web/lease", body, expect=404)
    await fly.call("POST", "/_sandbox/apps/none/secrets", {"A": "b"}, expect=404)
    await fly.call("POST", f"{path}/{machine['id']}/stop")
    await fly.call("POST", f"/_sandbox/machines/{machine['id']}/kill", expect=412)
