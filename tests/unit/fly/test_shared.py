import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from fly.errors import FlyNotFound
from fly.shared import SharedLook
from tests.unit.fly.fake_fly import FakeFly, machine, ok, refused

MACHINES = "GET /apps/a/machines"


def test_a_list_is_asked_for_once_whoever_needs_it() -> None:
    fake = FakeFly().on(MACHINES, ok([machine("m1")]))
    look = SharedLook(fake.api())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: look.machines.list("a"), range(20)))
    assert {rows[0].id for rows in found} == {"m1"}
    assert look.machines.find("a", "m1") is found[0][0]
    assert look.machines.find("a", "m2") is None
    assert fake.count("GET") == 1


def test_those_who_wait_for_a_list_get_it_when_it_comes() -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(_request: httpx.Request) -> httpx.Response:
        asked.set()
        assert answer.wait(10)
        return ok([machine("m1")])

    fake = FakeFly().on(MACHINES, slow)
    look = SharedLook(fake.api())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(look.machines.list, "a")
        assert asked.wait(10)
        second = pool.submit(look.machines.list, "a")
        answer.set()
        assert first.result(10) == second.result(10)
    assert fake.count("GET") == 1


def test_an_error_is_everybodys() -> None:
    fake = FakeFly().on(MACHINES, refused(404))
    look = SharedLook(fake.api())
    for _ in range(2):
        with pytest.raises(FlyNotFound, match="404"):
            look.machines.list("a")
    assert fake.count("GET") == 1


def test_each_app_and_each_kind_has_a_list_of_its_own() -> None:
    fake = FakeFly().on(MACHINES, ok([])).on("GET /apps/b/machines", ok([machine("m2")]))
    fake.on("GET /apps/a/volumes", ok([])).on("GET /apps/a/secrets", ok({"secrets": []}))
    fake.on("GET /apps/a/ip_assignments", ok({"ips": []})).on("GET /apps/a", ok({"name": "a"}))
    look = SharedLook(fake.api()).as_api()
    assert look.machines.list("a") == ()
    assert [each.id for each in look.machines.list("b")] == ["m2"]
    assert (look.volumes.list("a"), look.secrets.list("a"), look.ips.list("a")) == ((), (), ())
    app = look.apps.find("a")
    assert app is not None
    assert app.name == "a"


def test_a_command_is_sent_each_time() -> None:
    fake = FakeFly().on("POST /apps/a/machines/m1/exec", ok({"exit_code": 0, "stdout": "x"}))
    look = SharedLook(fake.api())
    for _ in range(2):
        assert look.machines.exec("a", "m1", ("true",), timeout_s=1).stdout == "x"
    assert fake.count("POST") == 2
