"""flyctl as a process, played: it does to Fly's API what a real one was recorded to do and leave.

The recordings are of a build of 2026-08-21, after v0.4.87, each failure ordered by hand. Nothing
here is flyctl's logic: each ending is one row of what was seen, given the machines there are.
"""

import itertools
import json
import time
import tomllib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fly.flyctl_run import InterruptedFlyctlError, Ran
from fly.machine_config import DeployInputs, machine_config
from fly.release import GROUP, in_group
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

VERSION = {"Name": "flyctl", "Version": "0.4.87"}
GREEN = "fly_flyctl_bluegreen_launch_id"
NUMBERS = itertools.count(1)

Ending = Callable[["PlayedFlyctl", list[Machine]], int]


class PlayedFlyctl:
    """Runs in place of flyctl on `app`; a deployment takes the next of `endings`, else "well"."""

    def __init__(self, api: "FlyApi", app: str, *endings: str, version: str = "0.4.87") -> None:
        self.api, self.app = api, app
        self.endings = list(endings)
        self.version = version
        self.refuses = ""
        self.calls: list[tuple[str, ...]] = []
        self.environ: Mapping[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.region = ""
        self.config: dict[str, Any] = {}
        self.release = ""
        self.found: list[int] = []  # how many machines each deployment met

    @property
    def deployments(self) -> int:
        """How often it was let at the machines."""
        return sum(words[0] == "deploy" for words in self.calls)

    def __call__(
        self, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], limit_s: float
    ) -> Ran:
        self.calls.append(tuple(arguments))
        self.environ = environ
        if arguments[0] == "version":
            return Ran(0, json.dumps({**VERSION, "Version": self.version}))
        self.files = {file.name: file.read_bytes() for file in folder.iterdir()}
        if arguments[0] == "config":
            return Ran(1 if self.refuses else 0, f"\x1b[31m{self.refuses}\x1b[0m")
        self._read(arguments)
        found = list(in_group(self.api.machines.list(self.app)))
        self.found.append(len(found))
        ending = self.endings.pop(0) if self.endings else "well"
        code = ENDINGS[ending](self, found)
        told = {"id": self.release, "version": int(self.release), "image_ref": ""}
        return Ran(code, json.dumps(told) if code == 0 else "Error: \x1b[31mas ordered\x1b[0m\n")

    def _read(self, arguments: Sequence[str]) -> None:
        toml = tomllib.loads(self.files["fly.toml"].decode())
        image = arguments[arguments.index("--image") + 1]
        self.strategy = toml["deploy"]["strategy"]
        self.region = toml["primary_region"]
        self.config = machine_config(toml, GROUP, DeployInputs(image=image, files=self.files))
        self.release = str(next(NUMBERS))

    def body(self, old: Machine | None = None, **metadata: str) -> dict[str, Any]:
        """Return a create's or update's body; metadata that flyctl does not know is kept."""
        kept = dict(old.metadata) if old else {}
        release = {"fly_release_id": f"r{self.release}", "fly_release_version": self.release}
        config = {**self.config, "metadata": {**kept, **self.config["metadata"], **release}}
        config["metadata"] |= metadata
        return {"config": config, "region": old.region if old else self.region}

    def create(self, old: Machine | None = None, **more: Any) -> Machine:
        """Make a machine; `hidden` makes one without traffic, the rest is metadata."""
        hidden = more.pop("hidden", False)
        body = {**self.body(old, **more), "skip_service_registration": hidden}
        return self.api.machines.create(self.app, body, launch_id=uuid.uuid4().hex)

    def update(self, machine: Machine) -> None:
        """Give a machine the configuration, where it stands."""
        lease = self.api.leases.held(self.app, machine.id)
        with lease as held:
            self.api.machines.update(self.app, machine.id, self.body(machine), nonce=held.nonce)

    def greens(self, blues: Sequence[Machine]) -> list[Machine]:
        """Make as many machines again, which get traffic only later."""
        marks = {GREEN: "01LAUNCH", "fly_bluegreen_deployment_tag": "1"}
        return [self.create(blue, hidden=True, **marks) for blue in blues]

    def healthy(self, machine: Machine, patience_s: float = 10) -> bool:
        """Tell whether its checks come to pass."""
        end = time.monotonic() + patience_s
        while True:
            now = self.api.machines.get(self.app, machine.id)
            if now.state == "started" and all(check.passing for check in now.checks):
                return True
            if time.monotonic() > end or any("refused" in c.output for c in now.checks):
                return False
            time.sleep(0.05)  # between two looks


def _well(play: PlayedFlyctl, found: list[Machine]) -> int:
    if not found:
        return 0 if play.healthy(play.create()) else 1
    if play.strategy == "bluegreen":
        greens = play.greens(found)
        if not all(play.healthy(green) for green in greens):
            for green in greens:
                play.api.machines.delete(play.app, green.id)
            return 1
        for green in greens:
            play.api.machines.uncordon(play.app, green.id)
        for blue in found:
            play.api.machines.delete(play.app, blue.id)
        return 0
    for machine in found:
        play.update(machine)
        if play.strategy == "rolling" and not play.healthy(machine):
            return 1
    return 0


def _doubled(play: PlayedFlyctl, found: list[Machine]) -> int:
    """Play a create answered by 503 that took effect, and was sent again: one more, rc 0."""
    code = _well(play, found)
    play.create()
    return code


def _cut(play: PlayedFlyctl, found: list[Machine]) -> int:
    """Play SIGTERM in the first create's smoke check: the machine stays."""
    play.create()
    raise InterruptedFlyctlError("interrupted by SIGTERM")


def _aborted_after_uncordon(play: PlayedFlyctl, found: list[Machine]) -> int:
    for green in play.greens(found):
        play.api.machines.uncordon(play.app, green.id)
    return 1


def _killed_before_uncordon(play: PlayedFlyctl, found: list[Machine]) -> int:
    play.greens(found)
    raise InterruptedFlyctlError("killed")


def _killed_after_updates(play: PlayedFlyctl, found: list[Machine]) -> int:
    for machine in found:
        play.update(machine)
    raise InterruptedFlyctlError("killed")


def _host_lost(play: PlayedFlyctl, found: list[Machine]) -> int:
    """Play blues whose host_status is not ok: not cordoned, not destroyed, and yet rc 0."""
    for green in play.greens(found):
        play.api.machines.uncordon(play.app, green.id)
    return 0


def _failed_check_on_the_first(play: PlayedFlyctl, found: list[Machine]) -> int:
    play.update(found[0])
    return 1


def _canary_left(play: PlayedFlyctl, found: list[Machine]) -> int:
    play.config["dns"] = {"skip_registration": True}
    play.create(fly_canary="true")
    return 1


def _nothing(play: PlayedFlyctl, found: list[Machine]) -> int:
    return 1


ENDINGS: Mapping[str, Ending] = {
    "well": _well,
    "doubled": _doubled,
    "cut": _cut,
    "aborted after uncordon": _aborted_after_uncordon,
    "killed before uncordon": _killed_before_uncordon,
    "killed after its updates": _killed_after_updates,
    "host lost": _host_lost,
    "failed check on the first": _failed_check_on_the_first,
    "canary left": _canary_left,
    "nothing": _nothing,
}
