import json

import httpx
import pytest

from fly.errors import FlyNotFound
from fly.managed_postgres import Endpoint, ManagedPostgresError
from tests.unit.fly.fake_fly import FakeFly, ok, refused

LOST = httpx.ReadTimeout("lost")
ASKED = {"name": "db", "region": "iad", "disk_size_gb": 10, "pg_major_version": 17}
MODE = {"pool_mode": "transaction"}


def row(status: str = "ready", id_: str = "c1", **more: object) -> dict[str, object]:
    return {"id": id_, "name": "db", "status": status, "region": "iad", "plan": "basic", **more}


def test_a_lost_reply_to_a_create_makes_no_second_cluster() -> None:
    fly = FakeFly()
    fly.on("POST /postgres", LOST)
    fly.on(
        "GET /postgres", ok({"data": []}), ok({"data": [row("deleting", "c0"), row("creating")]})
    )
    cluster = fly.api().managed_postgres.create("acme", plan="performance", **ASKED, **MODE)  # type: ignore[arg-type]
    assert (cluster.id, cluster.status) == ("c1", "creating")
    assert fly.count("POST") == 1
    sent = json.loads(fly.requests[0].content)
    assert (sent["plan"], sent["pg_major_version"]) == ("Performance", "17")
    assert fly.requests[1].url.params["org_slug"] == "acme"


def test_a_cluster_is_awaited_through_its_states_and_then_tells_where_it_is() -> None:
    fly = FakeFly()
    primary = {
        "direct": {"host": "direct.c1.flympg.net", "port": 5432},
        "pooler": {"host": "pgbouncer.c1.flympg.net", "port": 5432},
    }
    ready = row(plan="Performance", pg_major_version="17", endpoints={"primary": primary})
    states = [row("creating"), row("creating"), row("initializing"), row("initializing"), ready]
    fly.on("GET /postgres/c1", *(ok({"data": state}) for state in states))
    told: list[str] = []
    cluster = fly.api().managed_postgres.await_ready("c1", progress=told.append)
    assert told == ["cluster db: creating, 0 s", "cluster db: initializing, 2 s"]
    assert fly.time.sleeps == [0.5, 1, 2, 3]
    assert (cluster.plan, cluster.pg_major_version) == ("performance", 17)
    assert cluster.pooler == Endpoint("pgbouncer.c1.flympg.net", 5432)
    assert cluster.direct.host == "direct.c1.flympg.net"


@pytest.mark.parametrize(("status", "what"), [("failed", "is failed"), ("creating", "after 60 s")])
def test_a_cluster_that_does_not_become_ready_is_an_error_with_a_next_step(
    status: str, what: str
) -> None:
    fly = FakeFly().on("GET /postgres/c1", ok({"data": row(status)}))
    with pytest.raises(ManagedPostgresError, match=what) as raised:
        fly.api().managed_postgres.await_ready("c1", progress=lambda _: None, timeout_s=60)
    assert "fly mpg status c1" in str(raised.value)


def test_of_two_clusters_of_one_name_none_is_guessed() -> None:
    fly = FakeFly().on("GET /postgres", ok({"data": [row(), row(id_="c2")]}))
    with pytest.raises(ManagedPostgresError, match="2 clusters are called db: c1, c2"):
        fly.api().managed_postgres.find("acme", "db")


def test_a_user_is_made_once_and_gets_its_role_back() -> None:
    fly = FakeFly()
    ours = {"username": "litellm", "role": "reader"}
    fly.on("GET /postgres/c1/users", ok({"data": []}), ok({"data": [ours]}))
    fly.on("POST /postgres/c1/users", LOST)
    fly.on("PATCH /postgres/c1/users/litellm", httpx.Response(204))
    fly.api().managed_postgres.ensure_user("c1", "litellm", "schema_admin")
    assert (fly.count("POST"), fly.count("PATCH")) == (1, 1)
    assert json.loads(fly.requests[-1].content) == {"role": "schema_admin"}


def test_a_cluster_that_was_deleted_is_gone() -> None:
    fly = FakeFly().on("GET /postgres/c1", refused(410, "gone"))
    fly.on("DELETE /postgres/c1", refused(410, "gone"))
    with pytest.raises(FlyNotFound, match="gone"):
        fly.api().managed_postgres.get("c1")
    fly.api().managed_postgres.delete("c1")
