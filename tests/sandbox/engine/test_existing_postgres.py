from typing import Any

import psycopg
import pytest

from components.declared import DECLARED
from components.existing_database import ExistingDatabaseError, ExistingDatabaseProvider
from fly.api import FlyApi
from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import Stack, moved, stub_config
from tests.sandbox.engine.sandbox_program import TOKEN, SandboxProgram, wait_until
from tests.sandbox.engine.test_managed_postgres import assert_hidden

CLUSTER = "shared-db"
SUPERUSER = "operators-" + "own-password"


@pytest.mark.timeout(300)
def test_role_and_database_are_made_in_the_primary_of_somebody_elses_cluster(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    standby, primary = make_cluster(sandbox)
    first, second = "first-" + "role-password", "second-" + "role-password"
    configure(stack, first)
    stack.up()
    told = "role litellm_dev, database litellm_dev in shared-db"
    assert stack.outputs()["database"] == told
    assert asked(primary, first, "SELECT current_user") == [("litellm_dev",)]
    asked(primary, first, "CREATE TABLE kept (row text)")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        asked(standby, first, "SELECT 1")  # no copy of it: it only says that it is a standby

    as_superuser(primary, "ALTER ROLE litellm_dev PASSWORD 'by-somebody'")
    (row,) = moved(stack.drift().stdout)
    assert row.startswith('~ login: "changed outside')
    configure(stack, second)
    stack.up()
    assert asked(primary, second, "SELECT count(*) FROM kept") == [(0,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        asked(primary, first, "SELECT 1")
    assert_nothing_of_others_is_taken(sandbox, (standby, primary), second)

    (kept,) = as_superuser(primary, "SELECT rolpassword FROM pg_authid WHERE rolname ~ 'litellm'")
    assert kept[0].startswith("SCRAM-SHA-256$4096:")
    assert_hidden(stack, [first, second, SUPERUSER, kept[0]])


def assert_nothing_of_others_is_taken(
    sandbox: SandboxProgram, addresses: tuple[str, str], password: str
) -> None:
    """Make the same anew, as a stack does that knows of nothing, and with what is not ours."""
    provider = ExistingDatabaseProvider()
    environ = {"FLY_API_TOKEN": TOKEN, "FLY_FLAPS_BASE_URL": sandbox.addresses["api_url"]}
    ours = {"app": CLUSTER, "superuser": "postgres", "role": "litellm_dev"}
    inputs = {**ours, "database": "litellm_dev", "password": password}
    with FlyApi.from_environment(environ) as api:
        made = [provider.make(api, inputs) for _ in range(2)]
        assert made[0] == made[1]  # the verifier has a random salt: it was not written again
        look = provider.look(api, made[0].id, {**inputs, **made[0].computed})
        assert look is not None
        assert look.inputs == {"role": "litellm_dev", "login": DECLARED, "owner": "litellm_dev"}

        foreign = {**inputs, "database": "postgres", "password": "wrong-" + "password"}
        both = "is there already with another password(.|\n)*database postgres belongs to"
        with pytest.raises(ExistingDatabaseError, match=both):
            provider.make(api, foreign)
        with pytest.raises(ExistingDatabaseError, match="role postgres is a superuser"):
            provider.change(api, "", {}, {**inputs, "role": "postgres"})

        as_superuser(addresses[0], "SELECT pg_promote()")
        with pytest.raises(ExistingDatabaseError, match="2 of them take writes"):
            provider.make(api, inputs)


def configure(stack: Stack, password: str) -> None:
    """Configure a gateway whose database is in the cluster, with the role's password."""
    name = {"database": "litellm_dev", "role": "litellm_dev"}
    wanted = {"kind": "existing", "app": CLUSTER, **name}
    stack.configure(
        stub_config(stack.sandbox, postgres=wanted, fly={"regions": {"iad": 1}}),
        {"POSTGRES_ROLE_PASSWORD": password},
    )


def make_cluster(sandbox: SandboxProgram) -> tuple[str, str]:
    """Run two Postgres machines by plain calls; return the standby's address and the primary's.

    Fly's own image would replicate; here the standby waits for ever for a primary's log.
    """
    sandbox.fly("POST", "/apps", {"app_name": CLUSTER, "org_slug": "others"})
    values = {"POSTGRES_PASSWORD": SUPERUSER}
    sandbox.fly("POST", f"/apps/{CLUSTER}/secrets", {"values": values})
    standby, primary = (machine(sandbox, name) for name in ("a", "b"))
    marker = {"command": ["sh", "-c", 'touch "$PGDATA/standby.signal"'], "timeout": 10}
    sandbox.fly("POST", f"/apps/{CLUSTER}/machines/{standby['id']}/exec", marker)
    sandbox.fly("POST", f"/apps/{CLUSTER}/machines/{standby['id']}/restart")
    recovering = "SELECT pg_is_in_recovery()"
    wait_until(
        lambda: quietly(standby["private_ip"], recovering) == [(True,)], 30, "the standby waits"
    )
    return standby["private_ip"], primary["private_ip"]


def machine(sandbox: SandboxProgram, name: str) -> dict[str, Any]:
    """Create one Postgres machine and wait until it answers."""
    volume = {"name": name, "region": "iad", "size_gb": 1}
    volume_id = sandbox.fly("POST", f"/apps/{CLUSTER}/volumes", volume).json()["id"]
    config = {
        "image": "postgres:18",
        "env": {"PGDATA": "/data/pg"},
        "mounts": [{"volume": volume_id, "path": "/data"}],
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512},
        "restart": {"policy": "always"},
        "stop_config": {"signal": "SIGINT"},
    }
    body = {"name": name, "region": "iad", "config": config}
    made: dict[str, Any] = sandbox.fly("POST", f"/apps/{CLUSTER}/machines", body).json()
    wait_until(lambda: quietly(made["private_ip"], "SELECT 1"), 30, "Postgres answers")
    return made


def quietly(address: str, statement: str) -> list[tuple[Any, ...]]:
    """Ask a server that may not be there yet."""
    try:
        return as_superuser(address, statement)
    except psycopg.OperationalError:
        return []


def as_superuser(address: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as the cluster's owners do."""
    return run(address, "postgres", SUPERUSER, "postgres", statement)


def asked(address: str, password: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as the gateway does."""
    return run(address, "litellm_dev", password, "litellm_dev", statement)


def run(
    address: str, user: str, password: str, database: str, statement: str
) -> list[tuple[Any, ...]]:
    """Connect, run one statement, return its rows."""
    with psycopg.connect(
        host=address, user=user, password=password, dbname=database, connect_timeout=5
    ) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
