"""What Fly's API can do to an `up`: told, waited out or repeated, and nothing exists twice."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox.engine.clients import traffic
from tests.sandbox.engine.conftest import NewStack, wait_until
from tests.sandbox.engine.pulumi_stack import Stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram

APP = "stub-gateway"
REDIS = "stub-gateway-redis"
DECLARED = {
    APP: {"machines": 2, "volumes": 0, "ips": 2},
    REDIS: {"machines": 1, "volumes": 1, "ips": 1},
}
LONG_S, SHORT_S = 600, 1  # of another client's lease

pytestmark = pytest.mark.timeout(300)


def declared(stack: Stack, release: str = "1") -> Stack:
    """Declare the release called `release` and return the stack."""
    stack.configure(stub_config(stack.sandbox, server={"environment": {"RELEASE": release}}))
    return stack


def existing(sandbox: SandboxProgram) -> dict[str, dict[str, int]]:
    """Count what each app has."""
    return {
        app["name"]: {
            "machines": len(app["machines"]),
            "volumes": len([v for v in app["volumes"] if "destroy" not in v["state"]]),
            "ips": len(app["ips"]),
        }
        for app in sandbox.control("GET", "/status")["apps"]
    }


def test_a_token_that_fly_does_not_know_is_told_with_the_next_step(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = declared(new_stack())
    stack.environment["FLY_API_TOKEN"] = "no-token-of-ours"
    done = stack.up(check=False)
    assert done.returncode != 0
    assert "error[fly.unauthorized] Fly API POST /apps = HTTP 401" in done.stdout
    assert "fly tokens create org" in done.stdout
    assert "FLY_API_TOKEN" in done.stdout
    assert "no-token-of-ours" not in done.stdout
    assert "Traceback" not in done.stdout
    assert existing(sandbox) == {}


def test_an_app_of_somebody_else_is_left_alone(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = declared(new_stack())
    assert sandbox.fly("POST", "/apps", {"app_name": APP, "org_slug": "rivals"}).is_success
    sandbox.control("POST", f"/apps/{APP}/secrets", {"THEIRS": "untouched"})
    done = stack.up(check=False)
    assert done.returncode != 0
    assert "error[fly.name_taken] Fly API POST /apps" in done.stdout
    assert "choose another app name" in done.stdout
    assert sandbox.secrets(APP) == {"THEIRS": "untouched"}
    assert existing(sandbox)[APP] == {"machines": 0, "volumes": 0, "ips": 0}


@dataclass(frozen=True)
class Weather:
    """How the API behaves during a first `up`."""

    what: str
    faults: tuple[tuple[dict[str, Any], dict[str, Any]], ...]


def struck(method: str, path: str, *, times: int = 1, nth: int = 1) -> dict[str, Any]:
    """Return which calls a fault is for."""
    return {"method": method, "path_regex": path, "times": times, "nth": nth}


CREATES = ("/apps$", "/volumes$", "/machines$", "/ip_assignments$", "/secrets$")
AT_ONCE = {"retry-after": "0"}
WEATHERS = (
    Weather(
        "bursts of 429 and of 5xx",
        (
            (struck("POST", "", times=3, nth=2), {"status": 429, "headers": AT_ONCE}),
            (struck("GET", "", times=4, nth=3), {"status": 429, "headers": {"retry-after": "1"}}),
            *((struck("POST", path, times=2), {"status": 503}) for path in CREATES),
            (struck("GET", "", times=3, nth=12), {"status": 502}),
            (struck("POST", "/uncordon$"), {"status": 500}),
        ),
    ),
    Weather(
        "replies lost after the create took effect, and calls without an answer",
        (
            *((struck("POST", path, times=2), {"kind": "lost_reply"}) for path in CREATES),
            *(
                (struck("POST", path, nth=3), {"kind": "timeout", "seconds": 0.5})
                for path in CREATES
            ),
            (struck("GET", "/machines"), {"kind": "timeout", "seconds": 0.5}),
        ),
    ),
)


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda weather: weather.what.replace(" ", "-"))
def test_a_first_up_gets_through_and_makes_nothing_twice(
    sandbox: SandboxProgram, new_stack: NewStack, weather: Weather
) -> None:
    stack = declared(new_stack())
    for match, action in weather.faults:
        sandbox.fault(match, **{"kind": "status", **action})
    stack.up()
    strange = [call for call in sandbox.calls() if call["status"] is None or call["status"] >= 429]
    assert len(strange) >= len(weather.faults)  # all but the last few of a burst meet a call
    assert existing(sandbox) == DECLARED
    assert sandbox.ask(sandbox.secrets(APP)["LITELLM_MASTER_KEY"]).status_code == 200


def test_a_lease_of_another_client_is_waited_out_and_flapping_checks_lose_no_request(
    sandbox: SandboxProgram, new_stack: NewStack
) -> None:
    stack = declared(new_stack())
    stack.up()
    old = {machine["id"] for machine in sandbox.machines(APP)}
    held = min(old)
    declared(stack, "2")
    key = sandbox.secrets(APP)["LITELLM_MASTER_KEY"]
    lease(sandbox, held, LONG_S)
    with (
        traffic(sandbox, key) as users,
        during(lambda: give_back(sandbox, held)),
        during(lambda: flap(sandbox, old)),
    ):
        done = stack.up()
    assert f"machine {held}: leased by another-client@sandbox" in done.stdout
    new = {machine["id"] for machine in sandbox.machines(APP)}
    assert new.isdisjoint(old)
    assert existing(sandbox) == DECLARED
    assert users.answers
    assert users.lost == []


def lease(sandbox: SandboxProgram, machine: str, seconds: int) -> None:
    """Let another client hold the machine's lease for so long from now."""
    sandbox.control("POST", f"/apps/{APP}/lease", {"machine": machine, "seconds": seconds})


def give_back(sandbox: SandboxProgram, machine: str) -> None:
    """Let the other client's lease end soon, once the rollout was refused because of it."""

    def refused() -> bool:
        return any(
            call["path"].endswith(f"{machine}/lease") and call["status"] == 409
            for call in sandbox.calls()
        )

    wait_until(refused, 60, "the rollout meets the lease")
    lease(sandbox, machine, SHORT_S)


def flap(sandbox: SandboxProgram, old: set[str]) -> None:
    """Let the checks of the first new machine flap from the moment it exists."""

    def appeared() -> list[str]:
        return [row["id"] for row in sandbox.machines(APP) if row["id"] not in old]

    machine = wait_until(appeared, 60, "a new machine")[0]
    script = ["critical", "passing", "critical", "critical", "passing"]
    sandbox.control("POST", f"/machines/{machine}/checks", {"script": script})


class during:  # noqa: N801 - reads as a statement
    """Do something in a thread while a block runs, and tell at its end what went wrong with it."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001 - raised again at the end of the block
            self._error = error

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error
