"""Apps, addresses, secrets, volumes: what is sent, and creates whose reply was lost."""

import json
from typing import Any

import httpx
import pytest

from fly.errors import FlyAmbiguous, FlyNameTaken, FlyNotFound, FlyUnauthorized
from fly.replies import IpType
from tests.unit.fly.fake_fly import FakeFly, ok, refused

LOST = httpx.ReadError("reset")
TAKEN = refused(422, "Name has already been taken", "name_taken")
IPS = "/apps/a/ip_assignments"
VOLUMES = "/apps/a/volumes"


def app(name: str = "a", org: str = "acme") -> dict[str, Any]:
    return {"id": "1", "name": name, "status": "pending", "organization": {"slug": org}}


def sent(fly: FakeFly, index: int = 0) -> Any:
    return json.loads(fly.requests[index].content)


def test_an_app_is_made_and_read_back() -> None:
    fly = FakeFly().on("POST /apps", ok({"id": "1"}, 201)).on("GET /apps/a", ok(app()))
    made = fly.api().apps.create("a", org_slug="acme", network="net")
    assert (made.name, made.organization) == ("a", "acme")
    assert sent(fly) == {"app_name": "a", "name": "a", "org_slug": "acme", "network": "net"}


def test_an_app_that_fly_does_not_show_at_once_is_waited_for() -> None:
    fly = FakeFly().on("POST /apps", ok({}, 201)).on("GET /apps/a", refused(404), ok(app()))
    assert fly.api().apps.create("a", org_slug="acme").name == "a"
    assert fly.time.sleeps == [0.25]


def test_a_taken_name_is_told() -> None:
    fly = FakeFly().on("POST /apps", TAKEN)
    with pytest.raises(FlyNameTaken, match="unique across all of Fly"):
        fly.api().apps.create("a", org_slug="acme")
    assert fly.count("POST") == 1


def test_an_app_behind_a_lost_reply_is_ours() -> None:
    fly = FakeFly().on("POST /apps", LOST).on("GET /apps/a", ok(app()))
    assert fly.api().apps.create("a", org_slug="acme").id == "1"
    assert fly.count("POST") == 1


def test_a_name_taken_by_our_own_lost_create_is_ours() -> None:
    absent = [refused(404)] * 3
    fly = FakeFly().on("POST /apps", LOST, TAKEN).on("GET /apps/a", *absent, ok(app()))
    assert fly.api().apps.create("a", org_slug="acme").id == "1"


def test_a_name_taken_by_another_organisation_after_a_lost_reply_is_told() -> None:
    fly = FakeFly().on("POST /apps", LOST, TAKEN).on("GET /apps/a", ok(app(org="other")))
    with pytest.raises(FlyNameTaken, match="HTTP 422 name_taken"):
        fly.api().apps.create("a", org_slug="acme")


def test_an_app_of_somebody_else_is_no_absent_app() -> None:
    fly = FakeFly().on("GET /apps/a", refused(403))
    with pytest.raises(FlyUnauthorized, match="HTTP 403"):
        fly.api().apps.find("a")


def test_apps_are_listed_by_organisation() -> None:
    fly = FakeFly().on("GET /apps", ok({"apps": [app("x"), app("y")], "total_apps": 2}))
    assert [found.name for found in fly.api().apps.list("acme")] == ["x", "y"]
    assert fly.requests[0].url.params["org_slug"] == "acme"


def test_deleting_an_app_that_is_gone_is_fine() -> None:
    fly = FakeFly().on("DELETE /apps/a", refused(404))
    fly.api().apps.delete("a")
    assert fly.count("DELETE") == 1


def test_an_app_name_cannot_lead_out_of_its_path() -> None:
    fly = FakeFly().on("GET /apps/a/../b", refused(404))
    assert fly.api().apps.find("a/../b") is None
    assert fly.requests[0].url.raw_path == b"/v1/apps/a%2F..%2Fb"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"ip": "1.2.3.4", "shared": True}, IpType.SHARED_V4),
        ({"ip": "1.2.3.4"}, IpType.V4),
        ({"ip": "2a09:8280:1::1"}, IpType.V6),
        ({"ip": "fdaa:0:1::3"}, IpType.PRIVATE_V6),
    ],
)
def test_the_type_of_an_address_is_seen_from_it(row: dict[str, Any], kind: IpType) -> None:
    fly = FakeFly().on(f"GET {IPS}", ok({"ips": [row]}))
    (found,) = fly.api().ips.list("a")
    assert (found.address, found.type) == (row["ip"], kind)


def test_an_address_is_asked_for_by_type() -> None:
    fly = FakeFly().on(f"POST {IPS}", ok({"ip": "fdaa::3"}, 201))
    fly.api().ips.create("a", "private_v6", org_slug="acme", network="n")
    assert sent(fly) == {
        "type": "private_v6",
        "org_slug": "acme",
        "region": "",
        "network": "n",
        "service_name": "",
    }


def test_an_address_behind_a_lost_reply_is_found_by_its_type() -> None:
    rows = {"ips": [{"ip": "2a09::1"}, {"ip": "fdaa::3"}]}
    fly = FakeFly().on(f"POST {IPS}", LOST).on(f"GET {IPS}", ok({"ips": []}), ok(rows))
    assert fly.api().ips.create("a", IpType.PRIVATE_V6).address == "fdaa::3"
    assert fly.count("POST") == 1


def test_giving_back_an_address_that_is_gone_is_fine() -> None:
    fly = FakeFly().on(f"DELETE {IPS}/2a09::1", refused(404))
    fly.api().ips.delete("a", "2a09::1")
    assert fly.requests[0].url.raw_path == b"/v1/apps/a/ip_assignments/2a09%3A%3A1"


def test_secrets_are_listed_by_name_and_their_values_dropped() -> None:
    rows = [{"name": "B", "digest": "d2", "value": "marker"}, {"name": "A", "digest": "d1"}]
    fly = FakeFly().on("GET /apps/a/secrets", ok({"secrets": rows}))
    found = fly.api().secrets.list("a")
    assert [(secret.name, secret.digest) for secret in found] == [("A", "d1"), ("B", "d2")]
    assert "marker" not in repr(found)


def test_secrets_are_set_and_unset_in_one_step_that_may_be_repeated() -> None:
    answer = ok({"version": 7, "secrets": [{"name": "A", "digest": "d"}]})
    fly = FakeFly().on("POST /apps/a/secrets", refused(503), LOST, answer)
    update = fly.api().secrets.update("a", {"A": "1", "B": None})
    assert (update.version, update.secrets[0].digest) == (7, "d")
    assert [sent(fly, n) for n in range(3)] == [{"values": {"A": "1", "B": None}}] * 3


def test_an_app_without_secrets_has_none() -> None:
    fly = FakeFly().on("GET /apps/a/secrets", ok({"secrets": None}))
    assert fly.api().secrets.list("a") == ()


def volume(volume_id: str, **more: Any) -> dict[str, Any]:
    return {"id": volume_id, "name": "data", "region": "iad", "size_gb": 1, **more}


def test_a_volume_is_made() -> None:
    fly = FakeFly().on(f"POST {VOLUMES}", ok(volume("v1")))
    made = fly.api().volumes.create(
        "a", name="data", region="iad", size_gb=1, snapshot_retention_days=7
    )
    assert (made.id, made.attached_machine_id, made.encrypted) == ("v1", None, True)
    assert sent(fly) == {
        "name": "data",
        "region": "iad",
        "size_gb": 1,
        "encrypted": True,
        "snapshot_retention": 7,
    }


def test_a_volume_behind_a_lost_reply_is_the_free_one_of_its_name_and_region() -> None:
    rows = [
        volume("v1", state="pending_destroy"),
        volume("v2", attached_machine_id="m1"),
        volume("v3", region="fra"),
        volume("v4", name="other"),
        volume("v5", state="created"),
    ]
    fly = FakeFly().on(f"POST {VOLUMES}", refused(504)).on(f"GET {VOLUMES}", ok(rows))
    assert fly.api().volumes.create("a", name="data", region="iad", size_gb=1).id == "v5"
    assert fly.count("POST") == 1


def test_a_volume_that_is_never_found_stays_unknown() -> None:
    fly = FakeFly().on(f"POST {VOLUMES}", LOST).on(f"GET {VOLUMES}", ok([]))
    with pytest.raises(FlyAmbiguous, match="ReadError"):
        fly.api().volumes.create("a", name="data", region="iad", size_gb=1)


def test_volumes_on_their_way_out_are_not_listed_and_not_found() -> None:
    leaving = volume("v1", state="pending_destroy")
    fly = FakeFly().on(f"GET {VOLUMES}", ok([leaving, volume("v2")]))
    fly.on(f"GET {VOLUMES}/v1", ok(leaving)).on(f"GET {VOLUMES}/v3", refused(404))
    api = fly.api()
    assert [found.id for found in api.volumes.list("a")] == ["v2"]
    assert api.volumes.find("a", "v1") is None
    assert api.volumes.get("a", "v1").leaving
    assert api.volumes.find("a", "v3") is None
    with pytest.raises(FlyNotFound, match="v3"):
        api.volumes.get("a", "v3")


def test_destroying_a_volume_that_is_gone_is_fine() -> None:
    fly = FakeFly().on(f"DELETE {VOLUMES}/v1", refused(404))
    fly.api().volumes.delete("a", "v1")
    assert fly.count("DELETE") == 1
