"""What an adoption would take over, what the first deployment would change, what is in its way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from components.adoption import Adoption
from components.desired import Desired
from fly.differences import MISSING, Step, differences, property_path
from fly.release import GROUP, in_group, observed, observed_secrets_version, slotted
from fly.replies import App, Ip, Machine, Secret, Volume
from ops.drift_files import file_changes
from ops.drift_values import is_file, value_text
from stacks.places import configuration_file
from stacks.problem import Problem
from stacks.settings import Settings
from stacks.values import SecretSource

ALL = "*"  # in a path: the same on every machine
NOT_OURS = "not made by this project"  # what `observed` says under `phase`
TAKEN_OVER = frozenset({"App", "IpAssignment", "Secrets", "GeneratedSecret", "Release"})
OF_STORES = frozenset({"Volume", "DataMachine", "Database"})
GET_ADDRESS = {"v6": "fly ips allocate-v6", "shared_v4": "fly ips allocate-v4 --shared"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What Fly has of the app; no value of a secret is among it."""

    app: App
    addresses: tuple[Ip, ...] = ()
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    machines: tuple[Machine, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One property that the first deployment would change; a side that is None is not there."""

    path: str
    now: str | None
    wanted: str | None
    details: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as fields."""
        return {
            "path": self.path,
            "is": self.now,
            "wanted": self.wanted,
            "details": list(self.details),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is told before anything is done; `order` is what the providers are given.

    `slots` are the machines that are taken over; `changes` is empty where they are exactly what the
    settings say; `unmanaged` stays as it is, and nobody looks after it.
    """

    order: Adoption
    slots: Mapping[str, Machine] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unmanaged: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as fields."""
        return {
            "app": self.order.app,
            "organization": self.order.organization,
            "takes_over": {
                "addresses": dict(self.order.addresses),
                "secrets": dict(self.order.secrets),
                "machines": {
                    slot: {"id": machine.id, "instance_id": machine.instance_id}
                    for slot, machine in self.slots.items()
                },
            },
            "changes": [change.as_json() for change in self.changes],
            "unmanaged": list(self.unmanaged),
        }


def plan(settings: Settings, wanted: Sequence[Desired], seen: Seen) -> Plan:
    """Compare what the program declares with what the app has, and name all that is in the way."""
    group = in_group(seen.machines)
    app = settings.fly.app
    named = sorted(name for each in _own(wanted, "Secrets", app) for name in each.inputs["names"])
    kinds = sorted(str(each.inputs["type"]) for each in _own(wanted, "IpAssignment", app))
    first = {
        kind: next((a.address for a in seen.addresses if a.type == kind), "") for kind in kinds
    }
    held = {secret.name: secret.digest for secret in seen.secrets}
    order = Adoption(
        app=seen.app.name,
        organization=settings.fly.organization,
        addresses={kind: address for kind, address in first.items() if address},
        secrets={name: held[name] for name in named if name in held},
        secrets_version=observed_secrets_version(group),
        machines={machine.id: machine.instance_id for machine in group},
    )
    return Plan(
        order,
        slots=slotted(group),
        changes=tuple(_changes(settings, wanted, group)),
        unmanaged=tuple(_unmanaged(seen, order)),
        problems=tuple(
            sorted(
                {
                    *_of_the_app(settings, seen),
                    *_of_stores(settings, wanted),
                    *(_no_address(seen.app.name, kind) for kind in kinds if not first[kind]),
                    *_of_secrets(settings, named, held),
                }
            )
        ),
    )


def _own(wanted: Sequence[Desired], kind: str, app: str) -> Iterator[Desired]:
    """Yield what is declared of the gateway's own app; a store's app has some of each kind too."""
    for each in wanted:
        if each.kind == kind and each.inputs.get("app") == app:
            yield each


def _changes(
    settings: Settings, wanted: Sequence[Desired], group: Sequence[Machine]
) -> Iterator[Change]:
    """Yield what a preview will say of the machines, once where it is the same on all of them."""
    release = next(each for each in wanted if each.kind == "Release")
    slots: Mapping[str, Any] = release.inputs["machines"]
    now = observed(group)
    found = differences(now, slots)
    if all(diff.steps[1:] == ("phase",) and diff.before == NOT_OURS for diff in found):
        return  # they are what is wanted, and will be marked as ours

    def told(steps: tuple[Step, ...], side: Any) -> str | None:
        return value_text(("machines", *steps), side, declared=False)

    rows = [(d.steps, told(d.steps, d.before), told(d.steps, d.after), d) for d in found]
    rows.sort(key=lambda row: (len(row[0]) > 1, row[0][1:] and str(row[0][1:]), str(row[1:3])))
    for (rest, before, after), same in groupby(rows, key=lambda row: (row[0][1:], *row[1:3])):
        alike = list(same)
        everywhere = bool(rest) and len(alike) == len({*now} | {*slots}) > 1
        for row in alike[:1] if everywhere else alike:
            steps, diff = row[0], row[3]
            details: tuple[str, ...] = ()
            if is_file(steps) and MISSING not in (diff.before, diff.after):
                prefix = settings.proof.probe_prefix
                details = file_changes(str(steps[-1]), diff.before, diff.after, prefix)
            shown: tuple[Step, ...] = ("machines", ALL if everywhere else steps[0], *rest)
            path = property_path(shown).replace('machines["*"]', "machines.*")
            yield Change(path, before, after, details)


def _unmanaged(seen: Seen, order: Adoption) -> Iterator[str]:
    for machine in seen.machines:
        if machine.id not in order.machines:
            group = machine.group or "none"
            yield f"machine {machine.id} ({machine.region}, process group {group})"
    taken = set(order.addresses.values())
    for ip in seen.addresses:
        if ip.address not in taken:
            yield f"address {ip.address} ({ip.type})"
    for volume in seen.volumes:
        yield f"volume {volume.id} ({volume.name}, {volume.region}, {volume.size_gb} GB)"
    for secret in seen.secrets:
        if secret.name not in order.secrets:
            yield f"secret {secret.name} (digest {secret.digest})"


def _of_the_app(settings: Settings, seen: Seen) -> Iterator[Problem]:
    app, file = seen.app, configuration_file(settings.environment)
    if app.name != settings.fly.app:
        yield Problem(
            f"{file}: gateway:fly.app",
            "adopt.app",
            settings.fly.app,
            f"the app to take over is {app.name}: an app's name never changes",
            f"pulumi config set -s {settings.environment} --path gateway:fly.app {app.name}",
        )
    if app.organization not in {"", settings.fly.organization}:
        yield Problem(
            f"{file}: gateway:fly.organization",
            "adopt.organization",
            settings.fly.organization,
            f"app {app.name} is in organisation {app.organization}",
            f"pulumi config set -s {settings.environment} --path gateway:fly.organization"
            f" {app.organization}",
        )
    if not in_group(seen.machines):
        yield Problem(
            f"app {app.name}",
            "adopt.machines",
            "",
            f"it has no machine of the process group `{GROUP}`, which is what flyctl makes of a"
            " fly.toml without `[processes]` and what this project runs: nothing to take over",
            f"gateway deploy {settings.environment} makes a gateway where there is none",
        )


def _of_stores(settings: Settings, wanted: Sequence[Desired]) -> Iterator[Problem]:
    file = configuration_file(settings.environment)
    for name, store in (("postgres", settings.postgres), ("redis", settings.redis)):
        if store is not None and store.kind != "existing":
            yield Problem(
                f"{file}: gateway:{name}.kind",
                "adopt.store",
                store.kind,
                f"this would make an empty {name} beside the one that app {settings.fly.app} uses;"
                " an adoption makes nothing",
                f"set `kind: existing` with the host that it uses now, or `gateway:{name}: null`",
            )
    for kind in sorted({each.kind for each in wanted} - TAKEN_OVER - OF_STORES):
        yield Problem(
            file,
            "adopt.kind",
            kind,
            "what the settings declare of this kind cannot be taken over, and an adoption makes"
            " nothing",
            "take it out of the settings, adopt, then put it back and deploy",
        )


def _no_address(app: str, kind: str) -> Problem:
    return Problem(
        f"app {app}",
        "adopt.address",
        kind,
        "it has no address of this type, and the gateway declares one; an adoption makes nothing",
        f"{GET_ADDRESS.get(kind, 'fly ips allocate')} -a {app} (restarts nothing), then adopt",
    )


def _of_secrets(
    settings: Settings, named: Sequence[str], held: Mapping[str, str]
) -> Iterator[Problem]:
    file = configuration_file(settings.environment)
    for name in named:
        if name not in held:
            yield Problem(
                f"app {settings.fly.app}",
                "adopt.secret",
                name,
                "the gateway needs this secret and the app has none of the name; an adoption sets"
                " nothing",
                f"write {name}=VALUE into a file that only you can read, then:"
                f" fly secrets import --stage -a {settings.fly.app} < FILE",
            )
        if settings.secrets.get(name) is SecretSource.GENERATED:
            yield Problem(
                f"{file}: gateway:secrets.{name}",
                "adopt.generated",
                "generated",
                "the app's users and database know the value that it has; a new one would lock"
                " them out with the next change of any secret",
                f"pulumi config set -s {settings.environment} --path gateway:secrets.{name} config;"
                f" pulumi config set -s {settings.environment} --secret gateway:{name}",
            )
