from typing import Any

import pytest

from components.declared import DECLARED
from components.managed_cluster import ManagedClusterProvider
from components.managed_postgres import ManagedUserProvider
from fly.errors import FlyUnauthorized
from fly.managed_postgres import ManagedPostgresError
from tests.unit.fly.fake_fly import FakeFly, ok, refused

CLUSTER = ManagedClusterProvider()
INPUTS: dict[str, Any] = {
    "organization": "acme",
    "name": "db",
    "region": "iad",
    "plan": "basic",
    "disk_size_gb": 10,
    "pg_major_version": 17,
    "pool_mode": "transaction",
}


def row(status: str = "ready", **more: Any) -> dict[str, Any]:
    primary = {
        key: {"host": f"{label}.c1.flympg.net", "port": 5432}
        for key, label in (("direct", "direct"), ("pooler", "pgbouncer"))
    }
    told = {"id": "c1", "name": "db", "status": status, "region": "iad", "plan": "basic"}
    told |= {"pg_major_version": "17"}
    endpoints = {"primary": primary} if status == "ready" else {}
    return {**told, "disk_size_gb": 10, "endpoints": endpoints, **more}


def test_a_cluster_that_a_killed_run_asked_for_is_taken_up_and_not_asked_for_again() -> None:
    fly = FakeFly().on("GET /postgres", ok({"data": [row("creating")]}))
    fly.on("GET /postgres/c1", ok({"data": row("creating")}), ok({"data": row()}))
    made = CLUSTER.make(fly.api(), INPUTS)
    assert fly.count("POST") == 0
    assert (made.id, made.computed["pooled_host"]) == ("c1", "pgbouncer.c1.flympg.net")
    seen = CLUSTER.look(fly.api(), "c1", {**INPUTS, **made.computed})
    assert seen is not None
    assert {**INPUTS, **seen.inputs} == INPUTS
    assert seen.computed.items() <= made.computed.items()


def test_all_that_the_settings_want_otherwise_is_told_at_once_and_nothing_is_sent() -> None:
    there = row(plan="launch", disk_size_gb=5, pg_major_version="16")
    fly = FakeFly().on("GET /postgres/c1", ok({"data": there}))
    with pytest.raises(ManagedPostgresError, match=r"plan = basic, is launch(.|\n)*dashboard") as e:
        CLUSTER.change(fly.api(), "c1", INPUTS, INPUTS)
    assert "disk_size_gb = 10, is 5" in str(e.value)
    assert "pg_major_version = 17, is 16" in str(e.value)
    assert {request.method for request in fly.requests} == {"GET"}


def test_a_disk_that_grew_stops_nothing_and_a_smaller_one_is_refused_in_a_preview(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fly = FakeFly().on("GET /postgres/c1", ok({"data": row(disk_size_gb=20)}))
    before = {**INPUTS, "disk_size_gb": 20, "asked_disk_size_gb": 10}
    made = CLUSTER.change(fly.api(), "c1", before, INPUTS)
    assert made.computed["asked_disk_size_gb"] == 10
    assert "has 20 GB and stays so" in capsys.readouterr().out
    with pytest.raises(ManagedPostgresError, match="only grows"):
        CLUSTER.diff("c1", before, {**INPUTS, "disk_size_gb": 5.0})
    assert CLUSTER.diff("c1", before, INPUTS).replaces is None


def test_a_cluster_is_gone_only_for_a_token_that_sees_the_organisation() -> None:
    fly = FakeFly().on("GET /postgres/c1", refused(404, "not found"))
    fly.on("GET /postgres", ok({"data": []}), refused(403, "no"))
    assert CLUSTER.look(fly.api(), "c1", INPUTS) is None
    with pytest.raises(FlyUnauthorized, match="no"):
        CLUSTER.look(fly.api(), "c1", INPUTS)


def test_another_password_of_a_user_shows_without_being_shown() -> None:
    secrets = ["first-" + "password", "second-" + "password"]
    answers = [ok({"data": {"username": "litellm", "password": text}}) for text in secrets]
    fly = FakeFly().on("GET /postgres/c1/users/litellm/credentials", answers[0], *answers)
    user = {"username": "litellm", "role": "schema_admin"}
    fly.on("GET /postgres/c1/users", ok({"data": [user]}))
    inputs = {"cluster": "db", "cluster_id": "c1", "login": DECLARED, **user}
    provider = ManagedUserProvider()
    made = provider.make(fly.api(), inputs)
    assert made.computed["password"] == secrets[0]
    looks = [provider.look(fly.api(), made.id, {**inputs, **made.computed}) for _ in range(2)]
    told = [look.inputs["login"] for look in looks if look is not None]
    assert told[0] == DECLARED
    assert told[1].startswith("changed outside: digest ")
    assert not [text for text in secrets if text in str(looks)]
