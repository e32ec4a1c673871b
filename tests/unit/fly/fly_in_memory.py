"""Just enough of a Fly whose machines exist at once, for those who use `FlyApi` and its groups."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from fly.api import FlyApi
from fly.errors import FlyUnavailable, Where
from fly.replies import Check, ImageRef, Ip, IpType, Lease, Machine


class Held:
    """A lease that never runs out."""

    nonce = "nonce"

    def keep(self) -> None:
        """Nothing runs out here."""


class FlyInMemory:
    """One app; `sick` environments never become healthy, `stuck` machines cannot be deleted."""

    def __init__(self) -> None:
        self.rows: dict[str, Machine] = {}
        self.addresses = [Ip("2a09:8280:1::1", IpType.V6)]
        self.leased: set[str] = set()
        self.stuck: set[str] = set()
        self.waited_for: list[str] = []
        self.restarts: list[str] = []
        self.machines = self
        self.leases = self
        self._numbers = itertools.count(1)

    @property
    def api(self) -> FlyApi:
        """This as what the code under test asks for."""
        return cast("FlyApi", self)

    @property
    def ips(self) -> "Any":
        """The group of calls about addresses."""
        return _Addresses(self)

    @property
    def serving(self) -> dict[str, str]:
        """The version in each machine that Fly's proxy would choose from."""
        return {id_: version_of(m) for id_, m in self.rows.items() if not m.cordoned}

    def list(self, app: str) -> tuple[Machine, ...]:
        return tuple(self.rows.values())

    def get(self, app: str, machine_id: str) -> Machine:
        return self.rows[machine_id]

    def find(self, app: str, machine_id: str) -> Machine | None:
        return self.rows.get(machine_id)

    def create(self, app: str, request: Mapping[str, Any], *, launch_id: str) -> Machine:
        number = next(self._numbers)
        config = dict(request["config"])
        self.rows[f"m{number}"] = Machine(
            id=f"m{number}",
            name=f"m{number}",
            state="started",
            region=request.get("region") or "iad",
            instance_id="i",
            config=config,
            image=ImageRef(digest="sha256:" + "a" * 64),
            checks=_checks(config),
            cordoned=bool(request.get("skip_service_registration")),
            created_at=f"2026-11-28T00:00:{number:02}Z",
        )
        return self.rows[f"m{number}"]

    def update(self, app: str, machine_id: str, request: Mapping[str, Any], **_: Any) -> Machine:
        config = dict(request["config"])
        self.restarts.append(machine_id)
        self.rows[machine_id] = replace(
            self.rows[machine_id], config=config, checks=_checks(config), instance_id="i"
        )
        return self.rows[machine_id]

    def delete(self, app: str, machine_id: str, **_: Any) -> None:
        if machine_id in self.stuck:
            where = Where("DELETE", f"/apps/{app}/machines/{machine_id}", 500)
            raise FlyUnavailable(where, "Fly says: host unreachable")
        del self.rows[machine_id]

    def stop(self, app: str, machine_id: str, **_: Any) -> None:
        if machine_id not in self.stuck:
            self.rows[machine_id] = replace(self.rows[machine_id], state="stopped")

    def start(self, app: str, machine_id: str, **_: Any) -> None:
        self.rows[machine_id] = replace(self.rows[machine_id], state="started")

    def cordon(self, app: str, machine_id: str, **_: Any) -> None:
        self.rows[machine_id] = replace(self.rows[machine_id], cordoned=True)

    def uncordon(self, app: str, machine_id: str, **_: Any) -> None:
        self.rows[machine_id] = replace(self.rows[machine_id], cordoned=False)

    def set_metadata(self, app: str, machine_id: str, key: str, value: str, **_: Any) -> None:
        row = self.rows[machine_id]
        metadata = {**row.config["metadata"], key: value}
        self.rows[machine_id] = replace(row, config={**row.config, "metadata": metadata})

    def wait(self, app: str, machine_id: str, state: str, **_: Any) -> None:
        """Every machine is started at once."""

    def view(self, app: str, machine_id: str) -> Lease | None:
        return Lease("", owner="flyctl") if machine_id in self.leased else None

    @contextmanager
    def held(self, app: str, machine_id: str, **_: Any) -> Iterator[Held]:
        if machine_id in self.leased:
            self.waited_for.append(machine_id)
            self.leased.discard(machine_id)
        yield Held()


class _Addresses:
    def __init__(self, fly: FlyInMemory) -> None:
        self._fly = fly

    def list(self, app: str) -> tuple[Ip, ...]:
        return tuple(self._fly.addresses)


def version_of(machine: Machine) -> str:
    """Return the version that the tests write into each configuration."""
    return str(machine.config["env"]["VERSION"])


def _checks(config: Mapping[str, Any]) -> tuple[Check, ...]:
    sick = config["env"].get("SICK")
    return (Check("http", "critical" if sick else "passing", "refused" if sick else "200"),)
