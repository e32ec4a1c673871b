"""The order to take over what is there instead of making it, and what was there when it was given.

`gateway adopt` gives it to one `pulumi up` in its environment. Every provider of that run asks
for it, so that Pulumi's own engine writes the state; without it they do as always.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from fly.certificates import Certificate
from fly.replies import App, Ip, Machine, Secret, Volume

if TYPE_CHECKING:
    from fly.api import FlyApi

VARIABLE = "GATEWAY_ADOPT"


class AdoptionError(Exception):
    """Something is not as it was when the order was given, or cannot be taken over; says what."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What Fly has of an app; no value of a secret is among it."""

    app: App
    addresses: tuple[Ip, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    machines: tuple[Machine, ...] = ()

    @classmethod
    def of(cls, api: "FlyApi", name: str) -> "Seen | None":
        """Look at the app; None when Fly shows none of this name."""
        app = api.apps.find(name)
        if app is None:
            return None
        return cls(
            app,
            api.ips.list(name),
            api.certificates.list(name),
            api.secrets.list(name),
            api.volumes.list(name),
            api.machines.list(name),
        )


@dataclass(frozen=True, slots=True)
class Adoption:
    """What was there when somebody agreed to its adoption; holds no value of a secret.

    `addresses` are by kind, `hostnames` the status of each one's certificate, `secrets` digests by
    name, `machines` the instance ids, by id, of the gateway's process group. `secrets_version` is
    what its machines count as started with: 0 where no release of ours started them.
    """

    app: str
    organization: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    hostnames: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    secrets_version: int = 0
    machines: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """Return it as the value of the variable."""
        return json.dumps(asdict(self), sort_keys=True)

    def need_app(self, name: str) -> None:
        """Refuse to take over anything of another app."""
        if name != self.app:
            raise AdoptionError(
                f"adopt: app {name} is not {self.app}, which was agreed to; nothing was touched"
            )

    def address(self, kind: str, now: Sequence[Ip]) -> str:
        """Return the address of a kind that the plan showed, if the app still has it."""
        planned = self.addresses.get(kind)
        if planned is None or all(ip.address != planned for ip in now):
            raise self._moved(f"its {kind} address is not {planned or 'there'}")
        return planned

    def need_hostname(self, hostname: str, *, found: bool) -> None:
        """Refuse a host name that the plan did not show, or that the app has no more."""
        if hostname not in self.hostnames or not found:
            raise self._moved(f"the host name {hostname} is not there")

    def digests(self, names: Sequence[str], now: Sequence[Secret]) -> dict[str, str]:
        """Return the digests of these secrets, if they are the ones that the plan showed."""
        held = {secret.name: secret.digest for secret in now}
        moved = [
            name
            for name in names
            if name not in self.secrets or held.get(name) != self.secrets[name]
        ]
        if moved:
            raise self._moved(f"the secrets {', '.join(sorted(moved))} are not what they were")
        return {name: held[name] for name in sorted(names)}

    def same_machines(self, now: Sequence[Machine]) -> None:
        """Refuse when a machine came, went or was updated after the plan."""
        found = {machine.id: machine.instance_id for machine in now}
        moved = {*found.items()} ^ {*self.machines.items()}
        if moved:
            names = ", ".join(sorted({machine for machine, _ in moved}))
            raise self._moved(f"machines came, went or were updated: {names}")

    def _moved(self, what: str) -> AdoptionError:
        return AdoptionError(
            f"adopt: app {self.app} changed after the plan was shown: {what}\n"
            "  nothing was touched\n"
            f"  run `gateway adopt ENV --app {self.app}` again: it shows the plan anew"
        )


def ordered(environ: Mapping[str, str]) -> Adoption | None:
    """Return the order that this run was given; None for every ordinary run.

    Raises `AdoptionError` for a text that is none: nothing may be made by mistake.
    """
    text = environ.get(VARIABLE)
    if text is None:
        return None
    try:
        return Adoption(**json.loads(text))
    except (ValueError, TypeError):
        raise AdoptionError(
            f"adopt: {VARIABLE} is set and holds no order of `gateway adopt`\n"
            "  nothing was touched\n"
            f"  unset {VARIABLE}; only `gateway adopt` sets it"
        ) from None
