"""What a kill -9 of the Pulumi engine leaves behind, at each call of create, update and destroy.

Invariants: the next `up` ends with 0 after `pulumi cancel`, the drift preview after it is clean,
exactly the declared apps, machines, volumes and addresses exist, and a volume that held data is
the same volume. `GATEWAY_KILL_POINTS=all` visits every call; otherwise a few that lie where it
hurts (each operation's first, last and some in between). What came of each is printed:
`GATEWAY_KILL_POINTS=all make test WORKERS=0 ARGS="-s tests/sandbox/engine/test_kill_points.py"`.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.torn_checkpoint import mend_checkpoint
from tests.sandbox.engine.pulumi_stack import Stack, make_stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram
from tests.sandbox.subnets import free_subnet

APPS = ("stub-gateway", "stub-gateway-redis")
EXPECTED = {
    "stub-gateway": {"machines": 1, "volumes": 0, "ips": 2},
    "stub-gateway-redis": {"machines": 1, "volumes": 1, "ips": 1},
}
SAMPLED = 3  # kill points per operation in an ordinary run
CONVERGED = "converged"
# How often a machine is looked at until it is healthy depends on the clock, and so does the number
# of calls: a point near the end may lie behind the last one.
TOO_LATE = "the operation had ended before this call"


@dataclass(frozen=True)
class Point:
    """One kill: at the n-th call of an operation, before or after it takes effect."""

    nth: int
    when: str
    call: str


@dataclass
class World:
    """A stack with nothing deployed, and what it takes to bring it back to that."""

    home: Path
    sandbox: SandboxProgram
    engine: Path
    rounds: int = 0

    def fresh(self) -> Stack:
        """Return a new stack over an empty Fly."""
        for app in self.sandbox.fly("GET", "/apps?org_slug=acme").json()["apps"]:
            self.sandbox.fly("DELETE", f"/apps/{app['name']}?force=true")
        self.rounds += 1
        home = self.home / str(self.rounds)
        home.mkdir()
        stack = make_stack(home, self.sandbox, self.engine)
        configure(stack, version="1")
        return stack


def configure(stack: Stack, *, version: str) -> None:
    """Declare one machine on the stub image, of a release called `version`."""
    stack.configure(
        stub_config(
            stack.sandbox,
            fly={"regions": {"iad": 1}},
            server={"environment": {"RELEASE": version}},
        )
    )


def creating(stack: Stack) -> list[str]:
    """A first `up`."""
    return stack.command("up", "--yes", "--skip-preview")


def updating(stack: Stack) -> list[str]:
    """An `up` that replaces a serving release."""
    stack.up()
    configure(stack, version="2")
    return creating(stack)


def destroying(stack: Stack) -> list[str]:
    """A `destroy` of a serving release."""
    stack.up()
    return stack.command("destroy", "--yes", "--skip-preview")


OPERATIONS: dict[str, Callable[[Stack], list[str]]] = {
    "create": creating,
    "update": updating,
    "destroy": destroying,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> Iterator[World]:
    """One sandbox for all kills of this module."""
    home = tmp_path_factory.mktemp("kills")
    program = SandboxProgram(home / "sandbox", subnet=free_subnet())
    program.start()
    yield World(home, program, engine)
    program.stop()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.timeout(7200)
def test_the_next_up_converges_after_a_kill(world: World, operation: str) -> None:
    calls = calls_of(world, operation)
    rows = []
    for point in chosen(calls):
        rows.append((point, outcome_of(world, operation, point)))
        print(f"{operation} {point.nth}/{len(calls)} {point.when} {point.call}: {rows[-1][1]}")
    assert [row for row in rows if row[1] not in {CONVERGED, TOO_LATE}] == []
    assert CONVERGED in {outcome for _, outcome in rows}


def calls_of(world: World, operation: str) -> list[dict[str, Any]]:
    """Run the operation once undisturbed and return its API calls."""
    stack = world.fresh()
    command = OPERATIONS[operation](stack)
    world.sandbox.control("POST", "/calls/reset")
    run(stack, command)
    calls: list[dict[str, Any]] = world.sandbox.control("GET", "/calls")
    assert calls
    return calls


def chosen(calls: list[dict[str, Any]]) -> list[Point]:
    """Return every point, or a spread of those at which something changes."""
    points = []
    for call in calls:
        name = f"{call['method']} {call['path']}"
        points.append(Point(call["n"], "before", name))
        if call["method"] != "GET":
            points.append(Point(call["n"], "after", name))
    changing = [point for point in points if not point.call.startswith("GET")]
    if os.environ.get("GATEWAY_KILL_POINTS") == "all":
        return [*changing, *(point for point in points if point.call.startswith("GET"))]
    step = max(1, len(changing) // SAMPLED)
    return changing[step // 2 :: step][:SAMPLED]


def outcome_of(world: World, operation: str, point: Point) -> str:
    """Kill the operation at the point, run the next `up`, and say how the world is then."""
    stack = world.fresh()
    command = OPERATIONS[operation](stack)
    volume = volume_of(world.sandbox)
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[3],
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    world.sandbox.control(
        "POST", "/kill", {"pid": process.pid, "nth": point.nth, "when": point.when}
    )
    code = process.wait(300)
    world.sandbox.control("DELETE", "/kill")
    if code == 0:
        return TOO_LATE
    if code != -signal.SIGKILL:
        return f"not killed: exit code {code}"
    # As `gateway deploy local` does: the engine may have died while it wrote its own state.
    mend_checkpoint(stack.home / "backend", "gateway", stack.name)
    run(stack, [command[0], "cancel", stack.name, "--yes", "--non-interactive"])
    after = stack.up(check=False)
    if after.returncode != 0:
        return f"up ended with {after.returncode}: {after.stdout[-1500:]}"
    drift = stack.drift()
    if drift.returncode != 0:
        return f"drift preview ended with {drift.returncode}: {drift.stdout[-1500:]}"
    return world_after(world.sandbox, volume if operation == "update" else None)


def world_after(sandbox: SandboxProgram, volume: str | None) -> str:
    """Compare what exists with what is declared."""
    apps = {app["name"] for app in sandbox.fly("GET", "/apps?org_slug=acme").json()["apps"]}
    if apps != set(APPS):
        return f"apps {sorted(apps)}"
    for app, expected in EXPECTED.items():
        found = {
            "machines": len(sandbox.machines(app)),
            "volumes": len(volumes(sandbox, app)),
            "ips": len(addresses(sandbox, app)),
        }
        if found != expected:
            return f"{app} has {found}"
    if volume is not None and volume_of(sandbox) != volume:
        return "the volume is another one: data lost"
    return CONVERGED


def volumes(sandbox: SandboxProgram, app: str) -> list[dict[str, Any]]:
    """Return the app's volumes that are not being destroyed."""
    rows: list[dict[str, Any]] = sandbox.fly("GET", f"/apps/{app}/volumes").json()
    return [row for row in rows if "destroy" not in row["state"]]


def addresses(sandbox: SandboxProgram, app: str) -> list[Any]:
    """Return the app's IP assignments."""
    answer = sandbox.fly("GET", f"/apps/{app}/ip_assignments").json()
    rows: list[Any] = answer["ips"] if isinstance(answer, dict) else answer
    return rows


def volume_of(sandbox: SandboxProgram) -> str | None:
    """Return the id of the Redis volume, None when there is none."""
    if sandbox.fly("GET", f"/apps/{APPS[1]}").status_code != 200:
        return None
    rows = volumes(sandbox, APPS[1])
    return rows[0]["id"] if rows else None


def run(stack: Stack, command: list[str]) -> None:
    """Run a pulumi command that must succeed."""
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[3],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
