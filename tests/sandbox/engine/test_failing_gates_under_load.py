"""Releases that fail a gate while twenty users read streams: nobody of them loses one.

Invariants: the machines before serve afterwards, on the configuration that they had; the file of
evidence says which gate failed and why; the next `up` asks the gate again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.engine.clients import Traffic, streams
from tests.sandbox.engine.conftest import NewStack, wait_until
from tests.sandbox.engine.pulumi_stack import Stack
from tests.sandbox.engine.releases import (
    APP,
    STUBBORN,
    declare,
    proxy_that_hides_fallbacks,
    running,
)
from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.image_machines import free_port

CLIENTS = 20
# A stream takes about a second: many are in flight whenever traffic moves.
SLOW = {"STUB_PIECE_PAUSE_S": "0.1"}
INSIDE, OUTSIDE = "inside", "outside"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def serving(new_stack: NewStack) -> Stack:
    """A stack whose release is proven and serves; each test declares another one over it."""
    stack = new_stack()
    declare(stack, SLOW)
    stack.up()
    return stack


@pytest.fixture
def users(sandbox: SandboxProgram, serving: Stack) -> Iterator[Traffic]:
    """Twenty users who read streams all the while; each has got one before the test begins."""
    del serving
    key = sandbox.secrets(APP)["LITELLM_MASTER_KEY"]
    with streams(sandbox, key, clients=CLIENTS) as traffic:
        more_answers(traffic)
        yield traffic


def more_answers(users: Traffic) -> None:
    """Wait until the users, between them, have got an answer each."""
    wanted = len(users.answers) + CLIENTS
    wait_until(lambda: len(users.answers) >= wanted, 60, "streams are answered")


@contextmanager
def failing(stack: Stack, gate: str, strategy: str) -> Iterator[None]:
    """Declare a release that the gate finds at fault: inside it never falls back, outside it does.

    From outside a proxy in front of the edge hides the fallbacks from the proof, not from users.
    """
    named = {**SLOW, "RELEASE": f"{strategy}, fails {gate}"}
    if gate == INSIDE:
        declare(stack, {**named, **STUBBORN}, strategy=strategy)
        yield
    else:
        with proxy_that_hides_fallbacks(stack.sandbox) as url:
            declare(stack, named, strategy=strategy, public_url=url)
            yield


def evidence_named_in(printed: str) -> tuple[Path, dict[str, Any]]:
    """Return the file that an `up` says holds what was seen, and what it holds."""
    (line,) = {row for row in printed.splitlines() if "holds what was seen" in row}
    file = Path(line.split()[0])
    return file, json.loads(file.read_text())


@pytest.mark.parametrize("gate", [INSIDE, OUTSIDE])
@pytest.mark.parametrize("strategy", ["bluegreen", "rolling"])
def test_a_gate_that_fails_leaves_the_release_before_serving_and_no_stream_is_lost(
    sandbox: SandboxProgram, serving: Stack, users: Traffic, strategy: str, gate: str
) -> None:
    before, files = running(sandbox), []
    assert len(before) == 2
    asked_before = len(users.answers)
    # Whether the next `up` tries again is not up to the strategy: once is enough.
    ups = 2 if strategy == "bluegreen" else 1
    with failing(serving, gate, strategy):
        for _ in range(ups):
            failed = serving.up(check=False)
            assert failed.returncode != 0
            assert f"failed[proof] {APP}" in failed.stdout
            file, evidence = evidence_named_in(failed.stdout)
            files.append(file)
            last = evidence["gates"][-1]
            assert (last["gate"], last["verdict"]) == (gate, "failed")
            why = "not rescued" if gate == INSIDE else "without a fallback"
            assert any(why in reason for reason in evidence["reasons"])
            # Machines are proven at the same time: another one's gate may have failed as well.
            others = [g for g in evidence["gates"] if g["gate"] != gate]
            assert all(other["verdict"] == "passed" for other in others)
    more_answers(users)

    assert len(set(files)) == ups
    assert running(sandbox).keys() == before.keys()
    for machine in sandbox.machines(APP):
        assert "fails" not in machine["config"]["env"].get("RELEASE", "")
        assert "STUB_NO_FALLBACK" not in machine["config"]["env"]
    assert len(users.answers) - asked_before > 3 * CLIENTS
    assert users.lost == []


def test_a_public_address_that_cannot_be_reached_stops_the_release_where_it_stands(
    sandbox: SandboxProgram, serving: Stack, users: Traffic
) -> None:
    before = running(sandbox)
    unreachable = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    declare(serving, {**SLOW, "RELEASE": "unreachable"}, public_url=unreachable)
    stopped = serving.up(check=False)

    assert stopped.returncode != 0
    assert f"errored[proof] {APP}: the proof at the public address could not" in stopped.stdout
    assert "the 2 new machines, proven inside, have the traffic" in stopped.stdout
    assert "the 2 of the release before run on without it" in stopped.stdout
    assert "the next `pulumi up` goes on with release" in stopped.stdout
    _, evidence = evidence_named_in(stopped.stdout)
    assert [gate["verdict"] for gate in evidence["gates"]] == ["passed", "passed", "errored"]
    assert evidence["verdict"] == "errored"
    assert any("ConnectError" in reason for reason in evidence["reasons"])
    assert len(sandbox.machines(APP)) == 4
    assert running(sandbox).keys().isdisjoint(before)

    declare(serving, {**SLOW, "RELEASE": "unreachable"})
    serving.up()
    more_answers(users)
    assert len(sandbox.machines(APP)) == 2
    assert running(sandbox).keys().isdisjoint(before)
    assert users.lost == []
