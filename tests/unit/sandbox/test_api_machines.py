import re
from typing import Any

import pytest

from tests.unit.sandbox.fakes import Sandbox

FILE = {"guest_path": "/app/config.yaml", "raw_value": "YTogMQo="}


async def test_a_machine_answers_with_what_fly_says_of_it(fly: Sandbox) -> None:
    path = await fly.app()
    config = {
        "image": "litellm:v1.106.2",
        "env": {"A": "1"},
        "files": [FILE],
        "guest": {"cpu_kind": "shared", "cpus": 4, "memory_mb": 4096},
        "x_unknown": {"kept": [1, None]},
    }
    created = await fly.machine(path, name="web-1", config=config)
    assert created["state"] == "created"
    assert created["config"] == config
    shown = await fly.call("GET", f"{path}/{created['id']}")
    assert shown["state"] == "started"
    assert shown["config"] == config
    assert re.fullmatch(r"[0-9a-f]{14}", shown["id"])
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", shown["instance_id"])
    assert (shown["name"], shown["region"], shown["host_status"]) == ("web-1", "iad", "ok")
    assert shown["cordoned"] is False
    assert shown["private_ip"] == "127.77.1.10"
    assert shown["checks"] == [
        {"name": "alive", "status": "passing", "output": "", "updated_at": ""}
    ]
    image = shown["image_ref"]
    assert (image["repository"], image["tag"]) == ("litellm", "v1.106.2")
    assert image["digest"].startswith("sha256:")
    assert "nonce" not in created
    events = [(e["type"], e["status"], e["source"]) for e in shown["events"]]
    assert events == [("start", "started", "flyd"), ("launch", "created", "user")]
    assert shown["events"][0]["timestamp"] == int(fly.clock.now * 1000)


async def test_what_is_missing_is_not_found(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.app("other")
    machine = await fly.machine(path)
    for missing in (
        "/v1/apps/none/machines",
        f"{path}/00000000000000",
        f"/v1/apps/other/machines/{machine['id']}",
    ):
        assert "not found" in (await fly.call("GET", missing, expect=404))["error"]


async def test_a_name_of_a_live_machine_is_not_given_twice(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, name="web-1")
    error = await fly.machine(path, name="web-1", expect=409)
    assert error["error"] == (
        "already_exists: unique machine name violation, machine ID"
        f' {machine["id"]} already exists with name "web-1"'
    )
    other = await fly.app("other")
    await fly.machine(other, name="web-1")
    await fly.call("DELETE", f"{path}/{machine['id']}?force=true")
    await fly.machine(path, name="web-1")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"region": "mars"}, "'mars' does not exist"),
        ({"config": {"guest": {"cpu_kind": "turbo"}}}, "'turbo'"),
        ({"config": {"guest": {"cpus": 3, "memory_mb": 1024}}}, "guest.cpus 3"),
        ({"config": {"guest": {"cpus": 4, "memory_mb": 512}}}, "1024-8192"),
        ({"config": {"guest": {"cpus": 4, "memory_mb": 16384}}}, "1024-8192"),
        ({"config": {"guest": {"cpus": 1, "memory_mb": 300}}}, "multiple of 256"),
        ({"config": {"guest": {"gpu_kind": "h100"}}}, "'h100'"),
        (
            {"config": {"guest": {"cpu_kind": "performance", "cpus": 2, "memory_mb": 2048}}},
            "4096-16384",
        ),
        ({"config": {"image": "unknown:1"}}, "the sandbox knows litellm"),
        ({"config": {"image": ""}}, "config.image"),
        ({"config": {"env": {"PORT": 4000}}}, "config.env.PORT is int"),
        ({"config": {"restart": {"policy": "sometimes"}}}, "'sometimes'"),
        ({"config": {"stop_config": {"signal": "SIGFOO"}}}, "'SIGFOO'"),
        ({"config": {"stop_config": {"timeout": "soon"}}}, "'soon'"),
        ({"config": {"mounts": [{"volume": "vol_none", "path": "/data"}]}}, "vol_none"),
        ({"name": "Not A Label"}, "Not A Label"),
        ({"lease_ttl": -1}, "ttl -1"),
    ],
)
async def test_what_fly_would_not_run_is_refused_and_nothing_is_made(
    fly: Sandbox, fields: dict[str, Any], said: str
) -> None:
    path = await fly.app()
    error = await fly.machine(path, **fields, expect=422)
    assert said in error["error"]
    assert not fly.state.machines


@pytest.mark.parametrize(
    "guest",
    [
        {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
        {"cpu_kind": "shared", "cpus": 8, "memory_mb": 16384},
        {"cpu_kind": "performance", "cpus": 1, "memory_mb": 2048},
        {"cpu_kind": "performance", "cpus": 8, "memory_mb": 65536},
        {"cpu_kind": "performance", "cpus": 8, "memory_mb": 32768, "gpu_kind": "l40s", "gpus": 1},
    ],
)
async def test_sizes_up_to_flys_limits_are_taken(fly: Sandbox, guest: dict[str, Any]) -> None:
    await fly.machine(await fly.app(), config={"guest": guest})


async def test_an_update_replaces_the_whole_configuration_under_a_new_version(
    fly: Sandbox,
) -> None:
    path = await fly.app()
    config = {"env": {"A": "1"}, "stop_config": {"signal": "SIGTERM", "timeout": "1m30s"}}
    machine = await fly.machine(path, config=config)
    one = f"{path}/{machine['id']}"
    updated = await fly.call("POST", one, {"config": {"image": "stub:2"}, "region": "iad"})
    assert updated["state"] == "replacing"
    assert updated["config"] == {"image": "stub:2"}
    assert updated["instance_id"] != machine["instance_id"]
    assert ("stop", machine["id"], "SIGTERM", "90") in fly.runtime.log
    shown = await fly.call("GET", one)
    assert shown["state"] == "started"
    assert shown["instance_id"] == updated["instance_id"]
    assert fly.runtime.running[machine["id"]].instance_id == updated["instance_id"]
    types = [event["type"] for event in shown["events"]]
    assert types == ["start", "exit", "update", "start", "launch"]


async def test_an_update_for_another_version_changes_nothing(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    body = {"config": {"image": "stub:2"}, "current_version": "01OLD"}
    error = await fly.call("POST", one, body, expect=412)
    assert machine["instance_id"] in error["error"]
    assert (await fly.call("GET", one))["config"] == {"image": "stub:1"}
    await fly.call("POST", one, {**body, "current_version": machine["instance_id"]})


@pytest.mark.parametrize("change", [{"region": "ams"}, {"name": "other"}, {"config": None}])
async def test_an_update_neither_moves_nor_renames_nor_lacks_a_configuration(
    fly: Sandbox, change: dict[str, Any]
) -> None:
    path = await fly.app()
    machine = await fly.machine(path, name="web-1")
    body = {"config": {"image": "stub:2"}, **change}
    await fly.call("POST", f"{path}/{machine['id']}", body, expect=422)


async def test_a_machine_can_be_made_without_being_launched(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, skip_launch=True)
    one = f"{path}/{machine['id']}"
    assert machine["state"] == "stopped"
    assert not fly.runtime.running
    started = await fly.call("POST", one + "/start")
    assert started["previous_state"] == "stopped"
    assert machine["id"] in fly.runtime.running
    await fly.call("POST", one, {"config": {"image": "stub:2"}, "skip_launch": True})
    assert (await fly.call("GET", one))["state"] == "stopped"
    assert not fly.runtime.running


async def test_a_machine_can_be_made_out_of_the_proxies_choice(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, skip_service_registration=True)
    one = f"{path}/{machine['id']}"
    assert machine["cordoned"] is True
    await fly.call("POST", one, {"config": {"image": "stub:2"}})
    assert (await fly.call("GET", one))["cordoned"] is True
    await fly.call("POST", one + "/uncordon")
    assert (await fly.call("GET", one))["cordoned"] is False
    await fly.call("POST", one + "/cordon")
    shown = await fly.call("GET", one)
    assert (shown["cordoned"], shown["state"]) == (True, "started")


async def test_a_running_machine_is_destroyed_only_by_force(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    error = await fly.call("DELETE", one, expect=412)
    assert "not currently stopped" in error["error"]
    await fly.call("DELETE", one + "?kill=true")
    assert ("forget", machine["id"]) in fly.runtime.log
    assert (await fly.call("GET", one))["state"] == "destroyed"
    assert await fly.call("GET", path) == []
    assert len(await fly.call("GET", path + "?include_deleted=true")) == 1
    for method, at in (("DELETE", "?force=true"), ("POST", "/start"), ("POST", "/lease")):
        await fly.call(method, one + at, expect=404)
    stopped = await fly.machine(path, skip_launch=True)
    await fly.call("DELETE", f"{path}/{stopped['id']}")


async def test_destroyed_machines_answer_for_a_while_only(fly: Sandbox) -> None:
    path = await fly.app()
    ids = []
    for _ in range(22):
        machine = await fly.machine(path, skip_launch=True)
        ids.append(machine["id"])
        await fly.call("DELETE", f"{path}/{machine['id']}")
    await fly.call("GET", f"{path}/{ids[-1]}")
    await fly.call("GET", f"{path}/{ids[0]}", expect=404)


async def test_the_list_is_filtered_by_metadata_region_and_state(fly: Sandbox) -> None:
    path = await fly.app()
    one = await fly.machine(path, config={"metadata": {"launch": "a", "group": "app"}})
    two = await fly.machine(
        path, region="ams", config={"metadata": {"launch": "b"}}, skip_launch=True
    )

    async def ids(query: str) -> list[str]:
        return [machine["id"] for machine in await fly.call("GET", path + query)]

    assert await ids("") == [one["id"], two["id"]]
    assert await ids("?metadata.launch=a") == [one["id"]]
    assert await ids("?metadata.launch=b&metadata.group=app") == []
    assert await ids("?region=ams") == [two["id"]]
    assert await ids("?state=started,created") == [one["id"]]
    summary = await fly.call("GET", path + "?summary=true")
    assert "config" not in summary[0]
    assert summary[0]["instance_id"] == one["instance_id"]


async def test_metadata_is_changed_in_place_whoever_holds_the_lease(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path, config={"metadata": {"a": "1", "b": "2"}}, lease_ttl=60)
    at = f"{path}/{machine['id']}/metadata"
    await fly.call("POST", at + "/c", {"value": "3"}, expect=204)
    await fly.call("DELETE", at + "/a", expect=204)
    assert await fly.call("GET", at) == {"b": "2", "c": "3"}
    assert await fly.call("GET", at + "/c") == {"value": "3"}
    await fly.call("GET", at + "/a", expect=404)
    await fly.call("POST", at + "/c", {"value": 3}, expect=422)
    shown = await fly.call("GET", f"{path}/{machine['id']}")
    assert shown["instance_id"] == machine["instance_id"]
    assert shown["config"]["metadata"] == {"b": "2", "c": "3"}
    patch = {"metadata": {"b": None, "d": "4"}, "machine_version": "01OLD"}
    await fly.call("PATCH", at, patch, expect=412)
    patch["machine_version"] = machine["instance_id"]
    assert (await fly.call("PATCH", at, patch))["metadata"] == {"c": "3", "d": "4"}
    assert len([line for line in fly.runtime.log if line[0] == "start"]) == 1
