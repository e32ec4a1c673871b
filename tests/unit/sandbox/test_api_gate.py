import httpx
import pytest

from sandbox.api.gate import ConnectionDroppedError
from tests.unit.sandbox.fakes import Sandbox

APP = {"name": "web", "org_slug": "acme"}


async def order(fly: Sandbox, action: dict[str, object], **match: object) -> None:
    await fly.call("POST", "/_sandbox/faults", {"match": match, "action": action}, expect=204)


@pytest.mark.parametrize("token", ["Bearer sandbox", "Bearer fo1_abc", "FlyV1 fm2_abc"])
async def test_tokens_by_their_beginning(fly: Sandbox, token: str) -> None:
    headers = {"authorization": token}
    response = await fly.http.get("/v1/apps?org_slug=a", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer other", "Basic sandbox", "sandbox"])
async def test_other_tokens_are_refused_and_nothing_happens(fly: Sandbox, token: str) -> None:
    headers = {"authorization": token}
    response = await fly.http.post("/v1/apps", json=APP, headers=headers)
    assert response.status_code == 401
    assert "authenticated" in response.json()["error"]
    assert not fly.state.apps
    assert [call.status for call in fly.board.calls] == [401]


async def test_every_reply_has_a_request_id_of_its_own(fly: Sandbox) -> None:
    ids = {(await fly.http.get("/v1/apps/x")).headers["fly-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_calls_are_counted_in_order_and_control_calls_are_not(fly: Sandbox) -> None:
    await fly.call("POST", "/v1/apps", APP, expect=201)
    await fly.call("GET", "/_sandbox/status")
    await fly.call("GET", "/v1/apps/none?x=1", expect=404)
    assert await fly.call("GET", "/_sandbox/calls") == [
        {"n": 1, "method": "POST", "path": "/v1/apps", "query": "", "status": 201},
        {"n": 2, "method": "GET", "path": "/v1/apps/none", "query": "x=1", "status": 404},
    ]
    await fly.call("POST", "/_sandbox/calls/reset", expect=204)
    await fly.call("GET", "/v1/apps/web")
    assert [call["n"] for call in await fly.call("GET", "/_sandbox/calls")] == [1]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/apps/web/machines/x/versions"),
        ("POST", "/v1/apps/web/machines/x/signal"),
        ("PUT", "/v1/apps/web"),
        ("POST", "/api/v1/builds/depot_builder"),
        ("GET", "/v1/postgres/x/backups"),
        ("GET", "/v1/apps/"),
    ],
)
async def test_what_is_not_done_says_so_loudly(fly: Sandbox, method: str, path: str) -> None:
    error = await fly.call(method, path, expect=501)
    assert error["status"] == "not_implemented"
    assert f"{method} {path}" in error["error"]
    assert "COVERAGE.md" in error["error"]


async def test_a_body_that_is_no_object_is_refused(fly: Sandbox) -> None:
    for content in ("{", "[]", '"text"'):
        response = await fly.http.post("/v1/apps", content=content)
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]


async def test_a_status_fault_strikes_the_calls_it_was_ordered_for(fly: Sandbox) -> None:
    await fly.app()
    action = {"kind": "status", "status": 503, "body": {"error": "gone"}, "headers": {"X-A": "b"}}
    await order(fly, action, method="get", path_regex="^/v1/apps/web$", nth=2, times=2)
    statuses = []
    for _ in range(5):
        await fly.call("GET", "/v1/apps?org_slug=acme")
        response = await fly.http.get("/v1/apps/web")
        statuses.append(response.status_code)
        if response.status_code == 503:
            assert response.json() == {"error": "gone"}
            assert response.headers["x-a"] == "b"
    assert statuses == [200, 503, 503, 200, 200]


async def test_a_fault_strikes_once_unless_told_and_for_ever_until_taken_back(
    fly: Sandbox,
) -> None:
    await order(fly, {"kind": "status", "status": 429}, path_regex="/apps")
    statuses = [(await fly.http.get("/v1/apps/x")).status_code for _ in range(2)]
    assert statuses == [429, 404]
    await order(fly, {"kind": "status"}, path_regex="/apps", times=None)
    statuses = [(await fly.http.get("/v1/apps/x")).status_code for _ in range(4)]
    assert statuses == [500] * 4
    await fly.call("DELETE", "/_sandbox/faults", expect=204)
    assert (await fly.http.get("/v1/apps/x")).status_code == 404


async def test_a_status_fault_leaves_the_call_without_effect(fly: Sandbox) -> None:
    await order(fly, {"kind": "status"}, method="POST", path_regex="^/v1/apps$")
    await fly.call("POST", "/v1/apps", APP, expect=500)
    assert not fly.state.apps
    await fly.call("POST", "/v1/apps", APP, expect=201)
    assert "web" in fly.state.apps


async def test_a_lost_reply_comes_after_the_effect(fly: Sandbox) -> None:
    await order(fly, {"kind": "lost_reply"}, path_regex="^/v1/apps$")
    with pytest.raises(ConnectionDroppedError, match="no answer"):
        await fly.http.post("/v1/apps", json=APP)
    assert "web" in fly.state.apps
    assert [call.status for call in fly.board.calls] == [None]


async def test_a_timeout_has_no_effect(fly: Sandbox) -> None:
    await order(fly, {"kind": "timeout", "seconds": 0}, path_regex="^/v1/apps$")
    with pytest.raises(ConnectionDroppedError, match="no answer"):
        await fly.http.post("/v1/apps", json=APP)
    assert not fly.state.apps
    await fly.http.post("/v1/apps", json=APP)
    assert fly.state.apps


async def test_latency_only_delays(fly: Sandbox) -> None:
    await order(fly, {"kind": "latency", "seconds": 0.01}, path_regex="^/v1/apps$")
    await fly.call("POST", "/v1/apps", APP, expect=201)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"match": {}, "action": {"kind": "explode"}},
        {"match": {"path_regex": "("}, "action": {"kind": "status"}},
        {"match": {"path": "x"}, "action": {"kind": "status"}},
        {"match": {}, "action": {"kind": "status", "code": 1}},
        {"match": {"nth": "two"}, "action": {"kind": "status"}},
        {"match": {"times": 0.5}, "action": {"kind": "status"}},
    ],
)
async def test_a_fault_nobody_understands_is_refused(fly: Sandbox, body: object) -> None:
    await fly.call("POST", "/_sandbox/faults", body, expect=422)
    assert not fly.board.faults


async def test_a_kill_before_the_nth_call_leaves_it_without_effect(fly: Sandbox) -> None:
    await fly.call("POST", "/_sandbox/kill", {"pid": 4242, "nth": 2, "when": "before"}, expect=204)
    await fly.call("GET", "/v1/apps/web", expect=404)
    assert fly.killed == []
    with pytest.raises(ConnectionDroppedError, match="no answer"):
        await fly.http.post("/v1/apps", json=APP)
    assert fly.killed == [4242]
    assert not fly.state.apps
    await fly.call("POST", "/v1/apps", APP, expect=201)
    assert fly.killed == [4242]


async def test_a_kill_after_the_nth_call_comes_when_it_took_effect(fly: Sandbox) -> None:
    await fly.call("POST", "/_sandbox/kill", {"pid": 4242, "nth": 1, "when": "after"}, expect=204)
    await fly.http.post("/v1/apps", json=APP)
    assert fly.killed == [4242]
    assert "web" in fly.state.apps


async def test_an_ordered_kill_can_be_taken_back(fly: Sandbox) -> None:
    await fly.call("POST", "/_sandbox/kill", {"pid": 4242, "nth": 1}, expect=204)
    await fly.call("DELETE", "/_sandbox/kill", expect=204)
    await fly.call("GET", "/v1/apps/web", expect=404)
    assert fly.killed == []


@pytest.mark.parametrize("body", [{"pid": 1}, {"pid": "x"}, {"pid": 5, "nth": 0}, {"pid": -5}])
async def test_a_kill_of_nobody_in_particular_is_refused(fly: Sandbox, body: object) -> None:
    await fly.call("POST", "/_sandbox/kill", body, expect=422)


async def test_rate_limits_are_off_until_asked_for(fly: Sandbox) -> None:
    await fly.app()
    for _ in range(10):
        await fly.call("GET", "/v1/apps/web/secrets")
    await fly.call("POST", "/_sandbox/rate-limits", {"enabled": True}, expect=204)
    for _ in range(3):
        await fly.call("GET", "/v1/apps/web/secrets")
    error = await fly.call("GET", "/v1/apps/web/secrets", expect=429)
    assert "rate limit" in error["error"]
    await fly.call("GET", "/v1/apps/web/volumes")
    fly.clock.now += 1
    await fly.call("GET", "/v1/apps/web/secrets")
    await fly.call("GET", "/v1/apps/web/secrets", expect=429)
    await fly.call("POST", "/_sandbox/rate-limits", {"enabled": False}, expect=204)
    await fly.call("GET", "/v1/apps/web/secrets")


async def test_a_machine_may_be_looked_at_more_often(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    fly.board.limit_rates(enabled=True)
    statuses = [(await fly.http.get(f"{path}/{machine['id']}")).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]


async def test_a_web_page_cannot_drive_the_sandbox(fly: Sandbox) -> None:
    headers = {"origin": "https://example.com"}
    response = await fly.http.post("/_sandbox/kill", json={"pid": 4242}, headers=headers)
    assert response.status_code == 403
    assert not fly.board.kills


async def test_control_endpoints_need_no_token(fly: Sandbox) -> None:
    api = httpx.ASGITransport(app=fly.api)
    async with httpx.AsyncClient(transport=api, base_url="http://sandbox") as client:
        assert (await client.get("/_sandbox/status")).status_code == 200
