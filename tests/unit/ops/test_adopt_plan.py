"""An adoption is planned: what it takes over, what differs, what is in the way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.adoption import Seen
from components.desired import Desired, desired
from fly.certificates import Certificate
from fly.replies import App, Ip, Machine, Secret, Volume
from ops.adopt_plan import Plan, plan
from stacks.settings import Settings
from stacks.values import Deployer
from tests.unit.components.test_bundle import some_settings
from tests.unit.fly.fake_fly import machine

EXISTING: Mapping[str, Any] = {"kind": "existing", "host": "redis.acme.example"}
MARKER = "marker-in-a-foreign-variable-90ac"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return some_settings(redis=EXISTING, postgres=None, store="file")


@pytest.fixture(scope="module")
def wanted(settings: Settings) -> tuple[Desired, ...]:
    return desired(settings, ())


def slots_of(wanted: tuple[Desired, ...]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(e for e in wanted if e.kind == "Release").inputs["machines"]
    return found


def app_of(wanted: tuple[Desired, ...], **edits: Any) -> Seen:
    """Return an app that is what is wanted, but for what is edited in each machine."""
    names = next(e for e in wanted if e.kind == "Secrets").inputs["names"]
    machines = tuple(
        Machine.parse(
            machine(f"m{number}", region=slot[:3], config={**config, **edits}, created_at=slot)
        )
        for number, (slot, config) in enumerate(slots_of(wanted).items())
    )
    addresses = (Ip.parse({"ip": "2a09::1"}), Ip.parse({"ip": "1.2.3.4", "shared": True}))
    secrets = tuple(Secret(name, f"digest-{name}") for name in names)
    app = App("1", "acme-gateway-dev", organization="acme")
    return Seen(app, addresses, secrets=secrets, machines=machines)


def ids(found: Plan) -> list[str]:
    return [problem.id for problem in found.problems]


def test_a_gateway_that_is_what_the_settings_say_differs_in_nothing(
    settings: Settings, wanted: tuple[Desired, ...]
) -> None:
    found = plan(settings, wanted, app_of(wanted))
    assert (found.problems, found.changes, found.unmanaged) == ((), (), ())
    assert found.order.addresses == {"v6": "2a09::1", "shared_v4": "1.2.3.4"}
    assert found.order.machines == {"m0": "i1", "m1": "i1", "m2": "i1"}
    assert found.slots.keys() == {"iad-1", "iad-2", "lhr-1"}
    assert found.order.secrets["LITELLM_MASTER_KEY"] == "digest-LITELLM_MASTER_KEY"


def test_what_differs_is_told_once_and_a_foreign_value_not_at_all(
    settings: Settings, wanted: tuple[Desired, ...]
) -> None:
    config = next(iter(slots_of(wanted).values()))
    edits = {
        "guest": {**config["guest"], "memory_mb": 512},
        "env": {**config["env"], "OTHER": MARKER},
    }
    found = plan(settings, wanted, app_of(wanted, **edits))
    told = {change.path: (change.now, change.wanted) for change in found.changes}
    assert told["machines.*.guest.memory_mb"] == ("512", str(config["guest"]["memory_mb"]))
    assert told["machines.*.env.OTHER"][1] is None
    assert told.keys() == {
        "machines.*.guest.memory_mb",
        "machines.*.env.OTHER",
        "machines.*.phase",
    }
    assert MARKER not in str(found.as_json())
    seen = app_of(wanted)
    fewer = replace(seen, machines=tuple(m for m in seen.machines if m.region != "lhr"))
    [missing] = [c for c in plan(settings, wanted, fewer).changes if c.path == "machines.lhr-1"]
    assert missing.now is None


def test_what_nobody_declared_stays_and_is_named(
    settings: Settings, wanted: tuple[Desired, ...]
) -> None:
    seen = app_of(wanted)
    other = Machine.parse(machine("w1", config={"metadata": {"fly_process_group": "worker"}}))
    more = Seen(
        seen.app,
        (*seen.addresses, Ip.parse({"ip": "5.6.7.8"})),
        (Certificate("ai.acme.example", "Ready", configured=True),),
        (*seen.secrets, Secret("OLD_KEY", "d9")),
        (Volume("vol_1", "data", "iad", 10),),
        (*seen.machines, other),
    )
    found = plan(settings, wanted, more)
    assert found.unmanaged == (
        "machine w1 (iad, process group worker)",
        "address 5.6.7.8 (v4)",
        "host name ai.acme.example (Ready)",
        "volume vol_1 (data, iad, 10 GB)",
        "secret OLD_KEY (digest d9)",
    )
    assert "w1" not in found.order.machines


def test_everything_in_the_way_is_told_at_once_with_what_to_do() -> None:
    settings = some_settings(secrets={"LITELLM_MASTER_KEY": "generated"})
    by_flyctl = settings.fly.model_copy(update={"deployer": Deployer.FLYCTL})
    settings = settings.model_copy(update={"fly": by_flyctl})
    wanted = desired(settings, ())
    empty = Seen(App("1", "acme-old", organization="other"))
    found = plan(settings, wanted, empty)
    assert {*ids(found)} == {
        "adopt.app",
        "adopt.organization",
        "adopt.deployer",
        "adopt.machines",
        "adopt.store",
        "adopt.address",
        "adopt.secret",
        "adopt.generated",
    }
    assert ids(found).count("adopt.store") == 2
    assert all(problem.next_step for problem in found.problems)
    assert "fly secrets import --stage -a acme-gateway-dev < FILE" in str(found.problems)
    app = {"app": "acme-gateway-dev"}
    more = (
        *wanted,
        Desired("gateway-x", "Unheard", app),
        Desired("gateway-y", "Certificate", {**app, "hostname": "ai.acme.example"}),
    )
    assert {"adopt.kind", "adopt.hostname"} <= {*ids(plan(settings, more, empty))}
