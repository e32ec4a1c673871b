"""Everything the stand-in remembers, and how it survives a restart: files in the home directory."""

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sandbox.interfaces import MachineRecord
from sandbox.records import (
    AppRecord,
    LeaseRecord,
    ReleaseRecord,
    VolumeRecord,
    app_from_json,
    app_to_json,
    machine_from_json,
    machine_to_json,
)
from sandbox.secret_store import SecretStore

FORMAT = 1  # raised when the files' shape changes
FIRST_HOST = 10  # machines get .10 and up; .1 is the app's own address
HOSTS = 240  # .10 to .249
APPS = 254  # the third octet
RELEASES_KEPT = 50  # of each app; flyctl shows 25
DESTROYED_KEPT = 20  # destroyed machines an app still answers GET for
GONE = frozenset({"destroying", "destroyed"})


class StateError(Exception):
    """The home directory cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """A machine's files as they were sent, their text, and the digest that names it; or none."""

    value: Any
    text: str = ""
    key: str = ""

    @classmethod
    def dumped(cls, value: Any) -> Self:
        """Dump files, where there are any."""
        if not value:
            return cls(value)
        text = json.dumps(value)
        return cls(value, text, hashlib.sha256(text.encode()).hexdigest())


class State:
    """The records, in memory and on disk.

    Records are changed in place; `save` writes them and tells the subscribers. Nothing here
    is safe for threads: one event loop owns it.
    """

    def __init__(self, home: Path, subnet: str, store: SecretStore) -> None:
        self.home = home
        self.subnet = subnet
        self.secrets = store
        self.apps: dict[str, AppRecord] = {}
        self.machines: dict[str, MachineRecord] = {}
        self.volumes: dict[str, VolumeRecord] = {}
        self.leases: dict[str, LeaseRecord] = {}
        self.releases: dict[str, ReleaseRecord] = {}
        self.builds = 0
        self.next_ip = 1
        self._subscribers: list[Callable[[], None]] = []
        self._written: dict[str, str] = {}
        self._files: dict[str, Files] = {}  # of each machine

    @classmethod
    def open(cls, home: Path, *, subnet: str = "127.77") -> Self:
        """Load the state below `home`, or begin an empty one; the directory becomes private."""
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.chmod(0o700)
        kept = _read(home / "secrets.json")
        store = SecretStore.from_json(kept) if kept else SecretStore(secrets.token_hex(16))
        state = cls(home, subnet, store)
        row = _read(home / "state.json")
        if row:
            state._load(row)
        state.save()
        return state

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every saved change; it must return at once."""
        self._subscribers.append(callback)

    def save(self) -> None:
        """Write what changed, each file atomically, then tell the subscribers.

        The records come first: a version of the secrets is dropped only once no record names it.
        """
        self._write("state.json", self._to_text())
        self._write("secrets.json", json.dumps(self.secrets.to_json()))
        for callback in self._subscribers:
            callback()

    def add_app(
        self, *, id_: str, name: str, organization: str, network: str, created_at: str
    ) -> AppRecord:
        """Add an app on the lowest free loopback network; the name must be free."""
        taken = {app.number for app in self.apps.values()}
        number = next((n for n in range(1, APPS + 1) if n not in taken), None)
        if number is None:
            raise StateError(f"all {APPS} loopback networks are taken; delete an app first")
        address = f"{self.subnet}.{number}.1"
        app = AppRecord(id_, name, organization, network, number, address, created_at)
        self.apps[name] = app
        return app

    def remove_app(self, name: str) -> None:
        """Forget the app and all that was its own: machines, volumes with data, secrets."""
        for machine in [m for m in self.machines.values() if m.app == name]:
            del self.machines[machine.id]
            self.leases.pop(machine.id, None)
        for volume in [v for v in self.volumes.values() if v.app == name]:
            self.erase_volume(volume)
            del self.volumes[volume.id]
        for release in self.releases_of(name):
            del self.releases[release.id]
        self.secrets.forget(name)
        self.apps.pop(name, None)

    def free_address(self, app: AppRecord) -> str:
        """Take the app's next machine address; one just given up is not used again soon."""
        taken = {m.address for m in self.machines.values() if m.state != "destroyed"}
        for step in range(HOSTS):
            host = (app.next_host + step) % HOSTS
            address = f"{self.subnet}.{app.number}.{FIRST_HOST + host}"
            if address not in taken:
                app.next_host = (host + 1) % HOSTS
                return address
        raise StateError(f"app {app.name} has {HOSTS} machines already; destroy some first")

    def machines_of(self, app: str, *, destroyed: bool = False) -> list[MachineRecord]:
        """List an app's machines, oldest first; destroyed ones only on request."""
        return [
            machine
            for machine in self.machines.values()
            if machine.app == app and (destroyed or machine.state != "destroyed")
        ]

    def volumes_of(self, app: str) -> list[VolumeRecord]:
        """List an app's volumes, oldest first, those that wait for destruction included."""
        return [volume for volume in self.volumes.values() if volume.app == app]

    def releases_of(self, app: str) -> list[ReleaseRecord]:
        """List an app's releases, newest first."""
        return [release for release in reversed(self.releases.values()) if release.app == app]

    def add_release(
        self,
        *,
        id_: str,
        app: str,
        image: str,
        strategy: str,
        definition: dict[str, Any],
        created_at: str,
    ) -> ReleaseRecord:
        """Record an app's next release; the oldest ones beyond `RELEASES_KEPT` are dropped."""
        known = self.releases_of(app)
        version = known[0].version + 1 if known else 1
        release = ReleaseRecord(id_, app, version, image, strategy, definition, created_at)
        self.releases[id_] = release
        for old in known[RELEASES_KEPT - 1 :]:
            del self.releases[old.id]
        return release

    def secrets_for(self, machine: MachineRecord) -> dict[str, str]:
        """Return the secrets the machine was created or last updated with."""
        return self.secrets.values(machine.app, machine.secrets_version)

    def lease(self, machine_id: str, now: float) -> LeaseRecord | None:
        """Return the lease in force, if any."""
        lease = self.leases.get(machine_id)
        return lease if lease and lease.expires_at > now else None

    def prune(self, app: str) -> None:
        """Drop the oldest destroyed machines, dead leases and versions of secrets out of use."""
        dead = [m for m in self.machines.values() if m.app == app and m.state == "destroyed"]
        for machine in dead[: max(0, len(dead) - DESTROYED_KEPT)]:
            del self.machines[machine.id]
        for machine in dead:
            self.leases.pop(machine.id, None)
        self.secrets.prune(app, (m.secrets_version for m in self.machines_of(app)))

    def machine_dir(self, machine_id: str) -> Path:
        """Say where a machine's files live; the runtime makes and removes the directory."""
        return self.home / "machines" / machine_id

    def volume_dir(self, volume_id: str) -> Path:
        """Say where a volume's data live; the directory exists as long as the volume does."""
        return self.home / "volumes" / volume_id

    def make_volume(self, volume: VolumeRecord) -> None:
        """Record a new volume and make its directory."""
        self.volume_dir(volume.id).mkdir(parents=True, mode=0o700)
        self.volumes[volume.id] = volume

    def erase_volume(self, volume: VolumeRecord) -> None:
        """Remove the volume's data; the record stays."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.volume_dir(volume.id))

    def attached_volumes(self, machine_id: str) -> Iterator[VolumeRecord]:
        """List the volumes that hang on a machine."""
        return (v for v in self.volumes.values() if v.attached_machine == machine_id)

    def _load(self, row: dict[str, Any]) -> None:
        if row.get("format") != FORMAT:
            raise StateError(
                f"{self.home / 'state.json'}: format {row.get('format')!r}, this sandbox reads"
                f" {FORMAT}; remove the directory to begin anew"
            )
        if row["subnet"] != self.subnet:
            raise StateError(
                f"{self.home / 'state.json'}: made for subnet {row['subnet']}, not {self.subnet};"
                f" start with --subnet {row['subnet']} or with another --home"
            )
        self.apps = {app["name"]: app_from_json(app) for app in row["apps"]}
        files = row.get("files", {})  # of each machine's own, in a home of an earlier sandbox
        self.machines = {m["id"]: machine_from_json(m, files) for m in row["machines"]}
        self.volumes = {volume["id"]: VolumeRecord(**volume) for volume in row["volumes"]}
        self.leases = {lease["machine"]: LeaseRecord(**lease) for lease in row["leases"]}
        self.next_ip = row["next_ip"]
        # A home of an earlier sandbox has neither of these.
        self.releases = {r["id"]: ReleaseRecord(**r) for r in row.get("releases", [])}
        self.builds = row.get("builds", 0)

    def _to_text(self) -> str:
        """Dump the records, and the files of machines once for all that have the same.

        They are nearly all there is to dump: with those of 200 machines in their rows, each change
        of one machine took a quarter of a second.
        """
        self._files = {id_: self._files_of(machine) for id_, machine in self.machines.items()}
        files = {kept.key: kept.text for kept in self._files.values() if kept.key}
        texts = ", ".join(f'"{key}": {text}' for key, text in files.items())
        return f'{json.dumps(self._to_json())[:-1]}, "files": {{{texts}}}}}'

    def _files_of(self, machine: MachineRecord) -> Files:
        """Return the machine's files, dumped once: they are replaced, never changed in place."""
        found, kept = machine.config.get("files"), self._files.get(machine.id)
        return kept if kept and kept.value is found else Files.dumped(found)

    def _machine_row(self, machine: MachineRecord) -> dict[str, Any]:
        row, key = machine_to_json(machine), self._files[machine.id].key
        if not key:
            return row
        config = {name: value for name, value in machine.config.items() if name != "files"}
        return {**row, "config": config, "files": key}

    def _to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "subnet": self.subnet,
            "next_ip": self.next_ip,
            "apps": [app_to_json(app) for app in self.apps.values()],
            "machines": [self._machine_row(machine) for machine in self.machines.values()],
            "volumes": [asdict(volume) for volume in self.volumes.values()],
            "leases": [asdict(lease) for lease in self.leases.values()],
            "releases": [asdict(release) for release in self.releases.values()],
            "builds": self.builds,
        }

    def _write(self, name: str, text: str) -> None:
        if self._written.get(name) == text:
            return
        fresh = self.home / f".{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.home / name)
        self._written[name] = text


def _read(path: Path) -> dict[str, Any] | None:
    """Read a file of this state; None when there is none yet."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        text = f"{path}: not JSON ({error}); remove the directory to begin anew"
        raise StateError(text) from error
    if not isinstance(row, dict):
        raise StateError(f"{path}: not a JSON object; remove the directory to begin anew")
    return row
