from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.database_url import (
    Address,
    database_url,
    direct_url,
    for_libpq,
    redacted,
    url_digest,
    without_password,
)
from stacks.problem import ProblemError
from tests.unit.gateway.example import bare, example

PASSWORD = "p@ss:w/rd?&#% é"

passwords = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
prisma = st.fixed_dictionaries(
    {},
    optional={
        "max_connection_lifetime": st.integers(1, 86400),
        "connect_timeout": st.integers(1, 86400),
        "socket_timeout": st.integers(1, 86400),
        "pgbouncer": st.booleans(),
        "application_name": st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    },
)

ORIGINAL: dict[str, Any] = {
    "kind": "existing",
    "app": "on-auto-ai-gateway-db",
    "sslmode": "disable",
    "prisma": {
        "max_connection_lifetime": None,
        "max_idle_connection_lifetime": 60,
        "connect_timeout": None,
        "socket_timeout": 10,
    },
    "libpq": {
        "keepalives": 1,
        "keepalives_idle": 60,
        "keepalives_interval": 10,
        "keepalives_count": 5,
    },
}
PUBLISHED = (
    "postgres://...@on-auto-ai-gateway-db.flycast:5432/litellm_{environment}?sslmode=disable"
    "&max_idle_connection_lifetime=60&socket_timeout=10"
    "&keepalives=1&keepalives_idle=60&keepalives_interval=10&keepalives_count=5"
)


@pytest.mark.parametrize("environment", ["dev", "live"])
def test_the_investigations_published_url_is_reproduced(environment: str) -> None:
    name = f"litellm_{environment}"
    settings = bare(postgres={**ORIGINAL, "database": name, "role": name})

    url = database_url(settings, "secret")

    assert url.replace(f"{name}:secret@", "...@") == PUBLISHED.format(environment=environment)


def test_the_default_protects_connections_from_flys_proxy() -> None:
    assert database_url(example(), "secret") == (
        "postgres://litellm:secret@acme-gateway-dev-db.flycast:5432/litellm?sslmode=disable"
        "&max_connection_lifetime=540&max_idle_connection_lifetime=50&connect_timeout=5"
    )


@given(passwords, prisma)
def test_whatever_is_written_reads_back(password: str, parameters: dict[str, Any]) -> None:
    url = database_url(bare(postgres={"prisma": parameters}), password)

    read = urlsplit(url)
    query = dict(parse_qsl(read.query, keep_blank_values=True))
    assert unquote(read.password or "") == password
    assert (read.hostname, read.port, read.path) == (
        "acme-gateway-dev-db.flycast",
        5432,
        "/litellm",
    )
    for name, value in parameters.items():
        assert query[name] == (str(value).lower() if isinstance(value, bool) else str(value))


def test_an_ipv6_host_stands_in_brackets() -> None:
    url = database_url(bare(postgres={"kind": "existing", "host": "fdaa:0:1::3"}), "secret")

    assert urlsplit(url).hostname == "fdaa:0:1::3"


@given(st.text("abcdefghij0123456789!@:/?#&=% ", min_size=6, max_size=40))
def test_the_redacted_url_shows_everything_but_the_password(password: str) -> None:
    url = database_url(example(), password)

    shown = redacted(url)

    assert password not in shown
    assert shown == redacted(database_url(example(), "another"))
    assert shown.startswith("postgres://litellm:***@acme-gateway-dev-db.flycast:5432/litellm?")


@pytest.mark.parametrize("text", ["no url with secret", "postgres://host/x", "http://[bad:secret@"])
def test_what_is_no_url_with_a_password_is_hidden_whole(text: str) -> None:
    assert redacted(text) == "***"


def test_a_client_with_the_password_in_its_environment_gets_the_rest() -> None:
    assert without_password("postgres://litellm:secret@h:5432/d?x=1") == (
        "postgres://litellm@h:5432/d?x=1"
    )


@given(passwords, passwords)
def test_the_digest_changes_with_the_password_and_only_then(one: str, other: str) -> None:
    digests = [url_digest(database_url(example(), text)) for text in (one, other)]

    assert (digests[0] == digests[1]) == (one == other)
    assert digests[0].startswith("sha256:")
    assert len(digests[0]) == len("sha256:") + 64


def test_libpq_gets_what_it_knows_and_nothing_else() -> None:
    url = database_url(bare(postgres=ORIGINAL), PASSWORD)

    query = dict(parse_qsl(urlsplit(for_libpq(url)).query))

    assert list(query) == [
        "sslmode",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
    ]
    assert for_libpq(url).partition("?")[0] == url.partition("?")[0]


def test_without_a_postgres_there_is_no_url() -> None:
    with pytest.raises(ProblemError, match="store: file"):
        database_url(example(postgres=None, store="file"), "secret")


def test_a_managed_cluster_is_reached_through_its_pooler_and_by_migrations_round_it() -> None:
    settings = bare(postgres={"kind": "managed", "prisma": {"application_name": "litellm-live"}})
    pooler = Address("pgbouncer.c1.flympg.net", 5432)

    assert database_url(settings, "secret", pooler) == (
        "postgres://litellm:secret@pgbouncer.c1.flympg.net:5432/litellm?sslmode=require"
        "&max_connection_lifetime=540&max_idle_connection_lifetime=50&connect_timeout=5"
        "&pgbouncer=true&application_name=litellm-live"
    )
    assert direct_url(settings, "secret", Address("direct.c1.flympg.net", 5432)) == (
        "postgres://litellm:secret@direct.c1.flympg.net:5432/litellm?sslmode=require"
        "&connect_timeout=5&application_name=litellm-live"
    )
    by_session = bare(postgres={"kind": "managed", "managed": {"pool_mode": "session"}})
    assert "pgbouncer" not in database_url(by_session, "secret", pooler).partition("?")[2]
