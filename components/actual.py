"""What is there now: each recorded resource as its provider sees it, and what nobody declared.

The providers are those that `pulumi refresh` asks, so that a look here and a refresh agree.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from components.app import AppProvider, IpAssignmentProvider
from components.certificate import CertificateProvider
from components.data_machine import DataMachineProvider
from components.database import DatabaseError, DatabaseProvider
from components.existing_database import ExistingDatabaseError, ExistingDatabaseProvider
from components.managed_cluster import ManagedClusterProvider
from components.managed_postgres import ManagedDatabaseProvider, ManagedUserProvider
from components.provider import FlyProvider, Properties, Seen
from components.recorded import SECRET, Recorded
from components.release import ReleaseProvider
from components.secrets import SecretsProvider
from components.volume import VolumeProvider
from fly.errors import FlyError, FlyNotFound
from fly.migration import MIGRATION_GROUP
from fly.release import in_group, slotted
from fly.replies import Machine
from fly.shared import SharedLook
from stacks.problem import Problem

PROVIDERS: Mapping[str, FlyProvider] = {
    "App": AppProvider(),
    "IpAssignment": IpAssignmentProvider(),
    "Certificate": CertificateProvider(),
    "Secrets": SecretsProvider(),
    "Volume": VolumeProvider(),
    "DataMachine": DataMachineProvider(),
    "Database": DatabaseProvider(),
    "ExistingDatabase": ExistingDatabaseProvider(),
    "ManagedCluster": ManagedClusterProvider(),
    "ManagedDatabase": ManagedDatabaseProvider(),
    "ManagedUser": ManagedUserProvider(),
    "Release": ReleaseProvider(),
}
"""By kind; a kind that is not here lives in Pulumi's state alone, where nothing can move it."""

ENDED = frozenset({"stopped", "failed"})  # a migration's machine that nobody waits for any more

_COMPUTED: Mapping[str, tuple[str, ...]] = {
    kind: provider.computed for kind, provider in PROVIDERS.items()
}


@dataclass(frozen=True, slots=True)
class Actual:
    """One recorded resource as it is; `inputs` None: the platform says that it does not exist."""

    name: str
    inputs: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Running:
    """A machine of ours that was found, and where it belongs.

    `slot` is its place in the gateway's release ("iad-1"), "" for the one machine of a data app;
    `resource` the name of the recorded resource that it is of.
    """

    resource: str
    app: str
    slot: str
    machine: Machine = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Something in an app of ours that no recorded resource accounts for.

    `kind` is machine, address, certificate, volume or secret; `id` what Fly knows it by; `told`
    says in words what it is.
    """

    app: str
    kind: str
    id: str
    told: str


@dataclass(frozen=True, slots=True)
class Reality:
    """All that was found in one look; `problems` are of what could not be looked at."""

    resources: tuple[Actual, ...] = ()
    running: tuple[Running, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    problems: tuple[Problem, ...] = ()


def look_at(recorded: Sequence[Recorded], look: SharedLook, pool: Executor) -> Reality:
    """Look at every recorded resource, in parallel; no error of one hides the others."""
    problems: list[Problem] = []
    looked = [each for each in recorded if each.kind in PROVIDERS]
    jobs = [(each, pool.submit(_seen, each, look)) for each in looked]
    others = [(app, pool.submit(_unmanaged, app, looked, look)) for app in apps_of(looked)]
    resources: list[Actual] = []
    for each, job in jobs:
        seen = _result(job.result, f"resource {each.name}", problems)
        if seen is not None:
            resources.append(seen)
    unmanaged: list[Unmanaged] = []
    for app, found in others:
        unmanaged += _result(found.result, f"app {app}", problems) or ()
    running = _result(lambda: tuple(_running(looked, look)), "machines", problems) or ()
    told = {problem.expected: problem for problem in reversed(problems)}
    return Reality(
        tuple(resources), running, tuple(sorted(unmanaged, key=_order)), tuple(told.values())
    )


def apps_of(recorded: Iterable[Recorded]) -> tuple[str, ...]:
    """Return the apps that the stack made, sorted."""
    return tuple(sorted(str(each.inputs["name"]) for each in recorded if each.kind == "App"))


def _seen(recorded: Recorded, look: SharedLook) -> Actual:
    """Do what the provider's `read` does, with the shared lists."""
    provider = PROVIDERS[recorded.kind]
    outputs: Properties = dict(recorded.outputs)
    try:
        seen: Seen | None = provider.look(look.as_api(), recorded.id, outputs)
    except FlyNotFound:
        seen = None
    if seen is None:
        return Actual(recorded.name, None)
    return Actual(recorded.name, {**recorded.inputs, **seen.inputs})


def _result(result: Callable[[], Any], place: str, problems: list[Problem]) -> Any:
    try:
        return result()
    except FlyError as error:
        problems.append(error.problem)
    except (DatabaseError, ExistingDatabaseError) as error:
        what, _, rest = str(error).partition("\n")
        step = rest.rpartition("\n")[2].strip() or "look at its log"
        problems.append(Problem(place, "drift.database", "", what, step))
    return None


def _running(recorded: Iterable[Recorded], look: SharedLook) -> Iterator[Running]:
    for each in recorded:
        app = str(each.inputs.get("app", ""))
        if each.kind == "Release":
            for slot, machine in slotted(_machines(look, app)).items():
                yield Running(each.name, app, slot, machine)
        elif each.kind == "DataMachine":
            machine_id = each.outputs.get("machine_id")
            for machine in _machines(look, app):
                if machine.id == machine_id:
                    yield Running(each.name, app, "", machine)


def _machines(look: SharedLook, app: str) -> tuple[Machine, ...]:
    try:
        return look.machines.list(app)
    except FlyNotFound:
        return ()


def _unmanaged(app: str, recorded: Sequence[Recorded], look: SharedLook) -> list[Unmanaged]:
    """Return what is in the app beside what was recorded of it; an app that is gone has nothing."""
    of_app = [each for each in recorded if each.inputs.get("app") == app]
    try:
        return [
            *_other_machines(app, of_app, look),
            *_other_addresses(app, of_app, look),
            *_other_certificates(app, of_app, look),
            *_other_volumes(app, of_app, look),
            *_other_secrets(app, of_app, look),
        ]
    except FlyNotFound:
        return []


def _other_machines(app: str, of_app: Sequence[Recorded], look: SharedLook) -> Iterator[Unmanaged]:
    machines = [m for m in look.machines.list(app) if m.state not in {"destroying", "destroyed"}]
    known = {each.outputs.get("machine_id") for each in of_app if each.kind == "DataMachine"}
    if any(each.kind == "Release" for each in of_app):
        known |= {machine.id for machine in in_group(machines)}  # the release tells about these
    for machine in machines:
        migrating = machine.group == MIGRATION_GROUP and machine.state not in ENDED
        if machine.id not in known and not migrating:
            group = machine.group or "none"
            image = str(machine.config.get("image", ""))
            told = f"machine {machine.name or machine.id} ({machine.region}, {machine.state})"
            yield Unmanaged(
                app, "machine", machine.id, f"{told}, image {image}, process group {group}"
            )


def _other_addresses(app: str, of_app: Sequence[Recorded], look: SharedLook) -> Iterator[Unmanaged]:
    known = {each.outputs.get("address") for each in of_app if each.kind == "IpAssignment"}
    for ip in look.ips.list(app):
        if ip.address not in known:
            yield Unmanaged(app, "address", ip.address, f"{ip.type} {ip.address}")


def _other_certificates(
    app: str, of_app: Sequence[Recorded], look: SharedLook
) -> Iterator[Unmanaged]:
    known = {each.inputs.get("hostname") for each in of_app if each.kind == "Certificate"}
    for certificate in look.certificates.list(app):
        if certificate.hostname not in known:
            told = f"host name {certificate.hostname} ({certificate.status})"
            yield Unmanaged(app, "certificate", certificate.hostname, told)


def _other_volumes(app: str, of_app: Sequence[Recorded], look: SharedLook) -> Iterator[Unmanaged]:
    known = {each.id for each in of_app if each.kind == "Volume"}
    for volume in look.volumes.list(app):
        if volume.id not in known:
            told = f"volume {volume.name} ({volume.region}, {volume.size_gb} GB)"
            holder = volume.attached_machine_id
            yield Unmanaged(
                app, "volume", volume.id, f"{told}, attached to {holder}" if holder else told
            )


def _other_secrets(app: str, of_app: Sequence[Recorded], look: SharedLook) -> Iterator[Unmanaged]:
    known: set[str] = set()
    for each in of_app:
        digests = each.outputs.get("digests") if each.kind == "Secrets" else None
        known |= set(digests) if isinstance(digests, Mapping) else set()
    for secret in look.secrets.list(app):
        if secret.name not in known:
            yield Unmanaged(app, "secret", secret.name, f"digest {secret.digest}")


def comparable(kind: str, *sides: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return what of a resource's sides can be compared.

    Left out is what only the platform decides, and whatever is a secret on any side.
    """
    closed = {key for side in sides for key, value in side.items() if value is SECRET}
    left_out = closed.union(_COMPUTED.get(kind, ()))
    return tuple(
        {key: value for key, value in side.items() if key not in left_out and value is not None}
        for side in sides
    )


def _order(each: Unmanaged) -> tuple[str, str, str]:
    return (each.app, each.kind, each.id)
