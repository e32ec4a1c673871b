from typing import Any

import pytest

from tests.unit.sandbox.fakes import Sandbox

PATH = "/v1/apps/web/volumes"


async def volume(fly: Sandbox, **fields: Any) -> Any:
    return await fly.call("POST", PATH, {"name": "data", "region": "iad", "size_gb": 10, **fields})


def mounting(*volumes: Any) -> dict[str, Any]:
    return {"mounts": [{"volume": each["id"], "path": "/data"} for each in volumes]}


async def test_a_volume_is_created_shown_changed_and_extended(fly: Sandbox) -> None:
    await fly.app()
    made = await volume(fly)
    assert (made["state"], made["size_gb"], made["attached_machine_id"]) == ("created", 10, None)
    assert made["encrypted"] is True
    one = f"{PATH}/{made['id']}"
    assert await fly.call("GET", one) == made
    assert await fly.call("GET", PATH) == [made]
    changed = await fly.call("PUT", one, {"snapshot_retention": 14, "auto_backup_enabled": False})
    assert (changed["snapshot_retention"], changed["auto_backup_enabled"]) == (14, False)
    grown = await fly.call("PUT", one + "/extend", {"size_gb": 20})
    assert grown["volume"]["size_gb"] == 20
    await fly.call("PUT", one + "/extend", {"size_gb": 5}, expect=422)


@pytest.mark.parametrize(
    "fields", [{"region": "mars"}, {"region": None}, {"name": "a-b"}, {"size_gb": 501}]
)
async def test_a_volume_fly_would_not_make_is_refused(fly: Sandbox, fields: dict[str, Any]) -> None:
    await fly.app()
    body = {"name": "data", "region": "iad", "size_gb": 1, **fields}
    await fly.call("POST", PATH, body, expect=422)
    assert not fly.state.volumes


async def test_a_volume_survives_its_machine_and_cannot_go_before_it(fly: Sandbox) -> None:
    path = await fly.app()
    made = await volume(fly)
    machine = await fly.machine(path, config=mounting(made))
    data = fly.state.volume_dir(made["id"]) / "PG_VERSION"
    data.write_text("18")
    one = f"{PATH}/{made['id']}"
    assert (await fly.call("GET", one))["attached_machine_id"] == machine["id"]
    error = await fly.call("DELETE", one, expect=412)
    assert machine["id"] in error["error"]
    await fly.call("DELETE", f"{path}/{machine['id']}?force=true")
    assert (await fly.call("GET", one))["attached_machine_id"] is None
    assert data.read_text() == "18"
    again = await fly.machine(path, config=mounting(made))
    assert (await fly.call("GET", one))["attached_machine_id"] == again["id"]


async def test_a_deleted_volume_stays_listed_as_pending_destroy_and_its_data_are_gone(
    fly: Sandbox,
) -> None:
    path = await fly.app()
    made = await volume(fly)
    assert fly.state.volume_dir(made["id"]).is_dir()
    one = f"{PATH}/{made['id']}"
    assert (await fly.call("DELETE", one))["state"] == "pending_destroy"
    assert [row["state"] for row in await fly.call("GET", PATH)] == ["pending_destroy"]
    assert (await fly.call("GET", one))["state"] == "pending_destroy"
    assert not fly.state.volume_dir(made["id"]).exists()
    assert (await fly.call("GET", "/v1/apps/web"))["volume_count"] == 0
    await fly.call("DELETE", one, expect=404)
    await fly.machine(path, config=mounting(made), expect=422)


async def test_a_machine_gets_a_volume_that_is_free_and_near(fly: Sandbox) -> None:
    path = await fly.app()
    taken, far, other = [await volume(fly, region=region) for region in ("iad", "ams", "iad")]
    await fly.machine(path, config=mounting(taken))
    for config, said in (
        (mounting(taken), "is attached to machine"),
        (mounting(far), "is in region ams, not iad"),
        (mounting(taken, other), "at most one volume"),
        ({"mounts": [{"volume": other["id"], "path": "data"}]}, "not absolute"),
    ):
        error = await fly.machine(path, config=config, expect=422)
        assert said in error["error"]
    strange = await fly.app("other")
    await fly.machine(strange, config=mounting(other), expect=422)


async def test_an_update_keeps_the_volumes_of_a_machine(fly: Sandbox) -> None:
    path = await fly.app()
    made, other = await volume(fly), await volume(fly)
    machine = await fly.machine(path, config=mounting(made))
    one = f"{path}/{machine['id']}"
    await fly.call("POST", one, {"config": {"image": "stub:2", **mounting(made)}})
    for mounts in ({}, mounting(other)):
        error = await fly.call("POST", one, {"config": {"image": "stub:2", **mounts}}, expect=422)
        assert "cannot be changed" in error["error"]
