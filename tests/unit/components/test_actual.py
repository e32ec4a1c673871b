from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest

from components.actual import Reality, look_at
from components.declared import DECLARED
from components.recorded import Recorded
from fly.canonical import canonical
from fly.shared import SharedLook
from tests.unit.fly.fake_fly import FakeFly, machine, ok, refused

GROUP = {"metadata": {"fly_process_group": "app", "gateway_phase": "serving"}}
APP = Recorded("gateway-app", "App", "a", {"name": "a", "organization": "o"}, {"organization": "o"})
IP = Recorded(
    "gateway-v6", "IpAssignment", "a/v6", {"app": "a"}, {"app": "a", "address": "2a09::1"}
)
SECRETS = Recorded(
    "gateway-secrets",
    "Secrets",
    "a/secrets",
    {"app": "a", "names": {"KEY": DECLARED}},
    {"app": "a", "digests": {"KEY": "d1"}},
)
RELEASE = Recorded(
    "gateway-release",
    "Release",
    "a/release",
    {"app": "a", "machines": {"iad-1": canonical(GROUP)}, "secrets_version": 0},
    {"app": "a", "machine_ids": ["m1"]},
)
EVERY = (APP, IP, SECRETS, RELEASE)


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def fly(**more: Any) -> FakeFly:
    answers: dict[str, Any] = {
        "GET /apps/a": ok({"name": "a"}),
        "GET /apps/a/machines": ok([machine("m1", config=GROUP)]),
        "GET /apps/a/ip_assignments": ok({"ips": [{"ip": "2a09::1"}]}),
        "GET /apps/a/certificates": ok({"certificates": []}),
        "GET /apps/a/secrets": ok({"secrets": [{"name": "KEY", "digest": "d1"}]}),
        "GET /apps/a/volumes": ok([]),
    }
    fake = FakeFly()
    for what, answer in answers.items():
        fake.on(what, more.get(what.rpartition("/")[2], answer))
    return fake


def seen(fake: FakeFly, pool: Executor) -> Reality:
    return look_at(EVERY, SharedLook(fake.api()), pool)


def test_what_is_as_recorded_is_seen_so_with_one_call_a_list(pool: Executor) -> None:
    fake = fly()
    found = seen(fake, pool)
    assert {each.name: each.inputs for each in found.resources} == {
        each.name: each.inputs for each in EVERY
    }
    assert (found.unmanaged, found.problems) == ((), ())
    assert [(each.slot, each.machine.id) for each in found.running] == [("iad-1", "m1")]
    assert len(fake.requests) == 6


def test_what_nobody_declared_is_listed_and_told(pool: Executor) -> None:
    other = machine("m2", config={"image": "i", "metadata": {"fly_process_group": "console"}})
    found = seen(
        fly(
            machines=ok([machine("m1", config=GROUP), other]),
            ip_assignments=ok({"ips": [{"ip": "2a09::1"}, {"ip": "2a09::2"}]}),
            secrets=ok(
                {"secrets": [{"name": "KEY", "digest": "d1"}, {"name": "MORE", "digest": "d2"}]}
            ),
            volumes=ok([{"id": "vol_9", "name": "v", "region": "iad", "size_gb": 3}]),
            certificates=ok({"certificates": [{"hostname": "a.acme.example", "status": "x"}]}),
        ),
        pool,
    )
    told = {(each.kind, each.id): each.told for each in found.unmanaged}
    assert set(told) == {
        ("address", "2a09::2"),
        ("certificate", "a.acme.example"),
        ("machine", "m2"),
        ("secret", "MORE"),
        ("volume", "vol_9"),
    }
    assert "process group console" in told["machine", "m2"]
    assert told["volume", "vol_9"] == "volume v (iad, 3 GB)"
    assert len(found.running) == 1


def test_a_machine_too_many_of_our_group_is_told_by_the_release_only(pool: Executor) -> None:
    both = ok([machine("m1", config=GROUP), machine("m2", config=GROUP)])
    found = seen(fly(machines=both), pool)
    release = next(each for each in found.resources if each.name == "gateway-release")
    assert set((release.inputs or {})["machines"]) == {"iad-1", "iad-2"}
    assert found.unmanaged == ()


@pytest.mark.parametrize(("state", "told"), [("started", False), ("stopped", True)])
def test_a_migration_under_way_is_no_stray_machine(
    pool: Executor, state: str, *, told: bool
) -> None:
    group = {"image": "i", "metadata": {"fly_process_group": "gateway_migration"}}
    once = machine("m2", config=group, state=state)
    found = seen(fly(machines=ok([machine("m1", config=GROUP), once])), pool)
    assert bool(found.unmanaged) is told


def test_what_the_platform_does_not_have_is_gone(pool: Executor) -> None:
    fake = fly(machines=ok([]), ip_assignments=ok({"ips": []}))
    gone = {each.name for each in seen(fake, pool).resources if each.inputs is None}
    assert gone == {"gateway-v6", "gateway-release"}


def test_what_cannot_be_asked_is_a_problem_and_hides_nothing_else(pool: Executor) -> None:
    found = seen(fly(secrets=refused(403, "no such luck")), pool)
    assert {each.name for each in found.resources} == {each.name for each in EVERY} - {
        "gateway-secrets"
    }
    assert len(found.problems) == 1
    assert "403" in found.problems[0].render()
