"""What is said of DATABASE_URL, of the budget, and of releases and switches."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.checking import check
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Result
from tests.unit.gateway.rules.cases import configuration_of, ids, litellm

PUBLISHED = (
    "postgres://u:p@on-auto-ai-gateway-db.flycast:5432/litellm_live?sslmode=disable"
    "&max_idle_connection_lifetime=60&socket_timeout=10&keepalives=1&keepalives_idle=60"
    "&keepalives_interval=10&keepalives_count=5"
)
LIFETIME = "max_connection_lifetime=540"


def told(query: str, **rest: Any) -> dict[str, Result]:
    text = rest.pop("litellm", "{}")
    url = query if "://" in query else f"postgresql://u:p@db/x?{query}"
    results = check(configuration_of(Example(litellm=text, database_url=url, **rest)))
    return {f"{r.rule_id} {r.finding.path[-1]}": r for r in results}


def test_the_published_url_protects_nothing_and_caps_every_query() -> None:
    found = told(PUBLISHED)
    assert set(found) == {
        "L020 keepalives",
        "L020 keepalives_idle",
        "L020 keepalives_interval",
        "L020 keepalives_count",
        "L022 max_connection_lifetime",
        "L025 socket_timeout",
    }
    assert "max_connection_lifetime=540" in found["L020 keepalives"].finding.next_step
    assert found["L020 keepalives"].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("tcp_user_timeout=1000", "L020 tcp_user_timeout"),
        ("target_session_attrs=read-write", "L020 target_session_attrs"),
        ("max_connection_lifetim=540", "L020 max_connection_lifetim"),
        ("connect_timeout=5s", "L021 connect_timeout"),
        ("pool_timeout=-1", "L021 pool_timeout"),
        ("pgbouncer=yes", "L021 pgbouncer"),
        ("connection_limit=10", "L024 connection_limit"),
        ("pool_timeout=10", "L024 pool_timeout"),
        ("socket_timeout=29", "L025 socket_timeout"),
        ("sslmode=requre", "L161 sslmode"),
    ],
)
def test_each_parameter_is_told_of_at_its_place(query: str, rule: str) -> None:
    assert rule in told(f"{LIFETIME}&{query}")


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=verify-full&sslrootcert=/ca.pem",
        "pgbouncer=true&connect_timeout=5&statement_cache_size=0",
        "schema=public&application_name=litellm&options=-c%20search_path%3Dx",
        "socket_timeout=30",
        "channel_binding=require&sslmode=require",
    ],
)
def test_what_prisma_reads_is_let_alone(query: str) -> None:
    assert told(f"{LIFETIME}&{query}") == {}


@pytest.mark.parametrize(("lifetime", "long"), [("600", False), ("601", True), ("0", True)])
def test_a_lifetime_of_ten_minutes_is_the_longest(lifetime: str, *, long: bool) -> None:
    assert bool(told(f"max_connection_lifetime={lifetime}")) is long


def test_a_misspelt_parameter_is_corrected_and_not_removed() -> None:
    found = told(f"{LIFETIME}&connect_timout=5")["L020 connect_timout"].finding
    assert 'did you mean "connect_timeout"?' in found.next_step
    assert found.edits == ()


def test_a_url_that_is_written_out_has_one_place_for_all_its_parameters() -> None:
    text = (
        "general_settings: {database_url: 'postgresql://u@db/x?keepalives=1&keepalives_idle=9'}\n"
    )
    (found,) = [r for r in check(litellm(text)) if r.rule_id == "L020"]
    assert found.finding.path == ("litellm", "general_settings", "database_url")
    assert found.finding.value == "keepalives, keepalives_idle"


def test_general_settings_write_parameters_too() -> None:
    text = (
        "general_settings:\n  database_connection_timeout: 5.0\n  database_socket_timeout: 10\n"
        "  database_extra_connection_params: {keepalives: 1, max_connection_lifetime: 540}\n"
    )
    found = told("connect_timeout=5", litellm=text)
    assert set(found) == {
        "L020 keepalives",
        "L021 database_connection_timeout",
        "L025 database_socket_timeout",
    }


def test_what_typed_settings_put_there_for_psql_is_meant() -> None:
    configuration = configuration_of(
        Example(litellm="{}", database_url=f"postgresql://db/x?{LIFETIME}&keepalives=1")
    )
    typed = replace(configuration, settings={"postgres": {"libpq": {"keepalives": 1}}})
    assert "L020" in ids(configuration)
    assert "L020" not in ids(typed)


@pytest.mark.parametrize(
    ("image", "rule_id"),
    [
        ("ghcr.io/berriai/litellm", "L054"),
        ("ghcr.io/berriai/litellm:latest", "L054"),
        ("ghcr.io/berriai/litellm-database:main-latest", "L054"),
        ("docker.litellm.ai/berriai/litellm:lts", "L054"),
        ("litellm/litellm:v1.106", "L054"),
        ("ghcr.io/berriai/litellm:main-v1.82.8", "L053"),
        ("ghcr.io/berriai/litellm:v1.83.14-stable", "L053"),
        ("ghcr.io/berriai/litellm:v1.107.0", "L053"),
        (
            "ghcr.io/berriai/litellm:v1.106.2@sha256:"
            "1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e",
            "L053",
        ),
        ("ghcr.io/berriai/litellm:v1.110.0", "L170"),
    ],
)
def test_an_image_that_is_not_to_be_run_is_told_of(image: str, rule_id: str) -> None:
    results = check(configuration_of(_of_image(image)))
    (found,) = [r for r in results if r.rule_id in {"L053", "L054", "L170"}]
    assert (found.rule_id, found.finding.path) == (rule_id, ("fly", "build", "image"))
    assert found.verified


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/berriai/litellm:v1.106.2",
        "ghcr.io/berriai/litellm:main-v1.106.2-stable",
        "ghcr.io/berriai/litellm:main-0a1b2c3",
        "ghcr.io/berriai/litellm@sha256:" + "0" * 64,
        "registry.fly.io/my-gateway:deployment-01J",
        "localhost:5000/gateway",
    ],
)
def test_an_image_that_stays_is_let_alone(image: str) -> None:
    assert not {"L053", "L054", "L170"} & set(ids(configuration_of(_of_image(image))))


def _of_image(image: str) -> Example:
    return Example(fly=f"[build]\nimage = '{image}'\n", version="")


def test_a_release_that_was_named_by_hand_is_looked_at_too() -> None:
    results = check(litellm("{}", version="1.82.7"))
    (found,) = [r for r in results if r.rule_id == "L053"]
    assert found.finding.path == ("litellm",)


def test_a_check_that_calls_models_is_told_of_wherever_it_stands() -> None:
    fly = (
        "[[http_service.checks]]\npath = '/health'\n[checks.a]\npath = '/health/'\n"
        "[[services]]\n[[services.http_checks]]\npath = '/health/liveliness'\n"
    )
    results = check(configuration_of(Example(litellm="{}", fly=fly)))
    assert [r.finding.path for r in results if r.rule_id == "L174"] == [
        ("fly", "http_service", "checks", 0, "path"),
        ("fly", "checks", "a", "path"),
    ]


def test_parts_of_settings_make_no_budget() -> None:
    assert "L023" not in ids(Configuration(settings={"store": "database", "postgres": {}}))
