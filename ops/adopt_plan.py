"""What an adoption would take over, what the first deployment would change, what is in its way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from components.adoption import Adoption, Seen
from components.desired import Desired
from fly.differences import MISSING, Step, differences, property_path
from fly.release import in_group, observed, observed_secrets_version, slotted
from fly.replies import Machine
from ops.adopt_problems import Needs, problems
from ops.drift_files import file_changes
from ops.drift_values import is_file, value_text
from stacks.problem import Problem
from stacks.settings import Settings

ALL = "*"  # in a path: the same on every machine
NOT_OURS = "not made by this project"  # what `observed` says under `phase`


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
                "hostnames": dict(self.order.hostnames),
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
    needs = Needs.of(wanted, settings.fly.app)
    addresses = {str(each.type): each.address for each in reversed(seen.addresses)}
    hostnames = {each.hostname: each.status for each in seen.certificates}
    secrets = {each.name: each.digest for each in seen.secrets}
    order = Adoption(
        app=seen.app.name,
        organization=settings.fly.organization,
        addresses=_of(addresses, needs.addresses),
        hostnames=_of(hostnames, needs.hostnames),
        secrets=_of(secrets, needs.secrets),
        secrets_version=observed_secrets_version(group),
        machines={machine.id: machine.instance_id for machine in group},
    )
    return Plan(
        order,
        slots=slotted(group),
        changes=tuple(_changes(settings, wanted, group)),
        unmanaged=tuple(_unmanaged(seen, order)),
        problems=problems(settings, needs, seen, order),
    )


def _of(held: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: held[name] for name in names if name in held}


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
    for certificate in seen.certificates:
        if certificate.hostname not in order.hostnames:
            yield f"host name {certificate.hostname} ({certificate.status})"
    for volume in seen.volumes:
        yield f"volume {volume.id} ({volume.name}, {volume.region}, {volume.size_gb} GB)"
    for secret in seen.secrets:
        if secret.name not in order.secrets:
            yield f"secret {secret.name} (digest {secret.digest})"
