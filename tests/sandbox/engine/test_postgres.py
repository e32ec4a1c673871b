from typing import Any

import psycopg
import pytest

from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import Stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram

POSTGRES = "stub-gateway-db"


@pytest.mark.timeout(300)
def test_a_protected_postgres_keeps_its_data_when_its_machine_is_lost_and_on_destroy(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    stack.configure(stub_config(sandbox, postgres={"protect": True, "role": "ours"}))
    stack.up()
    assert stack.outputs()["database"] == "connected as ours to litellm"
    passwords = sandbox.secrets(POSTGRES)
    assert passwords.keys() == {"POSTGRES_PASSWORD", "POSTGRES_ROLE_PASSWORD"}
    volume = [row["id"] for row in sandbox.volumes(POSTGRES)]
    asked(stack, "CREATE TABLE kept (row text)")
    asked(stack, "INSERT INTO kept VALUES ('written before')")

    machine = sandbox.machines(POSTGRES)[0]["id"]
    sandbox.fly("DELETE", f"/apps/{POSTGRES}/machines/{machine}?force=true")
    stack.up()
    assert [row["id"] for row in sandbox.machines(POSTGRES)] != [machine]
    assert [row["id"] for row in sandbox.volumes(POSTGRES)] == volume
    assert asked(stack, "SELECT row FROM kept") == [("written before",)]

    refused = stack.destroy(check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout
    assert [row["id"] for row in sandbox.volumes(POSTGRES)] == volume
    assert asked(stack, "SELECT row FROM kept") == [("written before",)]

    logs = [*sandbox.home.parent.glob("sandbox.out"), *sandbox.home.glob("machines/*/log*")]
    texts = [path.read_text(errors="replace") for path in logs if path.is_file()]
    assert any("database system is ready" in text for text in texts)
    for password in passwords.values():
        assert not [text for text in (*texts, *stack.transcript) if password in text]


def asked(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement with the libpq form of DATABASE_URL, through the private address."""
    resources = stack.state()["resources"]
    (uri,) = [row["inputs"]["uri"] for row in resources if "uri" in row.get("inputs", {})]
    address = stack.sandbox.status_of(POSTGRES)["address"]  # what the name resolves to inside
    password = stack.sandbox.secrets(POSTGRES)["POSTGRES_ROLE_PASSWORD"]
    with psycopg.connect(uri, hostaddr=address, password=password) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
