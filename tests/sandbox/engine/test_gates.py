"""Releases that are not proven: `up` fails, the machines before serve, the next `up` tries again.

Invariant of every test: a user who asks through the edge all the while gets an answer each time,
unless the strategy replaces all machines at once.
"""

import json
from pathlib import Path

import pytest

from tests.sandbox.engine.clients import traffic
from tests.sandbox.engine.conftest import NewStack
from tests.sandbox.engine.pulumi_stack import Stack
from tests.sandbox.engine.releases import (
    APP,
    STUBBORN,
    declare,
    proxy_that_hides_fallbacks,
    running,
)
from tests.sandbox.engine.sandbox_program import SandboxProgram

LIAR = {"STUB_ALWAYS_FALLBACK": "1"}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def serving(new_stack: NewStack) -> Stack:
    """A stack whose release is proven and serves; each test declares another one over it."""
    stack = new_stack()
    declare(stack)
    stack.up()
    return stack


@pytest.fixture
def key(sandbox: SandboxProgram, serving: Stack) -> str:
    """The master key of the gateway that serves."""
    del serving
    return sandbox.secrets(APP)["LITELLM_MASTER_KEY"]


def release_names(sandbox: SandboxProgram) -> dict[str, str]:
    """Return which release each machine says it runs."""
    return {
        machine["id"]: machine["config"]["metadata"]["gateway_release"]
        for machine in sandbox.machines(APP)
    }


def environments(sandbox: SandboxProgram) -> list[dict[str, str]]:
    """Return what each machine's environment says to the stub."""
    return [
        {name: value for name, value in machine["config"]["env"].items() if "STUB" in name}
        for machine in sandbox.machines(APP)
    ]


def test_a_release_that_fails_its_proof_leaves_the_old_machines_serving_until_one_is_proven(
    sandbox: SandboxProgram, serving: Stack, key: str
) -> None:
    before = running(sandbox)
    assert len(before) == 2
    declare(serving, STUBBORN)
    with traffic(sandbox, key) as users:
        for _ in ("the first up", "the next up tries again"):
            failed = serving.up(check=False)
            assert failed.returncode != 0
            assert f"failed[proof] {APP}: the proof at machine" in failed.stdout
            assert "not rescued" in failed.stdout
            assert "the 2 machines of the release before serve" in failed.stdout
            assert "Traceback" not in failed.stdout
            assert running(sandbox) == before
            assert len(sandbox.machines(APP)) == 2
        declare(serving)
        serving.up()
        assert running(sandbox) == before
        declare(serving, {"RELEASE": "the next one"})
        serving.up()
    assert running(sandbox).keys().isdisjoint(before)
    assert len(running(sandbox)) == 2
    assert users.answers
    assert users.lost == []


def test_a_gateway_that_always_falls_back_does_not_pass_its_proof(
    sandbox: SandboxProgram, serving: Stack, key: str
) -> None:
    before = running(sandbox)
    declare(serving, LIAR)
    with traffic(sandbox, key) as users:
        failed = serving.up(check=False)
    assert failed.returncode != 0
    assert "failed[proof]" in failed.stdout
    assert "although its primary is dead and fallbacks are off" in failed.stdout
    assert running(sandbox) == before
    assert users.answers
    assert users.lost == []
    (evidence,) = [line for line in failed.stdout.splitlines() if "holds what was seen" in line][:1]
    document = json.loads(Path(evidence.split()[0]).read_text())
    assert document["gates"][0]["evidence"]["verdict"] == "failed"


@pytest.mark.parametrize("strategy", ["rolling", "immediate"])
def test_machines_that_were_updated_in_place_get_their_configuration_back(
    sandbox: SandboxProgram, serving: Stack, key: str, strategy: str
) -> None:
    before, releases = running(sandbox), release_names(sandbox)
    assert environments(sandbox) == [{}, {}]
    declare(serving, STUBBORN, strategy=strategy)
    with traffic(sandbox, key) as users:
        failed = serving.up(check=False)
    assert failed.returncode != 0
    assert "failed[proof]" in failed.stdout
    assert "back on the configuration before" in failed.stdout
    assert running(sandbox).keys() == before.keys()
    assert environments(sandbox) == [{}, {}]
    assert release_names(sandbox) == releases
    assert sandbox.ask(key).status_code == 200
    assert users.answers
    if strategy == "rolling":  # immediate has all machines down at once, and says so
        assert users.lost == []


@pytest.mark.parametrize(
    ("misbehaviour", "says"),
    [("STUB_UNHEALTHY", "is not healthy after"), ("STUB_CRASH", "exit code 1")],
)
def test_a_machine_that_never_becomes_healthy_gets_no_traffic_and_is_removed(
    sandbox: SandboxProgram, serving: Stack, key: str, misbehaviour: str, says: str
) -> None:
    before = running(sandbox)
    declare(serving, {misbehaviour: "1"}, wait_timeout_s=6)
    with traffic(sandbox, key) as users:
        failed = serving.up(check=False)
    assert failed.returncode != 0
    assert says in failed.stdout
    assert "the 2 machines of the release before serve" in failed.stdout
    assert running(sandbox) == before
    assert len(sandbox.machines(APP)) == 2
    assert users.answers
    assert users.lost == []


def test_changed_expectations_of_the_proof_run_it_and_replace_no_machine(
    sandbox: SandboxProgram, serving: Stack, key: str
) -> None:
    before = running(sandbox)
    release = sandbox.machines(APP)[0]["config"]["env"].get("RELEASE", "")
    declare(serving, {"RELEASE": release} if release else {}, proof={"samples": 4})
    serving.up()
    assert running(sandbox) == before
    file = Path(serving.outputs()["release"]["evidence_file"])
    evidence = json.loads(file.read_text())
    assert [gate["gate"] for gate in evidence["gates"]] == ["outside"]
    (case, *_) = evidence["gates"][0]["evidence"]["edges"][0]["cases"]
    assert len(case["samples"]) == 4
    assert sandbox.ask(key).status_code == 200


def test_a_release_that_is_proven_inside_but_not_from_outside_gives_traffic_back(
    sandbox: SandboxProgram, serving: Stack, key: str
) -> None:
    before = running(sandbox)
    with proxy_that_hides_fallbacks(sandbox) as url, traffic(sandbox, key) as users:
        declare(serving, {"RELEASE": "seen through a proxy"}, public_url=url)
        failed = serving.up(check=False)
    assert failed.returncode != 0
    assert "proof at machine" in failed.stdout
    assert "not proven from outside: moving traffic back" in failed.stdout
    assert "failed[proof]" in failed.stdout
    assert "without a fallback" in failed.stdout
    assert running(sandbox) == before
    assert len(sandbox.machines(APP)) == 2
    assert users.answers
    assert users.lost == []
