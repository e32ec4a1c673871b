import pytest

from tests.unit.sandbox.fakes import Sandbox

PATH = "/v1/apps/web/secrets"
MARKER = "sk-marker-1f6c"


async def test_several_secrets_are_set_and_unset_at_once_and_each_change_is_a_version(
    fly: Sandbox,
) -> None:
    await fly.app()
    first = await fly.call("POST", PATH, {"values": {"A": "1", "B": "2"}})
    assert (first["version"], [row["name"] for row in first["secrets"]]) == (1, ["A", "B"])
    second = await fly.call("POST", PATH, {"values": {"A": None, "C": "3"}})
    assert (second["version"], [row["name"] for row in second["secrets"]]) == (2, ["C"])
    listed = (await fly.call("GET", PATH))["secrets"]
    assert [row["name"] for row in listed] == ["B", "C"]
    assert set(listed[0]) == {"name", "digest", "created_at", "updated_at"}


async def test_no_answer_and_no_record_holds_a_value(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.machine(path)
    answers = [
        await fly.call("POST", PATH, {"values": {"KEY": MARKER}}),
        await fly.call("POST", PATH + "/OTHER", {"value": MARKER}, expect=201),
        await fly.call("GET", PATH),
        await fly.call("GET", PATH + "/KEY"),
        await fly.call("GET", path),
        await fly.call("GET", "/_sandbox/status"),
        await fly.call("GET", "/_sandbox/calls"),
    ]
    assert MARKER not in repr(answers)
    assert MARKER not in (fly.state.home / "state.json").read_text()
    kept = fly.state.home / "secrets.json"
    assert MARKER in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert MARKER not in repr(fly.state.secrets.bag("web"))


async def test_a_digest_follows_the_value_and_tells_nothing_across_apps(fly: Sandbox) -> None:
    await fly.app("web")
    await fly.app("other")

    async def digest(app: str, value: str) -> str:
        path = f"/v1/apps/{app}/secrets"
        reply = await fly.call("POST", path, {"values": {"KEY": value}})
        return str(reply["secrets"][0]["digest"])

    first = await digest("web", "x")
    assert await digest("web", "y") != first
    assert await digest("web", "x") == first
    assert await digest("other", "x") != first


async def test_one_secret_is_set_shown_and_deleted(fly: Sandbox) -> None:
    await fly.app()
    created = await fly.call("POST", PATH + "/KEY", {"value": "1"}, expect=201)
    fly.clock.now += 60
    changed = await fly.call("POST", PATH + "/KEY", {"value": "2"}, expect=201)
    assert changed["created_at"] == created["created_at"]
    assert changed["updated_at"] > created["updated_at"]
    assert changed["version"] == created["version"] + 1
    await fly.call("GET", PATH + "/KEY")
    await fly.call("DELETE", PATH + "/KEY")
    await fly.call("GET", PATH + "/KEY", expect=404)
    await fly.call("DELETE", PATH + "/KEY", expect=404)


@pytest.mark.parametrize("values", [{}, None, [], {"A B": "1"}, {"A": 1}, {"1A": "x"}])
async def test_values_that_are_no_secrets_are_refused_and_nothing_is_set(
    fly: Sandbox, values: object
) -> None:
    await fly.app()
    await fly.call("POST", PATH, {"values": values}, expect=422)
    assert fly.state.secrets.bag("web").version == 0


async def test_values_are_never_shown_on_demand(fly: Sandbox) -> None:
    await fly.app()
    await fly.call("POST", PATH, {"values": {"KEY": MARKER}})
    error = await fly.call("GET", PATH + "?show_secrets=true", expect=501)
    assert "write-only" in error["error"]


async def test_a_machine_keeps_its_secrets_until_an_update(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", PATH, {"values": {"KEY": "old"}})
    machine = await fly.machine(path)
    one = f"{path}/{machine['id']}"
    version = (await fly.call("POST", PATH, {"values": {"KEY": "new"}}))["version"]
    await fly.call("POST", one + "/restart")
    assert fly.runtime.running[machine["id"]].secrets == {"KEY": "old"}
    body = {"config": machine["config"], "min_secrets_version": version}
    await fly.call("POST", one, body)
    assert fly.runtime.running[machine["id"]].secrets == {"KEY": "new"}


async def test_a_version_of_the_secrets_that_is_not_there_yet_is_refused(fly: Sandbox) -> None:
    path = await fly.app()
    error = await fly.machine(path, min_secrets_version=1, expect=412)
    assert error["status"] == "failed_precondition"
    assert not fly.state.machines


async def test_a_machine_can_do_without_secrets(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", PATH, {"values": {"KEY": "v"}})
    machine = await fly.machine(path, skip_secrets=True)
    assert fly.runtime.running[machine["id"]].secrets == {}


async def test_values_out_of_use_are_forgotten(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", PATH, {"values": {"KEY": "first"}})
    machine = await fly.machine(path)
    for value in ("second", "third"):
        await fly.call("POST", PATH, {"values": {"KEY": value}})
    kept = (fly.state.home / "secrets.json").read_text()
    assert "first" in kept
    assert "second" not in kept
    await fly.call("DELETE", f"{path}/{machine['id']}?force=true")
    assert "first" not in (fly.state.home / "secrets.json").read_text()
