import pytest

from tests.sandbox.engine.clients import Traffic, streams
from tests.sandbox.engine.conftest import NewStack, wait_until
from tests.sandbox.engine.pulumi_stack import stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram

APP = "stub-gateway"
CLIENTS = 20


@pytest.mark.timeout(600)
def test_a_bluegreen_release_under_twenty_streams_loses_no_request(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = new_stack()
    # A stream takes about a second: many are in flight whenever traffic moves.
    slow = {"STUB_PIECE_PAUSE_S": "0.1"}
    stack.configure(stub_config(sandbox, server={"environment": slow}))
    stack.up()
    old = {row["id"] for row in sandbox.machines(APP)}
    key = sandbox.secrets(APP)["LITELLM_MASTER_KEY"]
    release = {**slow, "RELEASE": "2"}
    stack.configure(stub_config(sandbox, server={"environment": release}))
    with streams(sandbox, key, clients=CLIENTS) as users:
        more_answers(users)
        stack.up()
        new = {row["id"] for row in sandbox.machines(APP)}
        more_answers(users)
    assert len(new) == 2
    assert new.isdisjoint(old)
    assert len(users.answers) > 3 * CLIENTS
    assert users.lost == []


def more_answers(users: Traffic) -> None:
    """Wait until the clients, between them, have got an answer each."""
    wanted = len(users.answers) + CLIENTS
    wait_until(lambda: len(users.answers) >= wanted, 60, "streams are answered")
