import pytest

from tests.unit.sandbox.fakes import Sandbox


async def test_an_app_is_created_shown_listed_and_deleted(fly: Sandbox) -> None:
    created = await fly.call(
        "POST", "/v1/apps", {"app_name": "web", "org_slug": "acme"}, expect=201
    )
    assert set(created) == {"id", "created_at"}
    shown = await fly.call("GET", "/v1/apps/web")
    assert (shown["name"], shown["status"]) == ("web", "pending")
    assert shown["organization"]["slug"] == "acme"
    assert isinstance(shown["organization"]["internal_numeric_id"], int)
    listed = await fly.call("GET", "/v1/apps?org_slug=acme")
    assert [app["name"] for app in listed["apps"]] == ["web"]
    assert (await fly.call("GET", "/v1/apps?org_slug=other"))["apps"] == []
    await fly.call("DELETE", "/v1/apps/web", expect=202)
    error = await fly.call("GET", "/v1/apps/web", expect=404)
    assert "not found" in error["error"]


async def test_a_name_in_use_is_refused_with_the_code_name_taken(fly: Sandbox) -> None:
    await fly.app("web")
    body = {"name": "web", "org_slug": "other"}
    error = await fly.call("POST", "/v1/apps", body, expect=422)
    assert error == {"error": "Name has already been taken", "status": "name_taken"}


@pytest.mark.parametrize("name", ["Web", "a_b", "-a", "a" * 64, "", None, 3])
async def test_a_name_that_is_no_label_is_refused(fly: Sandbox, name: object) -> None:
    error = await fly.call("POST", "/v1/apps", {"name": name, "org_slug": "a"}, expect=422)
    assert error["status"] == "invalid_argument"


async def test_the_list_needs_an_organisation(fly: Sandbox) -> None:
    assert "org_slug" in (await fly.call("GET", "/v1/apps", expect=400))["error"]


async def test_apps_have_loopback_networks_of_their_own_and_free_ones_are_used_again(
    fly: Sandbox,
) -> None:
    await fly.app("one")
    await fly.app("two")
    assert fly.state.apps["two"].address == "127.77.2.1"
    await fly.call("DELETE", "/v1/apps/one", expect=202)
    await fly.app("three")
    assert fly.state.apps["three"].address == "127.77.1.1"


async def test_a_deleted_app_takes_machines_volumes_and_secrets_with_it(fly: Sandbox) -> None:
    path = await fly.app()
    volume = await fly.call(
        "POST", "/v1/apps/web/volumes", {"name": "data", "region": "iad", "size_gb": 1}
    )
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "v"}})
    mounts = [{"volume": volume["id"], "path": "/data"}]
    machine = await fly.machine(path, config={"mounts": mounts})
    assert machine["id"] in fly.runtime.running
    assert fly.state.volume_dir(volume["id"]).is_dir()
    await fly.call("DELETE", "/v1/apps/web", expect=202)
    assert not fly.runtime.running
    assert not fly.state.machines
    assert not fly.state.volumes
    assert not fly.state.volume_dir(volume["id"]).exists()
    await fly.app()
    assert (await fly.call("GET", "/v1/apps/web/secrets"))["secrets"] == []


async def test_addresses_are_assigned_shown_and_released(fly: Sandbox) -> None:
    await fly.app()
    path = "/v1/apps/web/ip_assignments"
    v6 = await fly.call("POST", path, {"type": "v6"})
    assert {"ip", "region", "shared", "created_at"} <= set(v6)
    assert (v6["shared"], ":" in v6["ip"]) == (False, True)
    shared = await fly.call("POST", path, {"type": "shared_v4"})
    assert (shared["shared"], ":" in shared["ip"]) == (True, False)
    app = fly.state.apps["web"]
    kinds = [(app.has_public_ip, app.has_private_ip)]
    private = await fly.call("POST", path, {"type": "private_v6", "network": ""})
    assert private["ip"].startswith("fdaa:")
    kinds.append((app.has_public_ip, app.has_private_ip))
    assert kinds == [(True, False), (True, True)]
    listed = (await fly.call("GET", path))["ips"]
    assert listed == [v6, shared, private]
    for ip in (v6, shared, private):
        await fly.call("DELETE", f"{path}/{ip['ip']}", expect=204)
    assert (await fly.call("GET", path))["ips"] == []
    assert not fly.state.apps["web"].has_public_ip


async def test_a_second_shared_address_is_the_first_and_a_second_v6_is_another(
    fly: Sandbox,
) -> None:
    await fly.app()
    path = "/v1/apps/web/ip_assignments"
    shared = [await fly.call("POST", path, {"type": "shared_v4"}) for _ in range(2)]
    v6 = [await fly.call("POST", path, {"type": "v6"}) for _ in range(2)]
    assert shared[0] == shared[1]
    assert v6[0]["ip"] != v6[1]["ip"]


async def test_address_errors_have_the_other_shape(fly: Sandbox) -> None:
    path = "/v1/apps/web/ip_assignments"
    assert set(await fly.call("GET", path, expect=404)) == {"message"}
    await fly.app()
    for type_, status in (("v5", 422), ("egress_v4", 501)):
        assert set(await fly.call("POST", path, {"type": type_}, expect=status)) == {"message"}
    error = await fly.call("DELETE", path + "/fdaa::9", expect=404)
    assert "IP address" in error["message"]
