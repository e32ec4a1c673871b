"""Host names: what is sent, lost replies, and DNS records in the order in which they are set."""

import json
from typing import Any

import httpx

from fly.certificates import Certificate
from tests.unit.fly.fake_fly import FakeFly, ok, refused

NAME = "gateway.acme.example"
PATH = "/apps/a/certificates"
ONE: dict[str, Any] = {
    "hostname": NAME,
    "configured": False,
    "acme_requested": True,
    "status": "pending",
    "certificates": [],
    "validation": {"dns_configured": False},
    "dns_requirements": {
        "a": ["66.241.124.1"],
        "aaaa": ["2a09:8280:1::1"],
        "cname": "abc.a.fly.dev",
        "acme_challenge": {"name": f"_acme-challenge.{NAME}", "target": f"{NAME}.abc.flydns.net"},
        "ownership": {"name": f"_fly-ownership.{NAME}", "app_value": "app-x", "org_value": "org-y"},
    },
    "validation_errors": [{"code": None, "message": "no DNS", "remediation": "set it"}],
}


def test_a_host_name_is_added_and_told_with_what_its_owner_has_to_set() -> None:
    fly = FakeFly().on(f"POST {PATH}/acme", ok(ONE, 201))
    made = fly.api().certificates.create("a", NAME)
    assert json.loads(fly.requests[0].content) == {"hostname": NAME}
    assert (made.status, made.configured, made.problems) == ("pending", False, ("no DNS set it",))
    assert [(record.type, record.name, record.value) for record in made.records] == [
        ("TXT", f"_fly-ownership.{NAME}", "app-x"),
        ("CNAME", f"_acme-challenge.{NAME}", f"{NAME}.abc.flydns.net"),
        ("A", NAME, "66.241.124.1"),
        ("AAAA", NAME, "2a09:8280:1::1"),
        ("CNAME", NAME, "abc.a.fly.dev"),
    ]


def test_one_behind_a_lost_reply_is_ours() -> None:
    lost = httpx.ReadError("reset")
    fly = FakeFly().on(f"POST {PATH}/acme", lost).on(f"GET {PATH}/{NAME}", refused(404), ok(ONE))
    assert fly.api().certificates.create("a", NAME).hostname == NAME
    assert fly.count("POST") == 1


def test_every_page_of_a_list_is_read() -> None:
    first = {"certificates": [{"hostname": "b.example"}], "next_cursor": "1"}
    last = {"certificates": [{"hostname": "a.example", "configured": True}]}
    fly = FakeFly().on(f"GET {PATH}", ok(first), ok(last))
    found = fly.api().certificates.list("a")
    assert [(each.hostname, each.configured) for each in found] == [
        ("a.example", True),
        ("b.example", False),
    ]
    assert fly.requests[1].url.params["cursor"] == "1"


def test_one_that_is_gone_is_none_and_removing_it_is_fine() -> None:
    fly = FakeFly().on(f"GET {PATH}/{NAME}", refused(404)).on(f"DELETE {PATH}/{NAME}", refused(404))
    assert fly.api().certificates.find("a", NAME) is None
    fly.api().certificates.delete("a", NAME)


def test_a_name_without_requirements_has_no_records() -> None:
    assert Certificate.parse({"hostname": NAME, "dns_requirements": None}).records == ()
