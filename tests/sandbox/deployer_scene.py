"""One app in the stand-in on which either deployer works, with gates that need no proof."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fly.api import FlyApi
from fly.canonical import canonical
from fly.flyctl_deploy import deploy
from fly.flyctl_deployment import Deployment
from fly.flyctl_release import FlyctlRelease
from fly.flyctl_run import Flyctl, Run
from fly.gates import GateStatus, GateVerdict
from fly.machine_config import machine_config
from fly.release import GROUP, Phase, Release, in_group, phase_of
from fly.replies import IpType, Machine
from fly.rollout import Rollout
from tests.sandbox.served import Served
from tests.unit.fly.played_flyctl import PlayedFlyctl

TOML = """
app = "{app}"
primary_region = "iad"
kill_signal = "SIGTERM"
kill_timeout = "5s"
[build]
image = "registry.fly.io/stub:1"
[deploy]
strategy = "{strategy}"
wait_timeout = "{wait_timeout_s}s"
[processes]
app = "--port 4000 --config /app/config.yaml"
[env]
LITELLM_MASTER_KEY = "sk-made-up"
VERSION = "{version}"
{more}
[http_service]
internal_port = 4000
processes = ["app"]
[[http_service.checks]]
path = "/health/readiness"
interval = "2s"
timeout = "1s"
grace_period = "1s"
[[files]]
guest_path = "/app/config.yaml"
local_path = "config.yaml"
[[vm]]
size = "shared-cpu-2x"
"""
PASSED = GateVerdict(GateStatus.PASSED, "2 of 2 fallbacks proven")
FAILED = GateVerdict(GateStatus.FAILED, "0 of 2 fallbacks proven")


class KilledError(BaseException):
    """The engine died: nothing after this point runs."""


@dataclass
class Life:
    """Counts the calls that change something, and ends at the one that was named."""

    changes: int = 0
    die_at: int | None = None

    def guard(self) -> None:
        self.changes += 1
        if self.changes == self.die_at:
            raise KilledError("the engine died")


@dataclass
class Scene:
    """One app in the stand-in, its API as a deployer gets it, and what was proven last."""

    served: Served
    api: FlyApi
    app: str
    by: str
    life: Life
    real: Path | None = None
    applied: Deployment | None = None
    said: list[str] = field(default_factory=list)

    def release(self, version: str, strategy: str = "rolling", *, sick: bool = False) -> Deployment:
        more = 'STUB_UNHEALTHY = "1"' if sick else ""
        wait_timeout_s = 2 if self.real is None else 14  # which waits 10 s for a smoke check
        toml = TOML.format(
            app=self.app,
            version=version,
            strategy=strategy,
            more=more,
            wait_timeout_s=wait_timeout_s,
        )
        image, files = "registry.fly.io/stub:1", {"config.yaml": b"model_list: []\n"}
        config = canonical(machine_config(tomllib.loads(toml), GROUP, image=image, files=files))
        release = Release(
            self.app,
            config,
            {"iad": 2},
            0,
            version * 64,
            "iad",
            strategy,
            wait_timeout_s=wait_timeout_s,
        )
        return Deployment(release, toml)

    def run(self, wanted: Deployment, ending: str = "well") -> None:
        """Do what one `up` does, by either deployer."""
        previous = self.applied
        if self.by == "machines_api":
            went = previous.release.config if previous else None
            Rollout(self.api, wanted.release, self, previous=went, progress=self.said.append).run()
        else:
            environ = {
                "FLY_API_TOKEN": "sandbox",
                "FLY_FLAPS_BASE_URL": self.served.running["api_url"],
            }
            run = partial(
                deploy,
                self.api,
                run=self.flyctl(ending),
                environ=environ,
                progress=self.said.append,
            )
            run(wanted)
            FlyctlRelease(
                self.api, wanted, self, run, previous=previous, progress=self.said.append
            ).run()
        self.applied = wanted

    def flyctl(self, ending: str) -> Run:
        """Return a real flyctl where there is one, else one that plays this ending."""
        if self.real is not None:
            return Flyctl(self.real, progress=self.said.append)
        return PlayedFlyctl(self.api, self.app, ending)

    def inside(self, machine: Machine) -> GateVerdict:
        return PASSED

    def outside(self) -> GateVerdict:
        """Prove nothing where nobody can reach it."""
        return PASSED if self.api.ips.list(self.app) else FAILED

    @property
    def whole(self) -> str:
        """The one version that two machines serve, all of them proven; fails on anything else."""
        machines = in_group(self.api.machines.list(self.app))
        assert [phase_of(m) for m in machines] == [Phase.SERVING] * 2, self.said
        assert not [m.id for m in machines if m.cordoned]
        assert not [m.id for m in machines if self.api.leases.view(self.app, m.id)]
        (version,) = {str(m.config["env"]["VERSION"]) for m in machines}
        return version

    def fault(self, method: str, path: str, kind: str, *, times: int, **action: int) -> None:
        match = {"method": method, "path_regex": path, "times": times}
        body = {"match": match, "action": {"kind": kind, **action}}
        self.control("/faults", body)

    def clear_faults(self) -> None:
        httpx.delete(f"{self.served.running['api_url']}/_sandbox/faults")

    def control(self, path: str, body: dict[str, Any]) -> None:
        """Tell the stand-in what is to happen."""
        url = f"{self.served.running['api_url']}/_sandbox{path}"
        answer = httpx.post(url, json=body)
        assert answer.is_success, answer.text

    def killed_at(self, change: int, wanted: Deployment) -> None:
        """Run our own rollout until its `change`-th change, where the engine is killed."""
        self.life.die_at = self.life.changes + change
        with pytest.raises(KilledError, match="the engine died"):
            self.run(wanted)


@contextmanager
def app_on_version_1(served: Served, by: str, flyctl: Path | None = None) -> Iterator[Scene]:
    """Make an app that the deployer brought to version 1; `flyctl` is a real one's path."""
    name = f"fault-{uuid4().hex[:8]}"
    url = served.running["api_url"]
    life = Life()
    environ = {"FLY_API_TOKEN": "sandbox", "FLY_FLAPS_BASE_URL": url}
    with FlyApi.from_environment(environ, guard=life.guard) as api:
        api.apps.create(name, org_slug="acme")
        api.ips.create(name, IpType.V6)
        scene = Scene(served, api, name, by, life, flyctl)
        scene.run(scene.release("1"))
        assert scene.whole == "1"
        yield scene
        scene.clear_faults()
        api.apps.delete(name)
