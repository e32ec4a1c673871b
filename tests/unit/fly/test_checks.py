from collections.abc import Mapping
from typing import Any

import pytest

from fly.checks import problems
from stacks.problem import Problem, Severity
from stacks.settings import Settings

OK: dict[str, Any] = {
    "organization": "acme",
    "app": "acme-ai-gateway-dev",
    "regions": {"iad": 2, "lhr": 1},
    "primary": "iad",
}


def place(path: str) -> str:
    return f"file: {path}"


def found(
    fly: Mapping[str, Any] | None = None, environment: str = "dev", **more: Any
) -> dict[str, Problem]:
    told = {"environment": environment, "fly": {**OK, **(fly or {})}, **more}
    listed = list(problems(Settings.model_validate(told), place))
    assert all(problem.place.startswith("file: ") for problem in listed)
    return {problem.place.removeprefix("file: "): problem for problem in listed}


def test_a_sound_environment_has_no_problems() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("fly", "path", "id_", "next_step"),
    [
        ({"regions": {"idd": 1}, "primary": None}, "fly.regions.idd", "fly.region", '"iad"'),
        ({"primary": "syd"}, "fly.primary", "fly.region", "set iad"),
        ({"primary": None}, "fly.primary", "fly.region", "--path gateway:fly.primary iad"),
        ({"check": {"interval_s": 1, "timeout_s": 1}}, "fly.check.interval_s", "fly.check", "15"),
        ({"check": {"interval_s": 5, "timeout_s": 6}}, "fly.check.timeout_s", "fly.check", "set 5"),
        (
            {"check": {"interval_s": 90, "timeout_s": 61}},
            "fly.check.timeout_s",
            "fly.check",
            "set 5",
        ),
        ({"app": "a" * 63}, "postgres.app", "fly.app", "--path gateway:postgres.app"),
        ({"api": "sandbox"}, "fly.public_url", "fly.api", "http://127.0.0.1:4281"),
        (
            {"api": "sandbox", "public_url": "https://gateway.acme.com"},
            "fly.public_url",
            "fly.api",
            "http://127.0.0.1:4281",
        ),
        ({"public_url": "http://gateway.acme.com"}, "fly.public_url", "fly.api", "https://"),
        (
            {"public_url": "https://gateway.acme.com"},
            "fly.public_url",
            "fly.hostname",
            "add gateway.acme.com to `fly.hostnames`",
        ),
        ({"hostnames": ["mine.fly.dev"]}, "fly.hostnames[0]", "fly.hostname", "remove it"),
        ({"hostnames": ["a.acme.com"] * 2}, "fly.hostnames[1]", "fly.hostname", "remove one"),
    ],
)
def test_each_problem_has_its_place_and_a_next_step(
    fly: dict[str, Any], path: str, id_: str, next_step: str
) -> None:
    problem = found(fly)[path]
    assert problem.id == id_
    assert next_step in problem.next_step
    assert problem.expected


def test_a_public_address_may_be_a_host_name_of_ones_own() -> None:
    own = {"public_url": "https://gateway.acme.com", "hostnames": ["gateway.acme.com"]}
    assert found(own) == {}


def test_a_check_may_take_as_long_as_its_interval() -> None:
    assert found({"check": {"interval_s": 5, "timeout_s": 5}}) == {}


def test_the_data_machines_are_checked_too() -> None:
    listed = found(
        postgres={"machine": {"size": "huge", "region": "xyz"}},
        redis={"maxmemory_mb": 900, "machine": {"memory_mb": 1000, "volume_gb": 1}},
    )
    assert set(listed) == {
        "postgres.machine.size",
        "postgres.machine.region",
        "redis.machine.memory_mb",
        "redis.maxmemory_mb",
        "redis.machine.volume_gb",
    }
    assert listed["redis.maxmemory_mb"].severity is Severity.WARNING
    assert listed["redis.machine.volume_gb"].next_step == "set 2"


def test_what_exists_already_is_not_checked() -> None:
    postgres = {"kind": "existing", "app": "on-auto-ai-gateway-db", "host": "x.flycast"}
    assert found(postgres=postgres, redis={"kind": "existing", "machine": {"size": "huge"}}) == {}


def test_what_means_nothing_with_a_kind_of_postgres_is_told_all_at_once() -> None:
    single_only = {"image": "postgres:17", "machine": {"size": "huge"}}
    cluster = {"plan": "launch", "region": "xyz"}
    listed = found(
        postgres={
            **single_only,
            "kind": "managed",
            "managed": cluster,
            "app": "a-db",
            "max_connections": 400,
            "role": "litellm_",
            "sslmode": "disable",
            "port": 5432,
        }
    )
    assert {path: problem.id for path, problem in listed.items()} == {
        "postgres.image": "postgres.kind",
        "postgres.machine": "postgres.kind",
        "postgres.app": "postgres.kind",
        "postgres.max_connections": "postgres.kind",
        "postgres.managed.region": "fly.region",
        "postgres.role": "postgres.name",
        "postgres.sslmode": "postgres.sslmode",
    }
    assert "gateway:postgres.managed.plan" in listed["postgres.max_connections"].expected
    assert set(found(postgres={"managed": cluster})) == {"postgres.managed"}


def test_a_role_in_somebody_elses_cluster_is_one_of_its_own_with_a_password_that_is_known() -> None:
    existing = {"kind": "existing", "role": "postgres"}
    generated = {"POSTGRES_ROLE_PASSWORD": "generated"}
    with_app = found(postgres={**existing, "app": "shared-db"}, secrets=generated)
    assert set(with_app) == {"postgres.role"}
    listed = found(postgres=existing, secrets=generated)
    assert set(listed) == {"secrets.POSTGRES_ROLE_PASSWORD"}
    assert "gateway:postgres.app" in listed["secrets.POSTGRES_ROLE_PASSWORD"].next_step


def test_two_apps_cannot_have_one_name() -> None:
    listed = found({"app": "acme"}, postgres={"app": "acme"}, redis={"app": "acme"})
    assert set(listed) == {"postgres.app", "redis.app"}
    assert "acme-db" in listed["postgres.app"].next_step
    assert "acme-redis" in listed["redis.app"].next_step


@pytest.mark.parametrize("host", ["127.0.0.1:4281", "localhost", "[::1]:80", "127.80.0.1"])
def test_the_stand_in_is_reached_on_loopback(host: str) -> None:
    assert found({"api": "sandbox", "public_url": f"http://{host}"}) == {}


@pytest.mark.parametrize("host", ["127.acme.com", "localhost.acme.com", "10.0.0.1"])
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert set(found({"api": "sandbox", "public_url": f"http://{host}"})) == {"fly.public_url"}
