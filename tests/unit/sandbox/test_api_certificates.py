"""Host names in the sandbox: the shapes that the client reads, and what a control call does."""

from tests.unit.sandbox.fakes import Sandbox

NAME = "gateway.acme.example"
PATH = "/v1/apps/web/certificates"


async def test_a_host_name_waits_until_it_is_said_to_be_issued(fly: Sandbox) -> None:
    await fly.app()
    await fly.call("POST", "/v1/apps/web/ip_assignments", {"type": "v6"})
    made = await fly.call("POST", f"{PATH}/acme", {"hostname": NAME}, expect=201)
    assert (made["configured"], made["acme_requested"]) == (False, True)
    needed = made["dns_requirements"]
    assert needed["aaaa"]
    assert needed["acme_challenge"]["name"] == f"_acme-challenge.{NAME}"
    assert needed["ownership"]["app_value"]

    await fly.call("POST", f"/_sandbox/apps/web/certificates/{NAME}/issue", expect=204)
    assert (await fly.call("GET", f"{PATH}/{NAME}"))["configured"] is True
    listed = await fly.call("GET", PATH)
    assert [row["hostname"] for row in listed["certificates"]] == [NAME]


async def test_a_name_is_taken_once_and_must_be_one(fly: Sandbox) -> None:
    await fly.app()
    await fly.call("POST", f"{PATH}/acme", {"hostname": NAME}, expect=201)
    assert "message" in await fly.call("POST", f"{PATH}/acme", {"hostname": NAME}, expect=422)
    await fly.call("POST", f"{PATH}/acme", {"hostname": "nodot"}, expect=422)


async def test_a_name_that_was_removed_is_not_found(fly: Sandbox) -> None:
    await fly.app()
    await fly.call("POST", f"{PATH}/acme", {"hostname": NAME}, expect=201)
    await fly.call("DELETE", f"{PATH}/{NAME}", expect=204)
    await fly.call("GET", f"{PATH}/{NAME}", expect=404)


async def test_a_long_list_comes_in_pages(fly: Sandbox) -> None:
    await fly.app()
    for number in range(3):
        await fly.call("POST", f"{PATH}/acme", {"hostname": f"{number}.acme.example"}, expect=201)
    first = await fly.call("GET", f"{PATH}?limit=2")
    rest = await fly.call("GET", f"{PATH}?limit=2&cursor={first['next_cursor']}")
    assert [len(page["certificates"]) for page in (first, rest)] == [2, 1]
    assert "next_cursor" not in rest
