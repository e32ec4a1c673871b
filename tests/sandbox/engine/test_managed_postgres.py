import json
from typing import Any

import psycopg
import pytest

from gateway.database_url import for_libpq
from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import Stack, moved, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram

APP = "stub-gateway"
FIRST_PAIR = {"direct": 10, "pgbouncer": 11}  # last numbers of the first cluster's addresses


@pytest.mark.timeout(300)
def test_a_managed_cluster_is_made_once_used_both_ways_and_follows_what_the_dashboard_did(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    configure(stack)
    sandbox.fault({"method": "POST", "path_regex": "^/v1/postgres$"}, kind="lost_reply")
    made = stack.up()
    assert "creating cluster stub-gateway-db (basic, 10 GB, iad)" in made.stdout
    (cluster,) = sandbox.control("GET", "/status")["clusters"]
    assert (cluster["name"], cluster["status"]) == ("stub-gateway-db", "ready")
    posts = [c for c in sandbox.calls() if (c["method"], c["path"]) == ("POST", "/v1/postgres")]
    assert len(posts) == 1

    first = sandbox.secrets(APP)
    assert_both_ways(stack, cluster["id"], first)

    machines = [row["id"] for row in sandbox.machines(APP)]
    grown = {"plan": "launch", "disk_size_gb": 20}
    sandbox.control("POST", f"/postgres/{cluster['id']}", grown)
    sandbox.fly("POST", f"/postgres/{cluster['id']}/users/ours/rotate_password", {})
    rows = moved(stack.drift().stdout)
    assert '~ plan: "launch" => "basic"' in rows
    assert "~ disk_size_gb: 20 => 10" in rows
    assert any(row.startswith('~ login: "changed outside') for row in rows)
    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "postgres.managed.plan = basic, is launch" in refused.stdout
    assert [row["id"] for row in sandbox.machines(APP)] == machines

    configure(stack, protect=True, managed=grown)
    stack.up()
    second = sandbox.secrets(APP)
    assert second["DATABASE_URL"] != first["DATABASE_URL"]
    assert asked(sandbox, second["DATABASE_URL"], "SELECT row FROM kept") == [("written before",)]
    assert not {row["id"] for row in sandbox.machines(APP)} & set(machines)  # they took it

    configure(stack, protect=True, managed={**grown, "disk_size_gb": 5})
    smaller = stack.run("preview", check=False)
    assert smaller.returncode != 0
    assert "a disk of Managed Postgres only grows" in smaller.stdout
    destroyed = stack.destroy(check=False)
    assert destroyed.returncode != 0
    assert "protect" in destroyed.stdout
    assert asked(sandbox, second["DATABASE_URL"], "SELECT row FROM kept") == [("written before",)]
    assert_hidden(stack, [password_of(url) for url in (*first.values(), *second.values())])


def assert_both_ways(stack: Stack, cluster_id: str, secrets: dict[str, str]) -> None:
    """Fail unless the gateway goes through the pooler, migrations round it, and both work."""
    outputs = stack.outputs()
    assert outputs["postgres_cluster"] == cluster_id
    assert f"@pgbouncer.{cluster_id}.flympg.net:5432/" in outputs["database_url"]
    assert outputs["direct_url"].endswith("/litellm?sslmode=prefer&connect_timeout=5")
    assert "pgbouncer=true" in secrets["DATABASE_URL"]
    asked(stack.sandbox, secrets["DIRECT_URL"], "CREATE TABLE kept (row text)")
    asked(stack.sandbox, secrets["DATABASE_URL"], "INSERT INTO kept VALUES ('written before')")


def configure(stack: Stack, **postgres: Any) -> None:
    """Configure a gateway that keeps its state in a managed cluster; TLS the stand-in has none."""
    wanted = {"kind": "managed", "sslmode": "prefer", "role": "ours", **postgres}
    one = {"regions": {"iad": 1}}
    config = stub_config(stack.sandbox, store="database", postgres=wanted, fly=one)
    config["secrets"] |= {"LITELLM_SALT_KEY": "generated"}
    stack.configure(config)


def asked(sandbox: SandboxProgram, url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement through the address that the URL's host name stands for in the machines."""
    label = url.partition("@")[2].partition(".")[0]
    address = f"{sandbox.subnet}.0.{FIRST_PAIR[label]}"
    with psycopg.connect(for_libpq(url), hostaddr=address) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def password_of(url: str) -> str:
    """Return the password in a URL; a text without one is returned whole."""
    return url.partition("@")[0].rpartition(":")[2]


def assert_hidden(stack: Stack, secrets: list[str]) -> None:
    """Fail when a secret stands in plain in what was printed, logged, or kept in the state."""
    home = stack.sandbox.home
    logs = [home.parent / "sandbox.out", home / "sandbox.log", *home.glob("*/*/log")]
    texts = [path.read_text(errors="replace") for path in logs if path.is_file()]
    assert any("database system is ready" in text for text in texts)
    texts += [*stack.transcript, json.dumps(stack.state())]
    assert all(len(secret) > 8 for secret in secrets)
    assert not [secret for secret in secrets if any(secret in text for text in texts)]
